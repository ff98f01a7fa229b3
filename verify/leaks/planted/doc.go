// Package planted has a test that leaks a goroutine, if it is asked to: the
// control for the search for leaks.
package planted
