// Package programs runs whole programs that meet with a fault that nothing can
// contain, or that need more than a test should: the test binary, started anew as
// one of them. It has no code, only tests.
//
//   - crash_test.go runs programs that end badly, and looks at their exit codes
//     and at what they say: panics where they are contained and where they are
//     not, fatal errors of the runtime, deadlocks, os.Exit, signals.
//   - pressure_test.go takes memory away: a limit that is near, and one that is
//     reached.
//   - size_test.go makes a million tasks and nests ten thousand scopes.
//   - heap_test.go looks for what millions of tasks have left.
//
// The package imports nothing that links cgo, such as net: with cgo the runtime
// does not notice that all goroutines are asleep.
package programs
