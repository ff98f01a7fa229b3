package peers_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Handlers of a Job are here those of package context, on the context of a body or
// a task. They run on goroutines of their own, so they are counted at rest.
func TestKotlin_Job(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: JobTest.testState", run: func(t *testing.T) {
			s := scope.Open(t.Context())
			same(t, "state", s.Info().State, "open")
			s.Cancel(nil)
			same(t, "state", s.Info().State, "ended")
		}},
		{origin: "kotlin: JobTest.testHandler", run: func(t *testing.T) {
			fired := handlers(t, 1, nil, nil)
			same(t, "handlers that fired once", fired, 1)
		}},
		{origin: "kotlin: JobTest.testManyHandlers", run: func(t *testing.T) {
			fired := handlers(t, 100, nil, nil)
			same(t, "handlers that fired once", fired, 100)
		}},
		{origin: "kotlin: JobTest.testUnregisterInHandler", run: func(t *testing.T) {
			fired := handlers(t, 100, nil, func(stop func() bool) {
				same(t, "stop() while it runs", stop(), false)
			})
			same(t, "handlers that fired once", fired, 100)
		}},
		{origin: "kotlin: JobTest.testManyHandlersWithUnregister", run: func(t *testing.T) {
			fired := handlers(t, 100, func(i int, stop func() bool) {
				if i%4 <= 1 {
					same(t, "stop() before it runs", stop(), true)
				}
			}, nil)
			same(t, "handlers that fired once", fired, 50)
		}},
		{origin: "kotlin: JobTest.testCancelAndJoinParentWaitChildren", run: func(t *testing.T) {
			var done steps
			s := scope.Open(t.Context())
			s.Go("child", done.finally(tidies(time.Second, nil), "cleaned up"))
			synctest.Wait()
			s.Cancel(nil)
			done.add("cancelled")
			is(t, "Wait()", s.Wait(t.Context()), nil)
			done.is(t, "cancelled", "cleaned up")
		}},
		{
			origin: "kotlin: NonCancellableTest.testNonCancellableWithException",
			run: func(t *testing.T) {
				var done steps
				s := scope.Open(t.Context())
				fu := scope.Async(s, "deferred", func(ctx context.Context) (int, error) {
					_ = done.then(shielded, "shielded")(ctx)
					return 0, ctx.Err()
				})
				fu.Cancel(errStop)
				_, err := fu.Wait(t.Context())
				is(t, "Wait()", err, scope.ErrCancelled, errStop)
				done.is(t, "shielded")
				is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
			},
		},
		// With the peer such a job counts as cancelled. Here it did all it had to
		// do, and has succeeded.
		{origin: "kotlin: NonCancellableTest.testNonCancellableTwice", run: func(t *testing.T) {
			var done steps
			task := cancelledAfter(t, 500*time.Millisecond, func(ctx context.Context) error {
				_ = done.then(shielded, "one")(ctx)
				return done.then(shielded, "two")(ctx)
			})
			done.is(t, "one", "two")
			state(t, "ok", task)
		}},
	})
}

// handlers has n functions called at the cancellation of a task, and returns how
// many of them were called exactly once.
func handlers(
	t *testing.T, n int, registered func(i int, stop func() bool), fired func(stop func() bool),
) (once int) {
	t.Helper()
	counts := make([]atomic.Int32, n)
	stops, known := make([]func() bool, n), make(chan struct{})
	job := cancelledAfter(t, time.Second, func(ctx context.Context) error {
		for i := range n {
			stops[i] = context.AfterFunc(ctx, func() {
				<-known
				counts[i].Add(1)
				if fired != nil {
					fired(stops[i])
				}
			})
			if registered != nil {
				registered(i, stops[i])
			}
		}
		close(known)
		return untilCancelled(ctx)
	})
	job.Cancel(nil) // once more
	synctest.Wait()
	for i := range counts {
		if counts[i].Load() == 1 {
			once++
		}
	}
	return once
}

func TestKotlin_Await(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: AwaitTest.testAwaitAll", run: func(t *testing.T) {
			ok, late := gives(0, 1), gives(time.Second, 2)
			values, err := awaitAll(t, nil, ok, late)
			is(t, "awaitAll()", err, nil)
			same(t, "values in order", slices.Equal(values, []int{1, 2}), true)
		}},
		{origin: "kotlin: AwaitTest.testAwaitAllExceptionally", run: func(t *testing.T) {
			begin := time.Now()
			_, err := awaitAll(t, func(all []*scope.Future[int]) {
				took(t, begin, time.Second)
				state(t, "ok", all[0])
				state(t, "running", all[2])
			}, gives(0, 1), lacks[int](time.Second, errOne), gives(time.Hour, 3))
			is(t, "awaitAll()", err, errOne)
		}},
		// What nobody fetched goes to the handler; with the peer it is lost.
		{origin: "kotlin: AwaitTest.testAwaitAllMultipleExceptions", run: func(t *testing.T) {
			h := &ledger{}
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(h.handle))
			one := scope.Async(s, "one", lacks[int](0, errOne))
			scope.Async(s, "two", lacks[int](time.Second, errTwo))
			_, err := one.Wait(t.Context())
			is(t, "Wait()", err, errOne)
			is(t, "Drain()", s.Drain(t.Context()), nil)
			heard(t, h, errTwo)
		}},
		{origin: "kotlin: AwaitTest.testAwaitAllCancellation", run: func(t *testing.T) {
			s := scope.Open(t.Context())
			inner := scope.Async(s, "inner", gives(time.Hour, 1))
			outer := scope.Async(s, "outer", func(ctx context.Context) (int, error) {
				return inner.Wait(ctx)
			})
			synctest.Wait()
			outer.Cancel(errStop)
			_, err := outer.Wait(t.Context())
			is(t, "Wait()", err, scope.ErrCancelled, errStop)
			state(t, "running", inner)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{
			origin: "kotlin: AwaitTest.testAwaitAllPartiallyCompletedExceptionally",
			run: func(t *testing.T) {
				_, err := awaitAll(t, func(all []*scope.Future[int]) {
					state(t, "running", all[1])
					_, err := all[1].Wait(t.Context())
					is(t, "Wait()", err, nil)
				}, lacks[int](0, errOne), gives(time.Second, 2))
				is(t, "awaitAll()", err, errOne)
			},
		},
		{origin: "kotlin: AwaitTest.testAwaitAllSameJobMultipleTimes", run: func(t *testing.T) {
			withFuture(t, gives(time.Second, "OK"), func(fu *scope.Future[string]) {
				for range 3 {
					got, err := fu.Wait(t.Context())
					is(t, "Wait()", err, nil)
					same(t, "value", got, "OK")
				}
			})
		}},
		{
			origin: "kotlin: AwaitTest.testAwaitAllSameThrowingJobMultipleTimes",
			run: func(t *testing.T) {
				withFuture(t, lacks[string](0, errOne), func(fu *scope.Future[string]) {
					for range 3 {
						_, err := fu.Wait(t.Context())
						is(t, "Wait()", err, errOne)
					}
				})
			},
		},
		{origin: "kotlin: AwaitTest.testJoinAllSameJobExceptionally", run: func(t *testing.T) {
			withFuture(t, lacks[string](0, errOne), func(fu *scope.Future[string]) {
				for range 3 {
					<-fu.Done()
				}
				is(t, "Err()", fu.Err(), errOne)
			})
		}},
	})
}

// awaitAll waits for futures, in order, until one of them has failed. It calls
// meanwhile, if that is not nil, before the others are cancelled.
func awaitAll(
	t *testing.T, meanwhile func([]*scope.Future[int]), fs ...computation,
) (values []int, err error) {
	t.Helper()
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	var all []*scope.Future[int]
	for _, f := range fs {
		all = append(all, scope.Async(s, "one of all", f))
	}
	for _, fu := range all {
		value, failed := fu.Wait(t.Context())
		if err = failed; err != nil {
			break
		}
		values = append(values, value)
	}
	if meanwhile != nil {
		meanwhile(all)
	}
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
	return values, err
}

func TestKotlin_Async(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: AsyncTest.testSimple", run: func(t *testing.T) {
			withFuture(t, gives(time.Second, "42"), func(fu *scope.Future[string]) {
				state(t, "running", fu)
				for range 2 {
					got, err := fu.Wait(t.Context())
					is(t, "Wait()", err, nil)
					same(t, "value", got, "42")
				}
				state(t, "ok", fu)
			})
		}},
		// The failure that the body passes on is the one that ended the scope.
		{origin: "kotlin: AsyncTest.testSimpleException", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				_, err := scope.Async(s, "fails", lacks[int](time.Second, errOne)).Wait(ctx)
				return err
			}, scope.Name("run"))
			is(t, "Run()", err, errOne)
			same(t, "text", err.Error(), `task "run/fails": one`) // once
		}},
		{origin: "kotlin: AsyncTest.testCancellationWithCause", run: func(t *testing.T) {
			withFuture(t, gives(time.Hour, ""), func(fu *scope.Future[string]) {
				fu.Cancel(errStop)
				_, err := fu.Wait(t.Context())
				is(t, "Wait()", err, scope.ErrCancelled, errStop)
			})
		}},
		{
			origin: "kotlin: AsyncTest.testParallelDecompositionCaughtException",
			run: func(t *testing.T) {
				s := scope.OpenSupervised(t.Context())
				outer := scope.Async(s, "outer", func(ctx context.Context) (int, error) {
					_, err := scope.Async(s, "part", lacks[int](0, errOne)).Wait(ctx)
					is(t, "Wait()", err, errOne)
					return 42, nil
				})
				<-outer.Done()
				result(t, outer, 42)
				is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
			},
		},
		// In a fail-fast scope it is too late to catch the failure of a part.
		{origin: "kotlin: AsyncTest.testParallelDecompositionCaughtExceptionWithInheritedParent",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					_, err := scope.Async(s, "part", lacks[int](0, errOne)).Wait(ctx)
					is(t, "Wait()", err, errOne)
					return nil
				})
				is(t, "Run()", err, errOne)
			}},
		{origin: "kotlin: AsyncTest.testDeferBadClass", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			cannotBeCompared := []int{42}
			fu := scope.Async(s, "bad", func(context.Context) (any, error) {
				return cannotBeCompared, nil
			})
			got, err := fu.Wait(t.Context())
			is(t, "Wait()", err, nil)
			same(t, "value", &got.([]int)[0], &cannotBeCompared[0])
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		// With the peer a result does not override a cancellation. Here a task
		// that succeeds all the same has succeeded.
		{origin: "kotlin: AsyncTest.testAsyncWithFinally", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			fu := scope.Async(s, "deferred", func(ctx context.Context) (string, error) {
				return "made it", tidies(time.Second, nil)(ctx)
			})
			synctest.Wait()
			state(t, "running", fu)
			fu.Cancel(nil)
			state(t, "cancelling", fu)
			got, err := fu.Wait(t.Context())
			is(t, "Wait()", err, nil)
			same(t, "value", got, "made it")
			state(t, "ok", fu)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
	})
}
