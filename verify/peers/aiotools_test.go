package peers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// aiotools' PersistentTaskGroup is our OpenSupervised, its TaskScope (also named
// Supervisor) our Supervise, its TaskGroup our Run.

func TestAiotools_PersistentTaskGroup(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_ptaskgroup_naming", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context(), scope.Name("XYZ"))
			task := s.Go("ABC", nothing)
			same(t, "scope's name", s.Info().Name, "XYZ")
			same(t, "task's name", task.Name(), "ABC")
			same(t, "task's path", task.Info().Path, "XYZ/ABC")
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{origin: "aiotools: test_ptaskgroup_all_done", run: func(t *testing.T) {
			var s *scope.Scope
			err := scope.Supervise(t.Context(), func(_ context.Context, inner *scope.Scope) error {
				s = inner
				startTen(s, ends(time.Second, nil))
				same(t, "live tasks", s.Info().Counts.Live, 10)
				time.Sleep(2 * time.Second)
				same(t, "live tasks", s.Info().Counts.Live, 0)
				return nil
			})
			is(t, "Supervise()", err, nil)
			same(t, "tasks that succeeded", s.Info().Counts.OK, 10)
			_, err = s.TryGo("late", nothing)
			is(t, "TryGo()", err, scope.ErrClosed)
		}},
		{origin: "aiotools: test_ptaskgroup_as_obj_attr", run: func(t *testing.T) {
			type server struct{ tasks *scope.Scope }

			idle := server{tasks: scope.OpenSupervised(t.Context())}
			startTen(idle.tasks, ends(time.Second, nil))
			same(t, "live tasks", idle.tasks.Info().Counts.Live, 10)
			time.Sleep(2 * time.Second)
			is(t, "Shutdown()", idle.tasks.Shutdown(t.Context()), nil)
			same(t, "tasks that succeeded", idle.tasks.Info().Counts.OK, 10)

			busy := server{tasks: scope.OpenSupervised(t.Context())}
			startTen(busy.tasks, ends(time.Second, nil))
			is(t, "Shutdown()", busy.tasks.Shutdown(t.Context()), nil)
			same(t, "tasks that were cancelled", busy.tasks.Info().Counts.Cancelled, 10)
			same(t, "live tasks", busy.tasks.Info().Counts.Live, 0)
		}},
		{
			origin: "aiotools: test_ptaskgroup_shutdown_from_different_task",
			run: func(t *testing.T) {
				var done steps
				err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
					inner := scope.OpenSupervised(ctx)
					for i := range 10 {
						work := ends(time.Duration(i)*time.Second, nil)
						inner.Go("work", done.then(work, "work"))
					}
					outer.Go("stops", func(ctx context.Context) error {
						time.Sleep(4900 * time.Millisecond)
						return inner.Shutdown(ctx)
					})
					<-inner.Done()
					done.add("after the scope")
					return ctx.Err()
				})
				is(t, "Run()", err, nil)
				done.is(t, "work", "work", "work", "work", "work", "after the scope")
			},
		},
		{
			origin: "aiotools: test_ptaskgroup_cancel_before_schedule",
			run: func(t *testing.T) {
				err := scope.Supervise(t.Context(), func(
					ctx context.Context, s *scope.Scope,
				) error {
					startTen(s, ends(time.Second, nil))
					is(t, "Shutdown()", s.Shutdown(context.WithoutCancel(ctx)), nil)
					counts := s.Info().Counts
					same(t, "tasks that were cancelled", counts.Cancelled, 10)
					same(t, "live tasks", counts.Live, 0)
					return nil
				})
				is(t, "Supervise()", err, nil)
			},
		},
		{origin: "aiotools: test_ptaskgroup_await_result", run: func(t *testing.T) {
			_ = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				for range 4 {
					got, err := scope.Async(s, "sub", gives(time.Second, "a")).Wait(ctx)
					is(t, "Wait()", err, nil)
					same(t, "value", got, "a")
				}
				same(t, "live tasks", s.Info().Counts.Live, 0)
				return nil
			})
		}},
		// With the peer the handler hears of the error as well as who waits. Here
		// it is told once: to who waits for a future.
		{origin: "aiotools: test_ptaskgroup_await_exception", run: func(t *testing.T) {
			h := &ledger{}
			_ = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				for range 4 {
					_, err := scope.Async(s, "sub", lacks[string](time.Second, errOne)).Wait(ctx)
					is(t, "Wait()", err, errOne)
				}
				same(t, "live tasks", s.Info().Counts.Live, 0)
				return nil
			}, scope.OnFailure(h.handle))
			heard(t, h)
		}},
		{origin: "aiotools: test_ptaskgroup_exc_handler_swallow", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				startTen(s, ends(time.Second, errOne))
				return nil
			}, scope.OnFailure(h.handle))
			is(t, "Supervise()", err, nil)
			same(t, "failures told", len(h.told()), 10)
		}},
		{origin: "aiotools: test_ptaskgroup_current", run: func(t *testing.T) {
			var names steps
			note := func(ctx context.Context) { names.add(scope.From(ctx).Info().Name) }
			_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("job", func(ctx context.Context) error {
					note(ctx)
					return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
						s.Go("sub", func(ctx context.Context) error {
							note(ctx)
							return nil
						})
						return nil
					}, scope.Name("inner"))
				})
				return nil
			}, scope.Name("outer"))
			names.is(t, "outer", "inner")
		}},
	})
}

// startTen starts f ten times.
func startTen(s *scope.Scope, f func(context.Context) error) {
	for range 10 {
		s.Go("sub", f)
	}
}

func TestAiotools_TaskGroup(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_taskgroup_naming", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				same(t, "scope's name", s.Info().Name, "XYZ")
				same(t, "task's name", s.Go("ABC", nothing).Name(), "ABC")
				return nil
			}, scope.Name("XYZ"))
		}},
		{origin: "aiotools: test_delayed_subtasks", run: func(t *testing.T) {
			var a, b, c *scope.Future[string]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "3 s", gives(3*time.Second, "a"))
				b = scope.Async(s, "2 s", gives(2*time.Second, "b"))
				c = scope.Async(s, "1 s", gives(time.Second, "c"))
				return nil
			})
			is(t, "Run()", err, nil)
			result(t, a, "a")
			result(t, b, "b")
			result(t, c, "c")
		}},
		{origin: "aiotools: test_contextual_taskgroup", run: func(t *testing.T) {
			_ = scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
				within := func(want *scope.Scope) func(context.Context) error {
					return func(ctx context.Context) error {
						same(t, "From()", scope.From(ctx), want)
						return nil
					}
				}
				outer.Go("before", within(outer))
				_ = scope.Run(ctx, func(_ context.Context, inner *scope.Scope) error {
					inner.Go("inside", within(inner))
					return nil
				})
				outer.Go("after", within(outer))
				return nil
			})
			same(t, "From() outside", scope.From(t.Context()), nil)
		}},
		{origin: "aiotools: test_contextual_taskgroup_spawning", run: func(t *testing.T) {
			var jobs steps
			job := jobs.then(nothing, "job")
			spawns := func(ctx context.Context) error {
				scope.From(ctx).Go("job", job)
				return ctx.Err()
			}
			nests := func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("job", job)
					return nil
				})
			}
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("nests", nests)
				s.Go("spawns", spawns)
				s.Go("nests", nests)
				s.Go("spawns", spawns)
				return nil
			})
			is(t, "Run()", err, nil)
			jobs.is(t, "job", "job", "job", "job")
		}},
		// A body that says it was cancelled although it was not has failed.
		{origin: "aiotools: test_taskgroup_cancellation", run: func(t *testing.T) {
			var a, b *scope.Future[string]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "a", gives(time.Second, "a"))
				b = scope.Async(s, "b", gives(3*time.Second, "b"))
				time.Sleep(2 * time.Second)
				return context.Canceled
			})
			is(t, "Run()", err, context.Canceled)
			result(t, a, "a")
			state(t, "cancelled", b)
		}},
		// With the peer a task that says so ends alone. Here it has failed, since
		// nobody cancelled it: the error is that of something else, and ends a
		// fail-fast scope. To end alone, a task returns nil, or is cancelled.
		{origin: "aiotools: test_taskgroup_subtask_cancellation", run: func(t *testing.T) {
			var a, b *scope.Task
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = s.Go("works", ends(2*time.Second, nil))
				b = s.Go("gives up", ends(time.Second, context.Canceled))
				return nil
			})
			is(t, "Run()", err, context.Canceled)
			state(t, "cancelled", a)
			state(t, "failed", b)
		}},
		{origin: "aiotools: test_cancel_parent_task_like_siblings", run: func(t *testing.T) {
			var done steps
			err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
				err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("fails", ends(time.Second, errOne))
					return done.then(ends(2*time.Second, nil), "body")(ctx)
				})
				is(t, "Run()", err, errOne)
				return done.then(ends(2*time.Second, nil), "caller")(ctx)
			})
			is(t, "outer Run()", err, nil)
			done.is(t, "caller")
		}},
		{
			origin: "aiotools: test_taskgroup_distinguish_inner_error_and_outer_cancel",
			run: func(t *testing.T) {
				var task *scope.Task
				err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					task = s.Go("fails", ends(time.Second, errOne))
					return ends(2*time.Second, nil)(ctx)
				})
				is(t, "Run()", err, errOne)
				isNot(t, "Run()", err, context.Canceled)
				state(t, "failed", task)
			},
		},
		{origin: "aiotools: test_taskgroup_error", run: func(t *testing.T) {
			var a, b, c *scope.Future[int]
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				a = scope.Async(s, "ends before", gives(3*time.Second, 99))
				b = scope.Async(s, "fails", lacks[int](5*time.Second, errOne))
				c = scope.Async(s, "would end after", gives(7*time.Second, 99))
				return nil
			})
			is(t, "Run()", err, errOne)
			result(t, a, 99)
			state(t, "failed", b)
			is(t, "Err()", b.Err(), errOne)
			_, again := b.Wait(t.Context())
			is(t, "Wait()", again, errOne)
			state(t, "cancelled", c)
		}},
		// The same although nobody holds the handles.
		{origin: "aiotools: test_taskgroup_error_weakref", run: func(t *testing.T) {
			var done steps
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("ends before", done.then(ends(3*time.Second, nil), "before"))
				s.Go("fails", ends(5*time.Second, errOne))
				s.Go("would end after", done.then(ends(7*time.Second, nil), "after"))
				return nil
			})
			is(t, "Run()", err, errOne)
			done.is(t, "before")
		}},
		{
			origin: "aiotools: test_taskgroup_memoryleak_with_persistent_tg",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					for i := range 1000 {
						time.Sleep(time.Second)
						s.Go("job", ends(9500*time.Millisecond, nil))
						live := min(i+1, 10)
						same(t, "live tasks", s.Info().Counts.Live, live)
						same(t, "listed tasks", len(s.Tasks()), live)
					}
					time.Sleep(10 * time.Second)
					same(t, "live tasks", s.Info().Counts.Live, 0)
					return nil
				})
				is(t, "Run()", err, nil)
			},
		},
	})
}

func TestAiotools_TaskScope(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_taskscope_partial_failure", run: func(t *testing.T) {
			partialFailure(t, t.Context())
		}},
		{
			origin: "aiotools: test_taskscope_partial_failure, shielded",
			run: func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				partialFailure(t, context.WithoutCancel(ctx))
			},
		},
		// The peer counts the task that says so as cancelled; see the row of
		// test_taskgroup_subtask_cancellation.
		{
			origin: "aiotools: test_taskscope_child_self_cancellation",
			run: func(t *testing.T) {
				h := &ledger{}
				var a, b *scope.Future[int]
				err := scope.Supervise(t.Context(), func(
					ctx context.Context, s *scope.Scope,
				) error {
					a = scope.Async(s, "a", gives(time.Second, 1))
					s.Go("gives up", ends(2*time.Second, context.Canceled))
					b = scope.Async(s, "b", gives(3*time.Second, 3))
					return pass(ctx, 2500*time.Millisecond)
				}, scope.OnFailure(h.handle))
				is(t, "Supervise()", err, nil)
				result(t, a, 1)
				result(t, b, 3)
				heard(t, h, context.Canceled)
			},
		},
		{
			origin: "aiotools: test_taskscope_external_timeout_when_not_shielded",
			run: func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
				defer cancel()
				is(t, "Supervise()", interruptedWork(t, ctx), context.DeadlineExceeded)
			},
		},
		{
			origin: "aiotools: test_taskscope_external_timeout_when_shielded",
			run: func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
				defer cancel()
				var c *scope.Future[int]
				err := scope.Supervise(context.WithoutCancel(ctx),
					func(ctx context.Context, s *scope.Scope) error {
						c = scope.Async(s, "c", gives(3*time.Second, 3))
						return pass(ctx, 2600*time.Millisecond)
					})
				is(t, "Supervise()", err, nil)
				result(t, c, 3)
				is(t, "the context around it", ctx.Err(), context.DeadlineExceeded)
			},
		},
		{origin: "aiotools: test_taskscope_intrinsic_timeout", run: func(t *testing.T) {
			err := interruptedWork(t, t.Context(), scope.Timeout(2500*time.Millisecond))
			is(t, "Supervise()", err, context.DeadlineExceeded)
		}},
		{
			origin: "aiotools: test_taskscope_intrinsic_timeout_shielded_from_outside_cancellation",
			run: func(t *testing.T) {
				err := stopped(time.Second, func(ctx context.Context) error {
					return interruptedWork(t, context.WithoutCancel(ctx),
						scope.Timeout(2500*time.Millisecond))
				})
				is(t, "Supervise()", err, context.DeadlineExceeded)
				isNot(t, "Supervise()", err, errStop)
			},
		},
		{origin: "aiotools: test_taskscope_move_on_after", run: func(t *testing.T) {
			err := interruptedWork(t, t.Context(), scope.MoveOnAfter(2500*time.Millisecond))
			is(t, "Supervise()", err, nil)
		}},
		{origin: "aiotools: test_taskscope_cancelled_from_outside", run: func(t *testing.T) {
			h, done := &ledger{}, &steps{}
			err := stopped(time.Second, func(ctx context.Context) error {
				err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("would fail", ends(2*time.Second, errOne))
					s.Go("before", done.then(ends(800*time.Millisecond, nil), "before"))
					s.Go("after", done.then(ends(1200*time.Millisecond, nil), "after"))
					return done.then(ends(5*time.Second, nil), "body")(ctx)
				}, scope.OnFailure(h.handle))
				caller := done.then(ends(5*time.Second, nil), "caller")
				is(t, "caller", caller(ctx), context.Canceled)
				return err
			})
			same(t, "Supervise()", err, errStop)
			done.is(t, "before")
			heard(t, h)
		}},
		// The peer's aclose cancels the owner, too. Here the owner goes on behind
		// a scope that somebody else has shut down.
		{origin: "aiotools: test_taskscope_aclose", run: func(t *testing.T) {
			var done steps
			cleansUp := func(ctx context.Context) error {
				if err := pass(ctx, 1200*time.Millisecond); err == nil {
					return nil
				}
				time.Sleep(7 * time.Second)
				done.add("cleaned up")
				return ctx.Err()
			}
			err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("would fail", ends(2*time.Second, errOne))
				s.Go("before", done.then(ends(800*time.Millisecond, nil), "before"))
				s.Go("cleans up", cleansUp)
				time.AfterFunc(time.Second, func() {
					done.add("shutdown")
					is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
					done.add("shut down")
				})
				is(t, "body", pass(ctx, 1100*time.Millisecond), context.Canceled)
				return nil
			})
			is(t, "Supervise()", err, nil)
			is(t, "caller", pass(t.Context(), time.Second), nil)
			done.is(t, "before", "shutdown", "cleaned up", "shut down")
		}},
	})
}

// partialFailure has one of three tasks fail.
func partialFailure(t *testing.T, ctx context.Context) {
	t.Helper()
	h, done := &ledger{}, &steps{}
	var a, b *scope.Future[int]
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		a = scope.Async(s, "a", gives(time.Second, 1))
		s.Go("fails", ends(2*time.Second, errOne))
		b = scope.Async(s, "b", gives(3*time.Second, 3))
		return done.then(ends(2500*time.Millisecond, nil), "body")(ctx)
	}, scope.OnFailure(h.handle))
	is(t, "Supervise()", err, nil)
	result(t, a, 1)
	result(t, b, 3)
	done.is(t, "body")
	heard(t, h, errOne)
}

// interruptedWork is a scope that is stopped after two and a half seconds, from
// outside or by an option.
func interruptedWork(t *testing.T, ctx context.Context, opts ...scope.Option) error {
	t.Helper()
	var done steps
	var a, b, c *scope.Future[int]
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		a = scope.Async(s, "a", gives(time.Second, 1))
		b = scope.Async(s, "b", gives(2*time.Second, 2))
		c = scope.Async(s, "c", gives(3*time.Second, 3))
		time.Sleep(2300 * time.Millisecond)
		done.add("before")
		return done.then(ends(300*time.Millisecond, nil), "after")(ctx)
	}, opts...)
	result(t, a, 1)
	result(t, b, 2)
	state(t, "cancelled", c)
	done.is(t, "before")
	return err
}

// Where running the peer showed that it breaks its own promises.
func TestAiotools_Probes(t *testing.T) {
	runRows(t, []row{
		// Neither of the peer's classes passes a KeyboardInterrupt on at once.
		{origin: "aiotools: probe, a fatal error of a child", run: func(t *testing.T) {
			var sibling *scope.Task
			begin := time.Now()
			err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				sibling = s.Go("sibling", untilCancelled)
				s.Go("fatal", ends(time.Second, scope.Fatal(errOne)))
				return untilCancelled(ctx)
			})
			is(t, "Supervise()", err, errOne)
			state(t, "cancelled", sibling)
			took(t, begin, time.Second)
		}},
		// The peer cancels handlers together with the tasks.
		{origin: "aiotools: probe, shutdown cuts no handler short", run: func(t *testing.T) {
			var done steps
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(
				func(ctx context.Context, _ *scope.Failure) {
					_ = done.then(ends(time.Minute, nil), "handled")(ctx)
				}))
			s.Go("fails", returns(errOne))
			synctest.Wait()
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
			done.is(t, "handled")
		}},
		// The peer hangs.
		{origin: "aiotools: probe, shutdown from inside of a child", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			child := s.Go("child", func(ctx context.Context) error {
				is(t, "Shutdown()", s.Shutdown(ctx), scope.ErrSelfWait)
				return untilCancelled(ctx)
			})
			_ = child.Wait(t.Context())
			state(t, "cancelled", child)
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		// The peer runs the new task and forgets it.
		{origin: "aiotools: probe, a child starts a task behind the body", run: func(t *testing.T) {
			var done steps
			err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("child", func(context.Context) error {
					time.Sleep(time.Second)
					s.Go("late", done.then(ends(time.Second, nil), "late"))
					return nil
				})
				return nil
			})
			is(t, "Supervise()", err, nil)
			done.is(t, "late")
		}},
		// The peer starts it.
		{origin: "aiotools: probe, a task after shutdown", run: func(t *testing.T) {
			var done steps
			s := scope.OpenSupervised(t.Context())
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
			_, err := s.TryGo("late", done.then(nothing, "late"))
			is(t, "TryGo()", err, scope.ErrClosed)
			done.is(t)
		}},
	})
}
