package peers_test

import (
	"context"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// asyncio.timeout is our option Timeout, asyncio.wait_for our Future.Wait with a
// context that ends, and asyncio.shield is not needed: waiting for a task never
// cancels it.

func TestCPython_Timeouts(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: test_nested_timeouts", run: func(t *testing.T) {
			var inner error
			outer := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				inner = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					is(t, "body's context", untilCancelled(ctx), context.DeadlineExceeded)
					return ctx.Err()
				}, scope.Timeout(time.Second))
				return inner
			}, scope.Timeout(time.Second))
			is(t, "inner Run()", inner, context.DeadlineExceeded)
			is(t, "outer Run()", outer, context.DeadlineExceeded)
		}},
		{origin: "cpython: test_timeout_not_called", run: func(t *testing.T) {
			begin := time.Now()
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				deadline, _ := ctx.Deadline()
				same(t, "deadline", deadline, begin.Add(10*time.Second))
				return pass(ctx, time.Second)
			}, scope.Timeout(10*time.Second))
			is(t, "Run()", err, nil)
			took(t, begin, time.Second)
		}},
		{origin: "cpython: test_foreign_exception_passed", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(context.Context, *scope.Scope) error {
				return errOne
			}, scope.Timeout(time.Second))
			same(t, "Run()", err, errOne)
		}},
		{origin: "cpython: test_foreign_exception_on_timeout", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				return tidies(0, errOne)(ctx)
			}, scope.Timeout(time.Second))
			is(t, "Run()", err, errOne)
		}},
		{origin: "cpython: test_timeout_taskgroup", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("crashes in clean-up", tidies(0, errOne))
				return tidies(time.Second, errTwo)(ctx)
			}, scope.Timeout(time.Second))
			is(t, "Run()", err, errOne, errTwo)
		}},
		{
			origin: "cpython: test_foreign_cancel_doesnt_timeout_if_not_expired",
			run: func(t *testing.T) {
				err := stopped(time.Second, func(ctx context.Context) error {
					return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
						return untilCancelled(ctx)
					}, scope.Timeout(10*time.Second))
				})
				same(t, "Run()", err, errStop)
			},
		},
		{origin: "cpython: test_outer_task_is_not_cancelled", run: func(t *testing.T) {
			var task *scope.Task
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				task = s.Go("outer", func(ctx context.Context) error {
					err := scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
						return untilCancelled(ctx)
					}, scope.Timeout(time.Second))
					is(t, "Run()", err, context.DeadlineExceeded)
					return ctx.Err()
				})
				return nil
			})
			state(t, "ok", task)
		}},
		// Both deadlines pass while the body does not look.
		{origin: "cpython: test_nested_timeouts_concurrent", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				err := scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					time.Sleep(time.Minute)
					return untilCancelled(ctx)
				}, scope.Timeout(10*time.Second), scope.Name("inner"))
				is(t, "inner Run()", err, context.DeadlineExceeded)
				return nil
			}, scope.Timeout(time.Second), scope.Name("outer"))
			is(t, "outer Run()", err, context.DeadlineExceeded)
			says(t, err, "outer")
		}},
		{origin: "cpython: test_nested_timeouts_loop_busy", run: func(t *testing.T) {
			begin := time.Now()
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				err := scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					time.Sleep(8 * time.Second)
					return untilCancelled(ctx)
				}, scope.Timeout(time.Second))
				is(t, "inner Run()", err, context.DeadlineExceeded)
				return ends(time.Minute, nil)(ctx)
			}, scope.Timeout(10*time.Second))
			is(t, "outer Run()", err, context.DeadlineExceeded)
			took(t, begin, 10*time.Second)
		}},
		// Clean-up has to leave the context that has ended to have time of its own.
		{origin: "cpython: test_nested_timeout_in_finally", run: func(t *testing.T) {
			begin := time.Now()
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				_ = untilCancelled(ctx)
				err := scope.Run(context.WithoutCancel(ctx),
					func(ctx context.Context, _ *scope.Scope) error { return untilCancelled(ctx) },
					scope.Timeout(time.Second), scope.Name("clean-up"))
				is(t, "inner Run()", err, context.DeadlineExceeded)
				says(t, err, "clean-up")
				return ctx.Err()
			}, scope.Timeout(time.Second), scope.Name("work"))
			is(t, "outer Run()", err, context.DeadlineExceeded)
			says(t, err, "work")
			took(t, begin, 2*time.Second)
		}},
		{origin: "cpython: test_timeout_after_cancellation", run: func(t *testing.T) {
			err := stopped(0, func(ctx context.Context) error {
				_ = untilCancelled(ctx)
				return scope.Run(context.WithoutCancel(ctx),
					func(ctx context.Context, _ *scope.Scope) error { return untilCancelled(ctx) },
					scope.Timeout(0))
			})
			is(t, "Run()", err, context.DeadlineExceeded)
		}},
		// With the peer the clean-up is cancelled once more. Here a context ends
		// once, and what has left it is out of reach for good.
		{origin: "cpython: test_cancel_in_timeout_after_cancellation", run: func(t *testing.T) {
			var done steps
			s := scope.Open(t.Context())
			task := s.Go("cleans up", func(ctx context.Context) error {
				_ = untilCancelled(ctx)
				return scope.Run(context.WithoutCancel(ctx),
					func(ctx context.Context, _ *scope.Scope) error {
						s.Cancel(errOne)
						return done.then(ends(time.Second, nil), "clean")(ctx)
					}, scope.Timeout(time.Minute))
			})
			task.Cancel(nil)
			is(t, "Wait()", s.Wait(t.Context()), errOne)
			done.is(t, "clean")
			state(t, "ok", task)
		}},
	})
}

func TestCPython_WaitFor(t *testing.T) {
	runRows(t, []row{
		{
			origin: "cpython: test_wait_for_timeout_less_then_0_or_0_future_done",
			run: func(t *testing.T) {
				withFuture(t, gives(0, "done"), func(fu *scope.Future[string]) {
					<-fu.Done()
					ctx, cancel := context.WithTimeout(t.Context(), -1)
					defer cancel()
					got, err := fu.Wait(ctx)
					is(t, "Wait()", err, nil)
					same(t, "value", got, "done")
				})
			},
		},
		{origin: "cpython: test_wait_for_race_condition", run: func(t *testing.T) {
			withFuture(t, gives(time.Second, "ok"), func(fu *scope.Future[string]) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second+1)
				defer cancel()
				got, err := fu.Wait(ctx)
				is(t, "Wait()", err, nil)
				same(t, "value", got, "ok")
			})
		}},
		{origin: "cpython: test_wait_for_cancel_suppressed", run: func(t *testing.T) {
			stubborn := func(ctx context.Context) (string, error) {
				_ = untilCancelled(ctx)
				return "all the same", nil
			}
			withFuture(t, stubborn, func(fu *scope.Future[string]) {
				fu.Cancel(nil)
				<-fu.Done()
				result(t, fu, "all the same")
			})
		}},
		// Who is cancelled when the value is there gets both.
		{origin: "cpython: test_wait_for_issue86296", run: func(t *testing.T) {
			withFuture(t, gives(0, "done"), func(fu *scope.Future[string]) {
				<-fu.Done()
				_ = stopped(0, func(ctx context.Context) error {
					_ = untilCancelled(ctx)
					got, err := fu.Wait(ctx)
					is(t, "Wait()", err, nil)
					same(t, "value", got, "done")
					is(t, "waiter's context", ctx.Err(), context.Canceled)
					return nil
				})
			})
		}},
		{origin: "cpython: test_zero_timeout", run: func(t *testing.T) {
			withFuture(t, gives(time.Second, "done"), func(fu *scope.Future[string]) {
				ctx, cancel := context.WithTimeout(t.Context(), 0)
				defer cancel()
				_, err := fu.Wait(ctx)
				is(t, "Wait()", err, context.DeadlineExceeded)
				state(t, "running", fu)
				<-fu.Done()
				result(t, fu, "done")
			})
		}},
	})
}

// withFuture calls f with the future of compute.
func withFuture(
	t *testing.T, compute func(context.Context) (string, error), f func(*scope.Future[string]),
) {
	t.Helper()
	s := scope.OpenSupervised(t.Context())
	f(scope.Async(s, "future", compute))
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
}
