package peers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// asyncio.TaskGroup is our Run: what it raises as a group of exceptions is here
// the first failure, and the later ones go to the handler. Its CancelledError is
// here the cause with which the context around the scope was cancelled.

func TestCPython_TaskGroupResults(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: test_taskgroup_01", run: func(t *testing.T) {
			begin := time.Now()
			var a, b *scope.Future[int]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "a", gives(time.Second, 42))
				b = scope.Async(s, "b", gives(2*time.Second, 11))
				return nil
			})
			is(t, "Run()", err, nil)
			result(t, a, 42)
			result(t, b, 11)
			took(t, begin, 2*time.Second)
		}},
		{origin: "cpython: test_taskgroup_02", run: func(t *testing.T) {
			var a, b *scope.Future[int]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "a", gives(time.Second, 42))
				time.Sleep(1500 * time.Millisecond)
				result(t, a, 42)
				b = scope.Async(s, "b", gives(time.Second, 11))
				return nil
			})
			is(t, "Run()", err, nil)
			result(t, b, 11)
		}},
		{origin: "cpython: test_taskgroup_03", run: func(t *testing.T) {
			var a, b *scope.Future[int]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "a", gives(time.Minute, 42))
				time.Sleep(time.Second)
				a.Cancel(nil)
				b = scope.Async(s, "b", gives(2*time.Second, 11))
				return nil
			})
			is(t, "Run()", err, nil)
			state(t, "cancelled", a)
			result(t, b, 11)
		}},
		{origin: "cpython: test_taskgroup_task_name", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				same(t, "Name()", s.Go("yolo", nothing).Name(), "yolo")
				return nil
			})
		}},
		{origin: "cpython: test_name", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("example name", func(ctx context.Context) error {
					same(t, "Name()", scope.TaskFrom(ctx).Name(), "example name")
					return nil
				})
				return nil
			})
		}},
		{origin: "cpython: test_taskgroup_23", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				for range 10 {
					time.Sleep(time.Second)
					s.Go("job", ends(2500*time.Millisecond, nil))
				}
				// Those of the last two seconds, and the one just started.
				same(t, "live tasks", s.Info().Counts.Live, 3)
				time.Sleep(time.Minute)
				same(t, "live tasks", s.Info().Counts.Live, 0)
				return nil
			})
			is(t, "Run()", err, nil)
		}},
		{origin: "cpython: test_taskgroup_24", run: func(t *testing.T) {
			var done steps
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("root", func(context.Context) error {
					time.Sleep(time.Second)
					s.Go("slow", done.then(ends(2*time.Second, nil), "slow"))
					s.Go("quick", done.then(ends(time.Second, nil), "quick"))
					return nil
				})
				return nil
			})
			is(t, "Run()", err, nil)
			done.is(t, "quick", "slow")
		}},
		{origin: "cpython: test_taskgroup_not_entered", run: func(t *testing.T) {
			var s scope.Scope
			text, _ := recovered(func() { s.Go("early", nothing) }).(string)
			says(t, errors.New(text), "get one from Run")
		}},
	})
}

func TestCPython_TaskGroupFailures(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: test_taskgroup_04", run: func(t *testing.T) {
			var done steps
			var second *scope.Task
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("first", ends(time.Second, errOne))
				second = s.Go("second", done.then(ends(time.Minute, nil), "second"))
				return nil
			})
			is(t, "Run()", err, errOne)
			state(t, "cancelled", second)
			done.is(t)
		}},
		// The peer raises all errors together. Here the first is the result, and
		// what failed before it saw the cancellation goes to the handler.
		{
			origin: "cpython: test_cancel_children_on_child_error",
			run: func(t *testing.T) {
				h := &ledger{}
				var obedient *scope.Task
				err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					for range 3 {
						s.Go("fails", deaf(time.Second, errOne))
					}
					obedient = s.Go("obedient", untilCancelled)
					err := untilCancelled(ctx)
					is(t, "cause in the body", context.Cause(ctx), errOne)
					return err
				}, scope.OnFailure(h.handle))
				is(t, "Run()", err, errOne)
				heard(t, h, errOne, errOne)
				state(t, "cancelled", obedient)
			},
		},
		{origin: "cpython: test_taskgroup_09", run: func(t *testing.T) {
			var a, b *scope.Task
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = s.Go("a", ends(time.Minute, nil))
				b = s.Go("b", ends(time.Minute, nil))
				time.Sleep(time.Second)
				return errOne
			})
			same(t, "Run()", err, errOne) // as it is, not in a group
			state(t, "cancelled", a, b)
		}},
		// The peer's tasks were never begun. Here what was admitted is called,
		// with a context that is done.
		{origin: "cpython: test_taskgroup_10", run: func(t *testing.T) {
			var begun steps
			var a, b *scope.Task
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = s.Go("a", begun.finally(ends(time.Minute, nil), "called"))
				b = s.Go("b", begun.finally(ends(time.Minute, nil), "called"))
				return errOne
			})
			same(t, "Run()", err, errOne)
			state(t, "cancelled", a, b)
			begun.is(t, "called", "called")
		}},
		{origin: "cpython: test_taskgroup_19", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", ends(time.Second, errOne))
				return tidies(0, errTwo)(ctx)
			})
			is(t, "Run()", err, errOne, errTwo)
		}},
		// A KeyboardInterrupt is here an error marked with Fatal. The peer drops
		// the ordinary error beside it.
		{origin: "cpython: test_taskgroup_20", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", ends(time.Second, errOne))
				return tidies(0, scope.Fatal(errTwo))(ctx)
			})
			is(t, "Run()", err, errTwo, errOne)
			same(t, "IsFatal()", scope.IsFatal(err), true)
		}},
		// No type of error is fatal by itself.
		{origin: "cpython: test_taskgroup_20a", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", ends(time.Second, errOne))
				return tidies(0, &scope.PanicError{Value: errTwo})(ctx)
			})
			is(t, "Run()", err, errOne, errTwo)
			same(t, "IsFatal()", scope.IsFatal(err), false)
		}},
		// Upstream this is switched off: the event loop itself dies of it.
		{origin: "cpython: _test_taskgroup_21", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", ends(time.Second, scope.Fatal(errOne)))
				return tidies(0, errTwo)(ctx)
			})
			is(t, "Run()", err, errOne, errTwo)
			same(t, "IsFatal()", scope.IsFatal(err), true)
		}},
		{origin: "cpython: test_taskgroup_21a", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", func(context.Context) error {
					time.Sleep(time.Second)
					panic(errOne)
				})
				return tidies(0, errTwo)(ctx)
			})
			is(t, "Run()", err, errOne, errTwo)
			same(t, "IsFatal()", scope.IsFatal(err), false)
		}},
		{
			origin: "cpython: test_taskgroup_context_manager_exit_raises",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(
					ctx context.Context, s *scope.Scope,
				) (err error) {
					defer func() { err = errors.Join(err, errTwo) }() // closing fails, too
					s.Go("fails", returns(errOne))
					return untilCancelled(ctx)
				})
				is(t, "Run()", err, errOne, errTwo)
			},
		},
		{origin: "cpython: test_taskgroup_25", run: func(t *testing.T) {
			born := make(chan struct{}, 1000)
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				var hydra func(context.Context) error
				hydra = func(ctx context.Context) error {
					born <- struct{}{}
					time.Sleep(time.Second)
					s.Go("head", hydra)
					s.Go("head", hydra)
					return ctx.Err()
				}
				s.Go("head", hydra)
				s.Go("hercules", ends(4500*time.Millisecond, errOne))
				return nil
			})
			is(t, "Run()", err, errOne)
			same(t, "heads grown", len(born), 1+2+4+8+16)
		}},
		{
			origin: "cpython: test_taskgroup_no_create_task_after_failure",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("fails", ends(time.Second, errOne))
					s.Go("cleans up", func(ctx context.Context) error {
						<-ctx.Done()
						_, err := s.TryGo("too late", returns(errTwo))
						is(t, "TryGo()", err, scope.ErrClosed, errOne)
						return nil
					})
					return nil
				})
				is(t, "Run()", err, errOne)
				isNot(t, "Run()", err, errTwo)
			},
		},
		{
			origin: "cpython: test_cancels_task_if_created_during_creation",
			run: func(t *testing.T) {
				var second *scope.Task
				err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					second = s.Go("second", func(ctx context.Context) error {
						s.Go("third", returns(errOne))
						return untilCancelled(ctx)
					})
					return nil
				})
				is(t, "Run()", err, errOne)
				state(t, "cancelled", second)
			},
		},
	})
}

func TestCPython_TaskGroupCancelledFromOutside(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: test_cancellation", run: func(t *testing.T) {
			var done steps
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					for range 5 {
						s.Go("waits", done.finally(untilCancelled, "ended"))
					}
					return nil
				})
			})
			same(t, "Run()", err, errStop)
			done.is(t, "ended", "ended", "ended", "ended", "ended")
		}},
		{origin: "cpython: test_taskgroup_07", run: func(t *testing.T) {
			var done steps
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("waits", done.finally(tidies(time.Second, nil), "task"))
					return done.finally(untilCancelled, "body")(ctx)
				})
			})
			same(t, "Run()", err, errStop)
			done.is(t, "body", "task")
		}},
		{origin: "cpython: test_taskgroup_08", run: func(t *testing.T) {
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					for range 5 {
						s.Go("would fail", ends(2*time.Second, errOne))
					}
					return untilCancelled(ctx)
				})
			})
			same(t, "Run()", err, errStop)
		}},
		{origin: "cpython: test_taskgroup_11", run: func(t *testing.T) {
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
						s.Go("would fail", ends(2*time.Second, errOne))
						return untilCancelled(ctx)
					})
				})
			})
			same(t, "outer Run()", err, errStop)
		}},
		{origin: "cpython: test_taskgroup_12", run: func(t *testing.T) {
			var outer, inner *scope.Task
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					outer = s.Go("outer", untilCancelled)
					return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
						inner = s.Go("inner", ends(2*time.Second, errOne))
						return untilCancelled(ctx)
					})
				})
			})
			same(t, "outer Run()", err, errStop)
			state(t, "cancelled", outer, inner)
		}},
		// What would fail later is cancelled before, while the body cleans up.
		{origin: "cpython: test_taskgroup_15", run: func(t *testing.T) {
			begin := time.Now()
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("would fail", ends(3*time.Second, errOne))
					return tidies(5*time.Second, ctx.Err())(ctx)
				})
			})
			same(t, "Run()", err, errStop)
			took(t, begin, 6*time.Second)
		}},
		{origin: "cpython: test_taskgroup_16", run: func(t *testing.T) {
			s := scope.Open(t.Context())
			r := s.Go("runner", func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("would fail", ends(3*time.Second, errOne))
					return tidies(5*time.Second, nil)(ctx)
				})
			})
			time.Sleep(time.Second)
			r.Cancel(errStop)
			is(t, "Wait()", r.Wait(t.Context()), nil)
			state(t, "cancelled", r)
			is(t, "Err()", r.Err(), scope.ErrCancelled, errStop)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{origin: "cpython: test_taskgroup_17", run: func(t *testing.T) {
			var done steps
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return done.finally(untilCancelled, "body")(ctx)
				})
			})
			same(t, "Run()", err, errStop)
			done.is(t, "body")
		}},
		{origin: "cpython: test_taskgroup_18", run: func(t *testing.T) {
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return tidies(0, errOne)(ctx)
				})
			})
			same(t, "Run()", err, errOne)
		}},
		{origin: "cpython: test_taskgroup_22", run: func(t *testing.T) {
			var a, b *scope.Task
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					a, b = s.Go("a", ends(time.Minute, nil)), s.Go("b", ends(time.Hour, nil))
					return nil
				})
			})
			same(t, "Run()", err, errStop)
			state(t, "cancelled", a, b)
		}},
	})
}

func TestCPython_TaskGroupNested(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: test_taskgroup_13", run: func(t *testing.T) {
			h := &ledger{}
			var inner error
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("fails", ends(time.Second, errOne))
				inner = scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("would fail", ends(time.Minute, errTwo))
					return nil
				})
				return inner
			}, scope.OnFailure(h.handle))
			is(t, "inner Run()", inner, errOne)
			is(t, "outer Run()", err, errOne)
			isNot(t, "outer Run()", err, errTwo)
			same(t, "text", err.Error(), inner.Error()) // one failure, told once
			heard(t, h)
		}},
		// The peer wraps a group in a group. Here the error is the inner one's.
		{origin: "cpython: test_taskgroup_14", run: func(t *testing.T) {
			var inner error
			var outer *scope.Task
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				outer = s.Go("would fail", ends(time.Minute, errTwo))
				inner = scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("fails", ends(time.Second, errOne))
					return nil
				})
				return inner
			})
			same(t, "outer Run()", err, inner)
			is(t, "outer Run()", err, errOne)
			state(t, "cancelled", outer)
		}},
		{
			origin: "cpython: test_nested_groups_both_cancelled",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
					err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
						s.Go("fails", deaf(time.Second, errOne))
						outer.Go("fails", deaf(time.Second, errTwo))
						return nil
					})
					is(t, "inner Run()", err, errOne)
					// That the inner failure is dealt with does not undo the outer one.
					is(t, "body's context", untilCancelled(ctx), context.Canceled)
					return nil
				})
				is(t, "outer Run()", err, errTwo)
				isNot(t, "outer Run()", err, errOne)
			},
		},
		{origin: "cpython: test_error_and_cancel", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			task := s.Go("inner", func(ctx context.Context) error {
				err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("fails", deaf(2*time.Second, errOne))
					return nil
				})
				is(t, "Run()", err, errOne)
				return ctx.Err() // the cancellation is not used up by the failure
			})
			time.Sleep(time.Second)
			task.Cancel(nil)
			_ = task.Wait(t.Context())
			state(t, "cancelled", task)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
	})
}

// TaskGroup.cancel is our Cancel(nil), and newer than the list of test names.
func TestCPython_TaskGroupReports(t *testing.T) {
	runRows(t, []row{
		{origin: "cpython: #108951, cancel is a clean end", run: func(t *testing.T) {
			var a, b *scope.Task
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				a, b = s.Go("a", untilCancelled), s.Go("b", untilCancelled)
				s.Cancel(nil)
				s.Cancel(nil)
				return untilCancelled(ctx)
			})
			is(t, "Run()", err, nil)
			state(t, "cancelled", a, b)
			is(t, "caller's context", t.Context().Err(), nil)
		}},
		{origin: "cpython: #108951, nothing starts after cancel", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Cancel(nil)
				_, err := s.TryGo("late", nothing)
				is(t, "TryGo()", err, scope.ErrClosed)
				return nil
			})
		}},
		{origin: "cpython: #108951, cancel hides no error of the body", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Cancel(nil)
				return errOne
			})
			is(t, "Run()", err, errOne)
		}},
		{origin: "cpython: #108951, cancel hides no error of a task", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("cleans up", tidies(time.Second, errOne))
				s.Cancel(nil)
				return nil
			})
			is(t, "Run()", err, errOne)
		}},
		// The peer would swallow the cancellation from outside.
		{origin: "cpython: #155433", run: func(t *testing.T) {
			err := stopped(5*time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("cleans up", tidies(10*time.Second, nil))
					time.Sleep(time.Second)
					s.Cancel(nil)
					return nil
				})
			})
			is(t, "Run()", err, errStop)
		}},
		// The peer would hang.
		{origin: "cpython: #155418", run: func(t *testing.T) {
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("cancels first", func(ctx context.Context) error {
					s.Cancel(nil)
					return untilCancelled(ctx)
				})
				return nil
			})
			is(t, "Run()", err, nil)
		}},
		// The peer would drop the error behind the cancellation.
		{origin: "cpython: #95704", run: func(t *testing.T) {
			err := stopped(time.Second, func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("cleans up", tidies(time.Second, errOne))
					return untilCancelled(ctx)
				})
			})
			is(t, "Run()", err, errOne)
		}},
		// The peer would drop the ordinary failures beside a fatal one.
		{origin: "cpython: #135736", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("ordinary", tidies(0, errOne))
				s.Go("ordinary, too", tidies(0, errThree))
				synctest.Wait()
				s.Go("fatal", returns(scope.Fatal(errTwo)))
				return nil
			}, scope.OnFailure(h.handle))
			is(t, "Run()", err, errTwo)
			heard(t, h, errOne, errThree)
		}},
	})
}
