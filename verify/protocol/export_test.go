package protocol

// Explore is for the tests, which stand outside like all tests.
var Explore = explore
