// Package supmodel is a reference model of package supervisor with virtual
// time: what children, calls and results must look like when every step has come
// to rest. It is written from the package's documentation and knows nothing of
// goroutines, locks or timers; its tests run the same program for real, in a
// bubble of testing/synctest, and compare. They do all that the model beside the
// tests of package supervisor does, which stays there since that needs no library.
//
// Chance is in one place, the jitter of the backoff. There the model has bounds,
// and goes on with what it sees. All else is exact, to the nanosecond.
package supmodel
