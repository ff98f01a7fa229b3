// Package faults does to the library what programs do to it by mistake, and sees
// what becomes of everything else. It has no code, only tests.
//
//   - callbacks_test.go, values_test.go, supervisor_test.go, process_test.go and
//     inspect_test.go have tables: a panic, a Goexit and a block in each function
//     of the program's that the library calls. The scope ends, the failure is
//     told once and where it should be, siblings do not notice, and no goroutine
//     is left.
//   - reenter_test.go and reenter_supervisor_test.go call every exported method
//     from inside of such functions.
//   - stuck_test.go has tasks that never return.
//
// What ends a process, or needs a process of its own, is in package programs,
// below this one.
package faults
