package peers_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// withTimeout is our option Timeout, withTimeoutOrNull our MoveOnAfter.
func TestKotlin_Timeout(t *testing.T) {
	runRows(t, []row{
		// Who swallows a timeout does not make it undone.
		{
			origin: "kotlin: WithTimeoutTest.testSuppressExceptionWithResult",
			run: func(t *testing.T) {
				err := timed(t, scope.Timeout(time.Second), tidies(0, nil))
				is(t, "Run()", err, context.DeadlineExceeded)
			},
		},
		{
			origin: "kotlin: WithTimeoutOrNullTest.testSuppressExceptionWithResult",
			run: func(t *testing.T) {
				err := timed(t, scope.MoveOnAfter(time.Second), tidies(0, nil))
				is(t, "Run()", err, nil)
			},
		},
		// The longest duration there is means no deadline.
		{origin: "kotlin: WithTimeoutOrNullTest.testThrowException", run: func(t *testing.T) {
			err := timed(t, scope.MoveOnAfter(math.MaxInt64), ends(time.Second, errOne))
			same(t, "Run()", err, errOne)
		}},
		// A scope forgives its own deadline only.
		{origin: "kotlin: WithTimeoutOrNullTest.testInnerTimeout", run: func(t *testing.T) {
			err := timed(t, scope.MoveOnAfter(time.Minute), func(ctx context.Context) error {
				return timedIn(ctx, scope.Timeout(time.Second), untilCancelled)
			})
			is(t, "Run()", err, context.DeadlineExceeded)
		}},
		{origin: "kotlin: WithTimeoutOrNullTest.testNestedTimeout", run: func(t *testing.T) {
			begin := time.Now()
			err := timed(t, scope.MoveOnAfter(math.MaxInt64), func(ctx context.Context) error {
				return timedIn(ctx, scope.Timeout(time.Second), untilCancelled)
			})
			is(t, "Run()", err, context.DeadlineExceeded)
			took(t, begin, time.Second)
		}},
		{origin: "kotlin: WithTimeoutOrNullTest.testOuterTimeout", run: func(t *testing.T) {
			begin := time.Now()
			rounds := 0
			err := timed(t, scope.MoveOnAfter(320*time.Second), func(ctx context.Context) error {
				for ctx.Err() == nil {
					_ = timedIn(ctx, scope.MoveOnAfter(150*time.Second), untilCancelled)
					rounds++
				}
				return ctx.Err()
			})
			is(t, "Run()", err, nil)
			same(t, "rounds", rounds, 3)
			took(t, begin, 320*time.Second)
		}},
		// With the peer a body that does not notice the timeout has been in time.
		// Here it has not.
		{origin: "kotlin: WithTimeoutOrNullJvmTest.testIgnoredTimeout", run: func(t *testing.T) {
			err := timed(t, scope.Timeout(time.Second), deaf(10*time.Second, nil))
			is(t, "Run()", err, context.DeadlineExceeded)
		}},
		{
			origin: "kotlin: WithTimeoutOrNullJvmTest.testIgnoredTimeoutOnNull",
			run: func(t *testing.T) {
				err := timed(t, scope.MoveOnAfter(time.Second), deaf(10*time.Second, nil))
				is(t, "Run()", err, nil)
			},
		},
		// With the peer a cancellation thrown by hand passes. Here it says no more
		// than that the time is up.
		{
			origin: "kotlin: WithTimeoutOrNullJvmTest.testIgnoredTimeoutOnNullThrowsCancellation",
			run: func(t *testing.T) {
				late := deaf(10*time.Second, context.Canceled)
				is(t, "Run()", timed(t, scope.MoveOnAfter(time.Second), late), nil)
			},
		},
		{
			origin: "kotlin: WithTimeoutOrNullJvmTest.testIgnoredTimeoutOnNullThrowsOnYield",
			run: func(t *testing.T) {
				err := timed(t, scope.MoveOnAfter(time.Second), func(ctx context.Context) error {
					time.Sleep(10 * time.Second)
					return untilCancelled(ctx)
				})
				is(t, "Run()", err, nil)
			},
		},
		{
			origin: "kotlin: WithTimeoutOrNullJvmTest.testOuterTimeoutFiredBeforeInner",
			run: func(t *testing.T) {
				err := timed(t, scope.MoveOnAfter(time.Second), func(ctx context.Context) error {
					time.Sleep(2 * time.Second)
					err := timedIn(ctx, scope.MoveOnAfter(time.Second), untilCancelled)
					is(t, "inner Run()", err, context.DeadlineExceeded) // not its own
					return err
				})
				is(t, "Run()", err, nil)
			},
		},
	})
	runRowsLive(t, []row{
		// A loop that never waits sees the end of its time.
		{origin: "kotlin: WithTimeoutTest.testYieldBlockingWithTimeout", run: func(t *testing.T) {
			err := timed(t, scope.Timeout(10*time.Millisecond), busyUntilCancelled)
			is(t, "Run()", err, context.DeadlineExceeded)
		}},
		{
			origin: "kotlin: WithTimeoutOrNullTest.testYieldBlockingWithTimeout",
			run: func(t *testing.T) {
				err := timed(t, scope.MoveOnAfter(10*time.Millisecond), busyUntilCancelled)
				is(t, "Run()", err, nil)
			},
		},
	})
}

// timed runs a scope with body and one option.
func timed(t *testing.T, opt scope.Option, body func(context.Context) error) error {
	t.Helper()
	return timedIn(t.Context(), opt, body)
}

func timedIn(ctx context.Context, opt scope.Option, body func(context.Context) error) error {
	return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error { return body(ctx) }, opt)
}

// busyUntilCancelled asks its context over and over and waits for nothing.
func busyUntilCancelled(ctx context.Context) error {
	for ctx.Err() == nil {
	}
	return ctx.Err()
}
