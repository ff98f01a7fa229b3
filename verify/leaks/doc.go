// Package leaks runs the tests of the whole repository, package by package, and
// asks the runtime after each which goroutines are blocked for ever: its profile
// of leaked goroutines, an experiment of Go 1.26.
//
// The packages are not changed for it. Package testing is: it is built with an
// overlay in which the end of a test binary writes the profile to a file. So
// packages with a TestMain of their own are looked at like all others, and so
// are test binaries that tests start.
package leaks
