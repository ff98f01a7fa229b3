package peers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

func TestKotlin_CoroutineScope(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: CoroutineScopeTest.testScope", run: func(t *testing.T) {
			var done steps
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("first", done.then(ends(time.Second, nil), "first"))
				s.Go("second", func(ctx context.Context) error {
					err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
						s.Go("below", done.then(ends(2*time.Second, nil), "below"))
						done.add("second's body")
						return nil
					})
					done.add("second")
					return err
				})
				synctest.Wait()
				done.add("body")
				return nil
			})
			is(t, "Run()", err, nil)
			done.is(t, "second's body", "body", "first", "below", "second")
			is(t, "caller's context", t.Context().Err(), nil)
		}},
		{origin: "kotlin: CoroutineScopeTest.testAsyncCancellationFirst", run: func(t *testing.T) {
			concurrentSum(t, lacks[int](time.Second, errOne), gives(time.Hour, 42))
		}},
		{origin: "kotlin: CoroutineScopeTest.testAsyncCancellationSecond", run: func(t *testing.T) {
			concurrentSum(t, gives(time.Hour, 42), lacks[int](time.Second, errOne))
		}},
	})
}

// concurrentSum computes two numbers, one of which is the failure of both.
func concurrentSum(t *testing.T, f, g computation) {
	t.Helper()
	var one, two *scope.Future[int]
	h := &ledger{}
	begin := time.Now()
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		one, two = scope.Async(s, "one", f), scope.Async(s, "two", g)
		if _, err := one.Wait(ctx); err != nil {
			return err
		}
		_, err := two.Wait(ctx)
		return err
	}, scope.OnFailure(h.handle))
	is(t, "Run()", err, errOne)
	took(t, begin, time.Second)
	heard(t, h)
	counts := one.Scope().Info().Counts
	same(t, "failed", counts.Failed, 1)
	same(t, "cancelled", counts.Cancelled, 1)
}

func TestKotlin_Coroutines(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: CoroutinesTest.testLaunchAndYieldJoin", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				job := s.Go("job", ends(time.Second, nil))
				synctest.Wait()
				state(t, "running", job)
				is(t, "Wait()", job.Wait(ctx), nil)
				state(t, "ok", job)
				return nil
			})
		}},
		{origin: "kotlin: CoroutinesTest.testNested", run: func(t *testing.T) {
			var done steps
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				one := s.Go("one", func(ctx context.Context) error {
					two := s.Go("two", done.then(nothing, "two"))
					is(t, "Wait()", two.Wait(ctx), nil)
					done.add("one")
					return nil
				})
				is(t, "Wait()", one.Wait(ctx), nil)
				done.add("body")
				return nil
			})
			done.is(t, "two", "one", "body")
		}},
		{origin: "kotlin: CoroutinesTest.testCancelChildWithFinally", run: func(t *testing.T) {
			var done steps
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				child := s.Go("child", func(ctx context.Context) error {
					defer done.add("deferred")
					return done.then(untilCancelled, "not reached")(ctx)
				})
				child.Cancel(nil)
				return nil
			})
			done.is(t, "deferred")
		}},
		{origin: "kotlin: CoroutinesTest.testJoinWithFinally", run: func(t *testing.T) {
			var done steps
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				job := s.Go("job", done.finally(tidies(time.Second, nil), "cleaned up"))
				synctest.Wait()
				state(t, "running", job)
				job.Cancel(nil)
				state(t, "cancelling", job)
				is(t, "Wait()", job.Wait(ctx), nil)
				done.add("joined")
				return nil
			})
			done.is(t, "cleaned up", "joined")
		}},
		{origin: "kotlin: CoroutinesTest.testCancelAndJoinChildren", run: func(t *testing.T) {
			s := scope.Open(t.Context())
			s.Go("a", tidies(time.Second, context.Canceled))
			s.Go("b", untilCancelled)
			children := s.Tasks()
			for _, child := range children {
				child.Cancel(nil)
			}
			for _, child := range children {
				_ = child.Wait(t.Context())
				state(t, "cancelled", child)
			}
			same(t, "tasks cancelled", len(children), 2)
			same(t, "scope's state", s.Info().State, "open")
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{origin: "kotlin: CoroutinesTest.testParentCrashCancelsChildren", run: func(t *testing.T) {
			var child *scope.Task
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
			parent := s.Go("parent", func(ctx context.Context) error {
				child = scope.Open(ctx).Go("child", tidies(time.Second, context.Canceled))
				synctest.Wait()
				return errOne
			})
			_ = parent.Wait(t.Context())
			state(t, "failed", parent)
			state(t, "cancelled", child)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{
			origin: "kotlin: CoroutinesTest.testNotCancellableChildWithExceptionCancelled",
			run: func(t *testing.T) {
				s := scope.OpenSupervised(t.Context())
				fu := scope.Async(s, "fails", func(ctx context.Context) (int, error) {
					return 0, tidies(0, errOne)(ctx)
				})
				fu.Cancel(errStop)
				_, err := fu.Wait(t.Context())
				is(t, "Wait()", err, errOne)
				isNot(t, "Wait()", err, errStop)
				is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
			},
		},
		// With the peer a job that is cancelled in time was never begun. Here it is
		// called, and finds its context done.
		{origin: "kotlin: FailedJobTest.testCancelledJob", run: func(t *testing.T) {
			s := scope.Open(t.Context())
			job := s.Go("job", untilCancelled)
			job.Cancel(nil)
			_ = job.Wait(t.Context())
			state(t, "cancelled", job)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{origin: "kotlin: FailedJobTest.testFailedJob", run: func(t *testing.T) {
			h := &ledger{}
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(h.handle))
			job := s.Go("job", returns(errOne))
			_ = job.Wait(t.Context())
			state(t, "failed", job)
			heard(t, h, errOne) // by now, not some time later
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{
			origin: "kotlin: JobBasicCancellationTest.testNestedAsyncFailure",
			run: func(t *testing.T) {
				h := &ledger{}
				s := scope.OpenSupervised(t.Context(), scope.OnFailure(h.handle))
				outer := scope.Async(s, "outer", func(ctx context.Context) (int, error) {
					return scope.Async(s, "nested", lacks[int](time.Second, errOne)).Wait(ctx)
				})
				_, err := outer.Wait(t.Context())
				is(t, "Wait()", err, errOne)
				is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
				heard(t, h)
			},
		},
	})
}

// A job that has launched others is here a task with a scope in it.
func TestKotlin_JobStates(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: JobStatesTest.testNormalCompletion", run: func(t *testing.T) {
			states(t, ends(time.Second, nil), nil, func(job *scope.Task) {
				state(t, "running", job)
			}, "ok")
		}},
		{origin: "kotlin: JobStatesTest.testCompletingFailed", run: func(t *testing.T) {
			states(t, ends(time.Second, errOne), nil, func(job *scope.Task) {
				state(t, "running", job)
			}, "failed")
		}},
		// With the peer a job is cancelling from its own failure on. Here a task
		// that returns has ended, and one that waits for its scope runs.
		{origin: "kotlin: JobStatesTest.testFailed", run: func(t *testing.T) {
			states(t, tidies(time.Second, nil), errOne, func(job *scope.Task) {
				state(t, "running", job)
			}, "failed")
		}},
		// With the peer the job counts as cancelled although all of it succeeded.
		{origin: "kotlin: JobStatesTest.testCancelling", run: func(t *testing.T) {
			states(t, deaf(time.Second, nil), nil, func(job *scope.Task) {
				job.Cancel(nil)
				state(t, "cancelling", job)
			}, "cancelled")
		}},
	})
}

// states looks at a job with a child: while the child runs and the job's body is
// over with err, and at the end.
func states(
	t *testing.T, child func(context.Context) error, err error,
	look func(job *scope.Task), end string,
) {
	t.Helper()
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	job := s.Go("job", func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("child", child)
			return err
		})
	})
	synctest.Wait()
	look(job)
	_ = job.Wait(t.Context())
	state(t, end, job)
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
}
