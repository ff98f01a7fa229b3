// Package leak asks the runtime which goroutines are blocked for ever. That is an
// experiment of Go 1.26: without GOEXPERIMENT=goroutineleakprofile it knows
// nothing.
package leak
