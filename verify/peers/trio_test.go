package peers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Trio's nursery is our Run, its cancel scope a scope or a context, its shield
// context.WithoutCancel, which is for good: a shield cannot be taken off.

func TestTrio_Nursery(t *testing.T) {
	runRows(t, []row{
		// With the peer all errors are in a group. Here the result is the first,
		// unless more are asked for.
		{origin: "trio: test_main_and_task_both_crash", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("crasher", returns(errOne))
				return errTwo
			}, scope.KeepErrors(1))
			is(t, "Run()", err, errOne, errTwo)
		}},
		{origin: "trio: test_two_child_crashes", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("one", deaf(time.Second, errOne))
				s.Go("two", deaf(time.Second, errTwo))
				return nil
			}, scope.KeepErrors(1))
			is(t, "Run()", err, errOne, errTwo)
		}},
		// Cancellations, of whatever scope, leave no trace in the result.
		{origin: "trio: test_cancel_scope_exceptiongroup_filtering", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("t1", untilCancelled)
					s.Go("t2", untilCancelled)
					s.Go("t3", tidies(time.Second, context.Canceled))
					s.Go("t4", tidies(time.Second, errOne))
					synctest.Wait()
					s.Cancel(nil)
					outer.Cancel(nil)
					return nil
				})
			})
			is(t, "Run()", err, errOne)
			isNot(t, "Run()", err, context.Canceled)
		}},
		{origin: "trio: test_nursery_collapse", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
				outer.Go("sleeps", untilCancelled)
				outer.Go("fails", tidies(0, errOne))
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("sleeps", untilCancelled)
					s.Go("fails", tidies(time.Second, errTwo))
					synctest.Wait()
					outer.Cancel(nil)
					return nil
				})
			}, scope.OnFailure(h.handle))
			is(t, "Run()", err, errOne, errTwo)
			isNot(t, "Run()", err, context.Canceled)
			heard(t, h)
		}},
		{origin: "trio: test_spawn_name", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				same(t, "name", s.Go("func3", nothing).Name(), "func3")
				name := s.Go("", nothing).Name()
				same(t, name+" ends in nothing", strings.HasSuffix(name, "nothing"), true)
				return nil
			})
		}},
		{origin: "trio: test_task_nursery_stack", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				same(t, "scopes below", len(s.Scopes()), 0)
				_ = scope.Run(ctx, func(_ context.Context, one *scope.Scope) error {
					same(t, "scopes below", len(s.Scopes()), 1)
					same(t, "scope below", s.Scopes()[0], one)
					_ = scope.Run(ctx, func(context.Context, *scope.Scope) error {
						same(t, "scopes below", len(s.Scopes()), 2)
						return errOne
					})
					same(t, "scopes below", len(s.Scopes()), 1)
					return nil
				})
				same(t, "scopes below", len(s.Scopes()), 0)
				return nil
			})
		}},
	})
}

// What was reported of Trio and of anyio, which has its verbs on top of asyncio.
func TestTrio_Reports(t *testing.T) {
	runRows(t, []row{
		// A service nursery: what serves is up until all others are over.
		{origin: "trio: #569", run: func(t *testing.T) {
			var done steps
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Daemon("serves", done.finally(untilCancelled, "service"))
				s.Go("works", done.finally(ends(time.Second, nil), "work"))
				return nil
			})
			is(t, "Run()", err, nil)
			done.is(t, "work", "service")
		}},
		// A start that is given up was taken for the end of the whole group.
		{origin: "anyio: #717", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				other := s.Go("other", ends(time.Minute, nil))
				early, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				_, err := s.Start(early, "slow", func(ctx context.Context, _ func()) error {
					return tidies(time.Second, context.Canceled)(ctx)
				})
				is(t, "Start()", err, context.DeadlineExceeded)
				state(t, "running", other)
				return ctx.Err()
			})
			is(t, "Run()", err, nil)
		}},
	})
}

func TestTrio_CancelScope(t *testing.T) {
	runRows(t, []row{
		{origin: "trio: test_cancel_edge_cases", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Cancel(nil)
				s.Cancel(nil)
				for range 2 { // not only the next wait is cut short
					is(t, "waiting", untilCancelled(ctx), context.Canceled)
				}
				return nil
			})
			is(t, "Run()", err, nil)
		}},
		{origin: "trio: test_cancel_shielding", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
				outer.Cancel(nil)
				shield := context.WithoutCancel(ctx)
				return scope.Run(shield, func(ctx context.Context, inner *scope.Scope) error {
					is(t, "behind the shield", pass(ctx, time.Second), nil)
					inner.Cancel(nil) // a shield is none against what is inside
					is(t, "after Cancel", untilCancelled(ctx), context.Canceled)
					return nil
				})
			})
			is(t, "Run()", err, nil)
		}},
		{origin: "trio: test_cancel_scope_nesting", run: func(t *testing.T) {
			one := scope.Run(t.Context(), func(ctx context.Context, s1 *scope.Scope) error {
				two := scope.Run(ctx, func(ctx context.Context, s2 *scope.Scope) error {
					three := scope.Run(ctx, func(ctx context.Context, s3 *scope.Scope) error {
						s3.Cancel(nil)
						s2.Cancel(nil)
						return untilCancelled(ctx)
					})
					is(t, "innermost Run()", three, context.Canceled) // that of s2
					return three
				})
				is(t, "Run() in the middle", two, nil)
				same(t, "cause outside", s1.Info().Cause, nil)
				return errors.Join(two, ctx.Err())
			})
			is(t, "outermost Run()", one, nil)
		}},
		{origin: "trio: test_current_effective_deadline", run: func(t *testing.T) {
			now := time.Now()
			in := func(ctx context.Context, d time.Duration, f func(context.Context)) {
				_ = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					f(ctx)
					return nil
				}, scope.Timeout(d))
			}
			in(t.Context(), 5*time.Second, func(ctx context.Context) {
				deadlineIs(t, ctx, now.Add(5*time.Second))
				in(ctx, 10*time.Second, func(ctx context.Context) {
					deadlineIs(t, ctx, now.Add(5*time.Second))
				})
				in(ctx, 3*time.Second, func(ctx context.Context) {
					deadlineIs(t, ctx, now.Add(3*time.Second))
					deadlineIs(t, context.WithoutCancel(ctx), time.Time{})
				})
				deadlineIs(t, ctx, now.Add(5*time.Second))
			})
		}},
		{origin: "trio: test_very_deep_cancel_scope_nesting", run: func(t *testing.T) {
			var enter func(ctx context.Context, outermost *scope.Scope, depth int) error
			enter = func(ctx context.Context, outermost *scope.Scope, depth int) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					if outermost == nil {
						outermost = s
					}
					if depth > 0 {
						return enter(ctx, outermost, depth-1)
					}
					outermost.Cancel(nil)
					return ctx.Err()
				})
			}
			is(t, "Run()", enter(t.Context(), nil, 5000), nil)
		}},
	})
}

// deadlineIs checks the deadline of a context; the zero time is none.
func deadlineIs(t *testing.T, ctx context.Context, want time.Time) {
	t.Helper()
	got, _ := ctx.Deadline()
	same(t, "Deadline()", got, want)
}
