// Package gather returns the typed results of concurrent work.
//
// Each call runs its functions as tasks of a scope of its own, nested in the
// one ctx belongs to, and returns when all of them have ended:
//
//	pages, err := gather.Map(ctx, 8, urls, fetch) // at most 8 at a time
//
// Some functions, each called once, all at the same time:
//
//   - [All] wants every value: the first failure cancels the others.
//   - [Settled] wants every outcome: a failure leaves the others alone.
//   - [Race] wants one value: the first success cancels the others.
//
// One function for many inputs, at most n at a time:
//
//   - [Map] makes a slice of a slice: the first failure cancels the others.
//   - [Ordered] makes a sequence of a sequence, in the order of the inputs.
//   - [Completed] does so in the order in which the results are there.
//
// The inputs of Ordered and Completed are pulled as the loop goes on and may have
// no end. A failure leaves the others alone there; who wants to end with the first
// one leaves the loop.
//
// # Guarantees
//
//  1. When a call has returned, or the loop over a sequence has been left, nothing
//     that it started runs. That holds on every path: break, return, an error, a
//     panic or runtime.Goexit in a function, in the input or in the loop.
//  2. A result stands where its function or input does. Each input that was pulled
//     is yielded once, unless the loop ends before.
//  3. In Settled, Ordered and Completed the failure, panic or Goexit of a function
//     leaves the others alone.
//  4. At most n calls of the function are in progress, and at most n inputs are
//     pulled beyond those that were yielded.
//  5. Every failure is told once: returned, yielded, or given to the handler. The
//     exception is an error that a function returned to a race that was won.
//
// # Failure
//
// A function that fails is told as a [*scope.Failure], which wraps its error and
// names the task. A panic is a failure like any other, with a [*scope.PanicError]
// inside, and so is runtime.Goexit, as [scope.ErrGoexit]; neither goes on in the
// caller. What a call does not return goes to the handler of ctx's scope: failures
// behind the first of All and Map, panics in a race that was won, failures that a
// loop was left without having seen.
//
// An error marked by [scope.Fatal] brings down the whole call, whichever it is.
//
// If ctx is cancelled, so are the functions. All and Map return its cause. Race
// does, beside the failures it has seen, if no function has succeeded. In Settled,
// Ordered and Completed each result tells: one of a function that gave in is
// [scope.ErrCancelled], one of a function that was never called is
// [scope.ErrClosed], and both are the cause, too. Values that were there are kept.
//
// Nil functions and sequences, and an n below 1, are mistakes of the program: the
// call panics.
//
// # Concurrency
//
// All calls block, or their loops do. A function's return happens before that of
// the call, or before its result is yielded. The input and the loop run on the
// goroutine of the caller, one at a time, so that they may share variables; the
// functions run on goroutines of their own.
//
// What a function starts in the scope of its context, [scope.From], does not count
// for n, and is waited for when the call ends.
//
// # When not to use it
//
// For values that nobody waits for together, use [scope.Async]. For work that
// arrives for ever, from a channel or a socket, use a scope with a [scope.Limit]:
// a loop over Ordered or Completed yields nothing while its input blocks.
//
// # Prior art
//
// asyncio's gather and as_completed; JavaScript's Promise.all, allSettled and any;
// Elixir's Task.async_stream, whose cases are carried over; buffered and
// buffer_unordered of Rust's futures; sourcegraph/conc.
package gather
