//go:build !linux

package programs_test

// hoard is played on Linux only, where a program can bound its own memory.
func hoard() {}
