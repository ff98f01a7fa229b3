//go:build amd64 || arm64

package scope

// callerPC returns the program counter in the function that called the
// function that calls callerPC, as runtime.Callers would, by one load from the
// frame pointer in place of 90 ns of unwinding. The function that calls it must
// have a frame of its own, which any function that calls another one has, and be
// marked go:noinline, since a profile can make the compiler inline anything.
//
//go:noescape
func callerPC() uintptr
