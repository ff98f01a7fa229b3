package peers_test

import (
	"context"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// quattro's gather is our gather.All, or Settled if it returns exceptions, its
// fail_after and move_on_after are our options Timeout and MoveOnAfter, its background
// tasks our daemons.

func TestQuattro_Gather(t *testing.T) {
	runRows(t, []row{
		{origin: "quattro: test_gather_with_error", run: func(t *testing.T) {
			var done steps
			_, err := gather.All(t.Context(),
				done.job(10, 1, nil), done.job(10, 1, nil), lacks[int](time.Second, errOne))
			is(t, "All()", err, errOne)
			done.is(t, "cancelled", "cancelled")
		}},
		{origin: "quattro: test_parent_cancelled", run: func(t *testing.T) {
			var done steps
			err := stopped(time.Second, func(ctx context.Context) error {
				_, err := gather.All(ctx, done.job(10, 1, nil), done.job(10, 1, nil))
				return err
			})
			is(t, "All()", err, errStop)
			done.is(t, "cancelled", "cancelled")
		}},
		{origin: "quattro: test_parent_cancelled_return_excs", run: func(t *testing.T) {
			var done steps
			err := stopped(time.Second, func(ctx context.Context) error {
				results := gather.Settled(ctx, done.job(10, 1, nil), done.job(10, 1, nil))
				is(t, "second result", results[1].Err, scope.ErrCancelled, errStop)
				return results[0].Err
			})
			is(t, "first result", err, scope.ErrCancelled, errStop)
			done.is(t, "cancelled", "cancelled")
		}},
	})
}

func TestQuattro_BackgroundTasks(t *testing.T) {
	runRows(t, []row{
		{origin: "quattro: test_errors_interrupt", run: func(t *testing.T) {
			var forever, fails *scope.Task
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				forever = s.Daemon("forever", untilCancelled)
				fails = s.Daemon("fails", ends(time.Second, errOne))
				return ends(time.Minute, nil)(ctx)
			})
			is(t, "Run()", err, errOne)
			state(t, "cancelled", forever)
			state(t, "failed", fails)
		}},
	})
}

func TestQuattro_Deadlines(t *testing.T) {
	runRows(t, []row{
		{origin: "quattro: test_nested_deadlines_error", run: func(t *testing.T) {
			now := time.Now()
			err := timed(t, scope.MoveOnAfter(10*time.Second), func(ctx context.Context) error {
				deadlineIs(t, ctx, now.Add(10*time.Second))
				err := timedIn(ctx, scope.Timeout(3*time.Second), untilCancelled)
				is(t, "inner Run()", err, context.DeadlineExceeded)
				deadlineIs(t, ctx, now.Add(10*time.Second))
				return ctx.Err()
			})
			is(t, "Run()", err, nil)
			took(t, now, 3*time.Second)
		}},
		{origin: "quattro: test_taskgroup_deadlines", run: func(t *testing.T) {
			want := time.Now().Add(10 * time.Second)
			_ = timed(t, scope.MoveOnAfter(10*time.Second), func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("task", func(ctx context.Context) error {
						deadlineIs(t, ctx, want)
						inner, cancel := context.WithDeadline(ctx, want.Add(-time.Second))
						defer cancel()
						deadlineIs(t, inner, want.Add(-time.Second))
						return nil
					})
					return nil
				})
			})
		}},
		{origin: "quattro: test_fail_after_nested_outer_shorter", run: func(t *testing.T) {
			begin := time.Now()
			var inner error
			err := timed(t, scope.Timeout(time.Second), func(ctx context.Context) error {
				inner = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return untilCancelled(ctx)
				}, scope.Timeout(2*time.Second), scope.Name("inner"))
				return inner
			})
			is(t, "Run()", err, context.DeadlineExceeded)
			same(t, "the inner error is the outer's", inner.Error(), err.Error())
			took(t, begin, time.Second)
		}},
		// With the peer this is a cancellation of its task. Here it is a clean end.
		{origin: "quattro: test_fail_after_cancel_myself", run: func(t *testing.T) {
			cancelsItself(t, scope.Timeout(5*time.Second))
		}},
		{origin: "quattro: test_move_on_cancel_myself", run: func(t *testing.T) {
			cancelsItself(t, scope.MoveOnAfter(5*time.Second))
		}},
		{origin: "quattro: test_move_on_nested_inner_shorter", run: func(t *testing.T) {
			var done steps
			begin := time.Now()
			err := timed(t, scope.MoveOnAfter(2*time.Second), func(ctx context.Context) error {
				err := timedIn(ctx, scope.MoveOnAfter(time.Second), untilCancelled)
				is(t, "inner Run()", err, nil)
				done.add("moved on")
				return done.then(ends(2*time.Second, nil), "not reached")(ctx)
			})
			is(t, "Run()", err, nil)
			done.is(t, "moved on")
			took(t, begin, 2*time.Second)
		}},
		// Each of three scopes hears of its own end only.
		{origin: "quattro: test_fail_after_inner_unrelated_exc", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, first *scope.Scope) error {
				err := scope.Run(ctx, func(ctx context.Context, second *scope.Scope) error {
					err := timedIn(ctx, scope.Timeout(time.Minute), func(context.Context) error {
						second.Cancel(nil)
						first.Cancel(errStop)
						return errOne
					})
					same(t, "third Run()", err, errOne)
					return ctx.Err()
				}, scope.Timeout(time.Second))
				same(t, "second Run()", err, errStop)
				return err
			})
			same(t, "first Run()", err, errStop)
		}},
	})
}

// cancelsItself cancels a scope with a deadline from inside, before that.
func cancelsItself(t *testing.T, opt scope.Option) {
	t.Helper()
	begin := time.Now()
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		time.Sleep(time.Second)
		s.Cancel(nil)
		return untilCancelled(ctx)
	}, opt)
	is(t, "Run()", err, nil)
	took(t, begin, time.Second)
}
