package peers_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// aiotools' cancel_and_wait is our Task.Cancel, followed by Wait. It counts
// cancellations to find out whose they are; here a cancellation has a cause, and
// whoever waits has a context of his own. ShieldScope is context.WithoutCancel.

func TestAiotools_CancelAndWait(t *testing.T) {
	runRows(t, []row{
		{
			origin: "aiotools: test_cancel_and_wait_simple_task_long_cancellation",
			run: func(t *testing.T) {
				task := cancelledAfter(t, time.Second, tidies(time.Minute, context.Canceled))
				state(t, "cancelled", task)
				same(t, "age at the end", task.Info().Age, 61*time.Second)
			},
		},
		{origin: "aiotools: test_cancel_and_wait_grouped_cancellation", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
			var tasks []*scope.Task
			for _, f := range []func(context.Context) error{
				ends(20*time.Second, nil), ends(13*time.Second, errOne), ends(10*time.Second, nil),
				ends(23*time.Second, errOne), tidies(5*time.Second, nil),
			} {
				tasks = append(tasks, s.Go("task", f))
			}
			time.Sleep(15 * time.Second)
			for _, task := range tasks {
				task.Cancel(nil)
			}
			for i, want := range []string{"cancelled", "failed", "ok", "cancelled", "ok"} {
				_ = tasks[i].Wait(t.Context())
				state(t, want, tasks[i])
			}
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		// With the peer the clean-up is cancelled together with who waits for it.
		// Here it completes: a task is cancelled once.
		{origin: "aiotools: test_cancel_and_wait_cancelling_cancellation", run: func(t *testing.T) {
			cancelTheCanceller(t, func(ctx context.Context) error {
				return pass(context.WithoutCancel(ctx), time.Minute)
			})
		}},
		{
			origin: "aiotools: test_cancel_and_wait_cancelling_shielded_cancellation",
			run: func(t *testing.T) {
				cancelTheCanceller(t, func(ctx context.Context) error {
					return scope.Run(context.WithoutCancel(ctx),
						func(_ context.Context, s *scope.Scope) error {
							s.Go("clean up", ends(time.Minute, nil))
							return nil
						})
				})
			},
		},
	})
}

// cancelledAfter runs f as a task, cancels it after d and waits for its end.
func cancelledAfter(t *testing.T, d time.Duration, f func(context.Context) error) *scope.Task {
	t.Helper()
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	task := s.Go("parent", f)
	time.Sleep(d)
	task.Cancel(nil)
	is(t, "Wait()", task.Wait(t.Context()), nil)
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
	return task
}

// cancelTheCanceller cancels a task that waits for another one's clean-up.
func cancelTheCanceller(t *testing.T, cleanUp func(context.Context) error) {
	t.Helper()
	var done steps
	s := scope.OpenSupervised(t.Context())
	first := s.Go("first", func(ctx context.Context) error {
		<-ctx.Done()
		return done.then(cleanUp, "cleaned up")(ctx)
	})
	second := s.Go("second", func(ctx context.Context) error {
		first.Cancel(nil)
		return first.Wait(ctx)
	})
	time.Sleep(time.Second)
	second.Cancel(errStop)
	_ = second.Wait(t.Context())
	state(t, "cancelled", second)
	state(t, "cancelling", first)
	_ = first.Wait(t.Context())
	done.is(t, "cleaned up")
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
}

// A task that has a fail-fast scope in it is cancelled.
func TestAiotools_CancelAndWaitTaskGroup(t *testing.T) {
	runRows(t, []row{
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_external_cancellation",
			run:    func(t *testing.T) { cancelOften(t, 1) },
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_multiple_external_cancels",
			run:    func(t *testing.T) { cancelOften(t, 2) },
		},
		// That the body says it was cancelled is here its failure; see the row of
		// test_taskgroup_cancellation.
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_self_cancellation",
			run: func(t *testing.T) {
				var child *scope.Task
				parent := cancelledAfter(t, 3*time.Second, func(ctx context.Context) error {
					return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
						child = s.Go("child", untilCancelled)
						time.Sleep(2 * time.Second)
						return context.Canceled
					})
				})
				state(t, "cancelled", child)
				state(t, "failed", parent)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_normal_cancellation",
			run: func(t *testing.T) {
				var child *scope.Task
				parent := cancelledAfter(t, time.Second, func(ctx context.Context) error {
					return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
						child = s.Go("child", untilCancelled)
						return untilCancelled(ctx)
					})
				})
				state(t, "cancelled", child, parent)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_outer_cancelled",
			run: func(t *testing.T) {
				var done steps
				parent := cancelledAfter(t, time.Second, func(ctx context.Context) error {
					err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
						s.Go("would fail", ends(2*time.Second, errOne))
						return done.then(ends(5*time.Second, nil), "body")(ctx)
					})
					_ = done.then(ends(5*time.Second, nil), "parent")(ctx)
					return err
				})
				state(t, "cancelled", parent)
				done.is(t)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_child_exception",
			run: func(t *testing.T) {
				parent, _ := cancelledWithSibling(t, scope.Run, 0, nil)
				state(t, "failed", parent)
				is(t, "Err()", parent.Err(), errOne)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_long_cancellation",
			run: func(t *testing.T) {
				parent, h := cancelledWithSibling(t, scope.Run, time.Minute, nil)
				state(t, "failed", parent)
				is(t, "Err()", parent.Err(), errOne)
				same(t, "age at the end", parent.Info().Age, 61*time.Second)
				heard(t, h)
			},
		},
		// The peer has both errors in its group. Here the later one goes to the
		// handler.
		{
			origin: "aiotools: test_cancel_and_wait_taskgroup_error_during_cancellation",
			run: func(t *testing.T) {
				parent, h := cancelledWithSibling(t, scope.Run, time.Minute, errTwo)
				is(t, "Err()", parent.Err(), errOne)
				heard(t, h, errTwo)
			},
		},
	})
}

// A task that has a supervised scope in it is cancelled.
func TestAiotools_CancelAndWaitTaskScope(t *testing.T) {
	runRows(t, []row{
		{
			origin: "aiotools: test_cancel_and_wait_taskscope_child_exception",
			run: func(t *testing.T) {
				parent, h := cancelledWithSibling(t, scope.Supervise, 0, nil)
				state(t, "cancelled", parent)
				heard(t, h, errOne)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskscope_long_cancellation",
			run: func(t *testing.T) {
				parent, h := cancelledWithSibling(t, scope.Supervise, time.Minute, nil)
				state(t, "cancelled", parent)
				same(t, "age at the end", parent.Info().Age, 62*time.Second)
				heard(t, h, errOne)
			},
		},
		{
			origin: "aiotools: test_cancel_and_wait_taskscope_error_during_cancellation",
			run: func(t *testing.T) {
				parent, h := cancelledWithSibling(t, scope.Supervise, time.Minute, errTwo)
				state(t, "cancelled", parent)
				heard(t, h, errOne, errTwo)
			},
		},
		{origin: "aiotools: test_cancel_and_wait_shielded_taskscope", run: func(t *testing.T) {
			h := &ledger{}
			var a, b *scope.Future[int]
			parent := cancelledAfter(t, 2500*time.Millisecond, func(ctx context.Context) error {
				err := scope.Supervise(context.WithoutCancel(ctx),
					func(_ context.Context, s *scope.Scope) error {
						a = scope.Async(s, "a", gives(time.Second, 1))
						s.Go("fails", ends(2*time.Second, errOne))
						b = scope.Async(s, "b", gives(3*time.Second, 3))
						return nil
					}, scope.OnFailure(h.handle))
				is(t, "Supervise()", err, nil)
				return ctx.Err()
			})
			state(t, "cancelled", parent)
			result(t, a, 1)
			result(t, b, 3)
			heard(t, h, errOne)
		}},
	})
}

// cancelOften cancels a task over and over while a first caller waits for it. The
// first cause is the one that counts.
func cancelOften(t *testing.T, more int) {
	t.Helper()
	s := scope.Open(t.Context())
	var child *scope.Task
	parent := s.Go("parent", func(ctx context.Context) error {
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			child = s.Go("child", tidies(time.Minute, context.Canceled))
			return untilCancelled(ctx)
		})
	})
	time.AfterFunc(2*time.Second, func() {
		for i := range more {
			parent.Cancel(fmt.Errorf("further cancellation %d", i))
		}
	})
	time.Sleep(time.Second)
	parent.Cancel(errStop)
	is(t, "Wait()", parent.Wait(t.Context()), nil)
	state(t, "cancelled", child, parent)
	same(t, "cause", parent.Info().Cause, errStop)
	is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
}

// cancelledWithSibling runs a scope in a task: one child fails after a second,
// another one cleans up when it is cancelled. The task is cancelled after two.
func cancelledWithSibling(
	t *testing.T,
	run func(
		context.Context, func(context.Context, *scope.Scope) error, ...scope.Option,
	) error,
	cleanUp time.Duration, result error,
) (parent *scope.Task, h *ledger) {
	t.Helper()
	h = &ledger{}
	parent = cancelledAfter(t, 2*time.Second, func(ctx context.Context) error {
		return run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("fails", ends(time.Second, errOne))
			s.Go("sibling", tidies(cleanUp, result))
			return nil
		}, scope.OnFailure(h.handle))
	})
	return parent, h
}

func TestAiotools_Shields(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_cancel_and_wait_simple_task_shielded", run: func(t *testing.T) {
			for after, want := range map[time.Duration][]string{
				500 * time.Millisecond:  {"start"},
				1500 * time.Millisecond: {"start", "shield begins", "shield ends"},
				2500 * time.Millisecond: {"start", "shield begins", "shield ends"},
			} {
				var done steps
				task := cancelledAfter(t, after, func(ctx context.Context) error {
					done.add("start")
					if err := pass(ctx, time.Second); err != nil {
						return err
					}
					done.add("shield begins")
					_ = done.then(shielded, "shield ends")(ctx)
					return done.then(ends(time.Second, nil), "end")(ctx)
				})
				done.is(t, want...)
				state(t, "cancelled", task)
			}
		}},
		// See the row of test_taskgroup_subtask_cancellation.
		{origin: "aiotools: test_shield_scope_self_cancellation", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("gives up", func(ctx context.Context) error {
					if err := shielded(ctx); err != nil {
						return err
					}
					return context.Canceled
				})
				return nil
			}, scope.OnFailure(h.handle))
			is(t, "Supervise()", err, nil)
			heard(t, h, context.Canceled)
		}},
		{origin: "aiotools: test_shield_scope_nested", run: func(t *testing.T) {
			for _, after := range []time.Duration{500 * time.Millisecond, 1500 * time.Millisecond} {
				var done steps
				task := cancelledAfter(t, after, func(ctx context.Context) error {
					outer := context.WithoutCancel(ctx)
					_ = done.then(ends(time.Second, nil), "outer begins")(outer)
					inner := context.WithoutCancel(outer)
					_ = done.then(ends(time.Second, nil), "inner")(inner)
					_ = done.then(ends(time.Second, nil), "outer ends")(outer)
					return done.then(ends(time.Second, nil), "task ends")(ctx)
				})
				done.is(t, "outer begins", "inner", "outer ends")
				state(t, "cancelled", task)
			}
		}},
		{origin: "aiotools: test_taskscope_shielded_nested_1", run: func(t *testing.T) {
			nestedShields(t, scope.Supervise, []bool{true, true}, "1", "0")
		}},
		{origin: "aiotools: test_taskscope_shielded_nested_2", run: func(t *testing.T) {
			nestedShields(t, scope.Supervise, []bool{true, false}, "1", "0")
		}},
		{origin: "aiotools: test_taskscope_shielded_nested_3", run: func(t *testing.T) {
			nestedShields(t, scope.Supervise, []bool{false, true}, "1")
		}},
		{origin: "aiotools: test_taskscope_shielded_nested_4", run: func(t *testing.T) {
			shields := []bool{false, true, false, false, true}
			nestedShields(t, scope.Supervise, shields, "4", "3", "2", "1")
		}},
		{origin: "aiotools: test_taskscope_shielded_nested_4_mix", run: func(t *testing.T) {
			shields := []bool{false, true, false, false, true}
			nestedShields(t, scope.Run, shields, "4", "3", "2", "1")
		}},
		// With the peer the work of the shielded level is done, but not what comes
		// behind its scope; a shield is here no more than the context that the
		// scope is opened with, so both are the task's own choice.
		{origin: "aiotools: test_taskscope_shielded_nested_5", run: func(t *testing.T) {
			var done steps
			task := cancelledAfter(t, time.Second, func(ctx context.Context) error {
				shields := []bool{false, false, true, false, false, true}
				return shieldedTask(ctx, &done, shields, 0)
			})
			done.is(t, "work 5", "task 5", "work 4", "task 4", "work 3", "task 3", "work 2")
			state(t, "cancelled", task)
		}},
	})
}

// nestedShields nests scopes in one task, some behind a shield, and cancels the
// task while the body of the innermost works. want are the levels that completed.
func nestedShields(
	t *testing.T,
	run func(
		context.Context, func(context.Context, *scope.Scope) error, ...scope.Option,
	) error,
	shields []bool, want ...string,
) {
	t.Helper()
	var done steps
	var enter func(ctx context.Context, level int) error
	enter = func(ctx context.Context, level int) error {
		if level == len(shields) {
			return nil
		}
		if shields[level] {
			ctx = context.WithoutCancel(ctx)
		}
		return run(ctx, func(ctx context.Context, s *scope.Scope) error {
			// Upper levels have more to do than lower ones.
			s.Go("work", ends(time.Duration(20-level)*time.Second, nil))
			if err := enter(ctx, level+1); err != nil {
				return err
			}
			return done.then(ends(2*time.Second, nil), fmt.Sprint(level))(ctx)
		})
	}
	task := cancelledAfter(t, time.Second, func(ctx context.Context) error {
		if err := enter(ctx, 0); err != nil {
			return err
		}
		return ctx.Err()
	})
	done.is(t, want...)
	state(t, "cancelled", task)
}

// shieldedTask is a task with a scope in it, which may be behind a shield, and in
// that the next such task.
func shieldedTask(ctx context.Context, done *steps, shields []bool, level int) error {
	inner := ctx
	if shields[level] {
		inner = context.WithoutCancel(ctx)
	}
	err := scope.Supervise(inner, func(_ context.Context, s *scope.Scope) error {
		work := ends(time.Duration(30-2*level)*time.Second, nil)
		s.Go("work", done.then(work, fmt.Sprint("work ", level)))
		if level+1 < len(shields) {
			s.Go("next", func(ctx context.Context) error {
				return shieldedTask(ctx, done, shields, level+1)
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return done.then(ends(time.Second, nil), fmt.Sprint("task ", level))(ctx)
}
