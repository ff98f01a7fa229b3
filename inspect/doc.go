// Package inspect shows the tree of scopes and tasks of a running program.
//
// [Take] copies the tree into a [Snapshot]: plain data, with a version, that is
// written as JSON (docs/inspect.schema.json) or as text for a terminal.
// [Handler] serves it to a browser, with a page that follows the changes, and
// [Listen] to the command scope, over a socket that only the program's user can
// reach:
//
//	s.Daemon("inspect", inspect.Listen)
//
// Nothing is served unless one of the two is called, and nothing can be changed
// through either.
//
// # Guarantees
//
//  1. A task is in a snapshot at most once, and one that lives while the snapshot
//     is taken is in it, whatever starts and ends meanwhile.
//  2. A task that refuses to stop and a handler that blocks hold up no snapshot.
//     No lock of a scope is held while anything is formatted or written.
//  3. A stack stands at the task that it is of, or nowhere: the two are joined by
//     the address of the task, which the traceback prints.
//  4. What was asked to end longer ago than its grace is shown as straggling.
//  5. What a program puts into names and errors can neither forge markup on the
//     page nor move the cursor of the terminal.
//
// # Cost
//
// A program that nobody looks at pays nothing: the package starts no goroutine
// and keeps no list of its own. A snapshot without stacks stops nobody and costs
// about 2 µs a task (BenchmarkTake). With stacks it stops the world for as long
// as the runtime prints, some microseconds per goroutine; how long it was, is in
// [Cost] and is shown with every view. Why such a list is worth having, and what
// others paid for theirs, is in docs/guide/inspect.md.
//
// # Concurrency
//
// All functions may be called from any goroutine at any time. A Snapshot is the
// caller's own. The detail that a task gives with [scope.Describe] is asked for
// while the snapshot is taken; a detail that blocks holds up that snapshot.
//
// # When not to use it
//
// What a function computes is not seen, only where it is. For time and memory
// use the profiles of runtime/pprof.
package inspect
