// Package model is a reference model of package scope: what a program of tasks
// and scopes must look like when every step has come to rest. It knows nothing
// of goroutines, locks or channels; its tests run the same program for real, in
// a bubble of testing/synctest, and compare.
//
// Where the real order is open, as when several tasks fail by the same
// cancellation, the model keeps the set of what may be.
package model
