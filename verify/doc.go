// Package verify stands at the root of a module of heavy evidence for package
// scope. It holds no code: each directory below is a check of its own.
//
//   - model runs random programs in bubbles of testing/synctest and compares
//     what happens, step by step, with a reference model.
//   - protocol explores all states of the end of a scope, in small
//     configurations.
//   - linear records what concurrent callers see and asks porcupine whether one
//     order explains it.
//   - stress runs races until both sides have been seen.
//   - supmodel runs random supervisors in virtual time against a model of their
//     own.
//   - faults has each function of the program's that the library calls panic,
//     exit and block, and runs programs that end badly.
//   - leaks asks the runtime, after the tests of all packages, for goroutines
//     that nothing can wake.
//   - peers asks of scope what the test-suites of other libraries prove.
//   - broken builds the core with one thing wrong and sees the checks fail.
//   - mutate does that by machine, and lists what no test noticed.
//
// docs/evidence.md says which promise each of them checks, and what it cannot
// see. The script nightly.sh runs everything at length.
package verify
