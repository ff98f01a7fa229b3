// Package scope gives every piece of concurrent work an owner.
//
// A [Scope] owns a changing set of tasks, and ends only when all of them have
// returned. A fail-fast scope ([Run], [Open]) ends with its first failure and
// returns it. A supervised one ([Supervise], [OpenSupervised]) hands a failure
// to a handler and leaves everything else running, for minutes or for years.
// Scopes opened with a task's context hang below that task, so that the whole
// program is one tree, which can be cancelled, waited for and looked at:
//
//	err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
//		for _, url := range urls {
//			s.Go(url, func(ctx context.Context) error { return fetch(ctx, url) })
//		}
//		return nil
//	})
//
// # Guarantees
//
//  1. When Run or Supervise has returned, or Shutdown or Drain has without a
//     [*StragglersError], nothing of the scope runs: no task, no handler, no
//     deferred function, no scope nested in it. That holds on every path: return,
//     error, panic, runtime.Goexit.
//  2. A task that was admitted is called exactly once. One that was refused is
//     never called, and the caller of Go learns of it before Go returns.
//  3. Every failure is told exactly once: returned, or given to the handler.
//     None is dropped in favour of a cancellation.
//  4. In a supervised scope the failure, panic or Goexit of a task leaves its
//     siblings and the body alone.
//  5. When Cancel has returned, the context of everything below is done.
//  6. No lock is held while a function of the caller's runs, so a handler, hook
//     or task may call any method. What would wait for itself gets [ErrSelfWait].
//  7. A supervised scope keeps nothing of a finished task but counts.
//  8. The scope hides no data race between tasks from the race detector: only a
//     join synchronizes.
//
// # Failure
//
// A task ends in one of five ways. It returns nil; it returns an error; it
// panics, which becomes a [*PanicError] with the stack of the panic; it calls
// [runtime.Goexit], as t.FailNow does, which becomes [ErrGoexit]; or it was
// cancelled and returns just that. The last is not a failure. What counts as
// "just that" is decided by the whole tree of the error: each leaf must be the
// context's error, its cause, or context.Canceled. An error that joins a
// cancellation and a real error is a failure, and so is context.Canceled from a
// task whose context is live: it comes from somewhere else.
//
// Handlers are looked for outwards: the scope's own, those of the scopes around
// it, at last a report on standard error; see [OnFailure].
//
// # Concurrency
//
// All methods are safe for concurrent use. Wait, Drain, Shutdown, [Task.Wait],
// [Future.Wait], Start and Do block; so do Go and [Async] in a scope with a
// [Limit]. A refusal by Go, Daemon or Async waits for the handler that is told of
// it. The other methods do not block. A call of Go happens before the task's
// function starts, and the end of a task happens before the return of whatever
// waited for it.
//
// # Cost
//
// A task has a goroutine of its own and takes two allocations of 128 bytes in
// all; a third, with a standard context, is made for a task that asks its
// context for Done. The module bench measures this beside other libraries.
//
// # When not to use it
//
// To wait for a fixed handful of goroutines that cannot fail, sync.WaitGroup
// will do. A scope is no worker pool, no queue and no actor. It cannot kill a
// goroutine: one that ignores its context is waited for, and named.
//
// # Prior art
//
// Structured concurrency: Nathaniel J. Smith's Trio, Kotlin's coroutineScope and
// supervisorScope, Python's asyncio.TaskGroup and aiotools' PersistentTaskGroup.
// In Go: golang.org/x/sync/errgroup. Supervision: Erlang/OTP.
package scope
