//go:build !amd64 && !arm64

package scope

import "runtime"

// callerPC returns the program counter in the function that called the
// function that calls callerPC.
//
//go:noinline
func callerPC() uintptr {
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:])
	return pcs[0]
}
