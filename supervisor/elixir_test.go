package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// Cases of Elixir's own suites that OTP's does not have: DynamicSupervisor,
// PartitionSupervisor and Task. Those of Task.async_stream are in package gather.

func TestElixir_restarting_on_init_children_counted_in_max_children(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = failsAgain // never comes up again
		p := l.pool(sup.Spec{
			Restart: sup.Permanent, Backoff: sup.Backoff{Base: time.Second},
			Budget: sup.Budget{Unlimited: true},
		}, sup.Options{Limit: 1})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.end("a", boom)
		time.Sleep(time.Minute)
		l.is(p.TryAdd(bg, "b", nothing), scope.ErrLimit)
	})
}

func nothing(context.Context) error { return nil }

func TestElixir_restarting_on_exit_children_counted_in_max_children(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{Limit: 1})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.end("a", boom)
		l.is(p.TryAdd(bg, "b", nothing), scope.ErrLimit)
		l.ok(p.Remove(bg, "a"))
		l.ok(p.TryAdd(bg, "b", nothing))
	})
}

func TestElixir_child_is_restarted_when_trying_again(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = failsOn(2, 3)
		l.run(l.specs("a", burst(3, hour)), sup.Options{})
		l.end("a", boom)
		l.lived("a4")
		if c, _ := l.s.Child("a"); c.Restarts != 3 {
			t.Errorf("%d restarts counted, want each attempt: 3", c.Restarts)
		}
	})
}

func TestElixir_child_triggers_maximum_intensity_when_trying_again(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = failsAgain
		l.run(l.specs("a", burst(3, hour)), sup.Options{})
		l.end("a", boom)
		if e := l.intensity(l.ended(), "a"); e.Restarts != 4 {
			t.Errorf("error is %+v", e)
		}
	})
}

// All kinds of grace in one stop.
func TestElixir_terminates_with_mixed_children(t *testing.T) {
	inBubble(t, func(l *lab) {
		specs := []sup.Spec{
			l.spec("brutal", grace(sup.NoGrace)), l.spec("patient", grace(sup.Infinity)),
			l.spec("good", grace(5*time.Second)), l.spec("late", grace(5*time.Second)),
		}
		l.onStop["brutal"] = slow(2 * time.Second)
		l.onStop["patient"] = slow(8 * time.Second)
		l.onStop["late"] = slow(6 * time.Second)
		l.run(specs, sup.Options{})
		l.events()
		begun := time.Now()
		err := l.stop()
		var stuck *sup.StuckError
		if !errors.As(err, &stuck) || stuck.Child != "late" {
			t.Errorf("Run() = %v, want one that names late", err)
		}
		l.sequence("-good -late -patient -brutal")
		if d := time.Since(begun); d != (5+8+2)*time.Second {
			t.Errorf("the stop took %v", d)
		}
	})
}

func TestElixir_terminates_children_with_expired_integer_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Grace: time.Second}, sup.Options{})
		for i := range 3 {
			name := fmt.Sprint(i)
			l.onStop[name] = slow(2 * time.Second)
			l.ok(p.AddStart(bg, name, l.start(name)))
		}
		begun := time.Now()
		err := l.stop()
		var joined interface{ Unwrap() []error }
		if !errors.As(err, &joined) || len(joined.Unwrap()) != 4 {
			t.Errorf("Run() = %v, want the cause and three children", err)
		}
		if d := time.Since(begun); d != 2*time.Second {
			t.Errorf("the stop took %v", d)
		}
	})
}

func TestElixir_terminates_restarting_child(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{
			Restart: sup.Permanent, Backoff: sup.Backoff{Base: time.Hour},
		}, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.end("a", boom)
		begun := time.Now()
		l.ok(p.Remove(bg, "a"))
		if d := time.Since(begun); d != 0 || p.Info().Specs != 0 {
			t.Errorf("took %v, %d children left", d, p.Info().Specs)
		}
	})
}

func TestElixir_partition_resizes(t *testing.T) {
	inBubble(t, func(l *lab) {
		p, err := sup.NewPartitioned[int](4, sup.Spec{}, sup.Options{})
		l.ok(err)
		l.launch(p.Run)
		used := map[*sup.Pool]bool{}
		for key := range 1000 {
			pool, err := p.Pool(key)
			l.ok(err)
			again, err := p.Pool(key)
			l.ok(err)
			used[pool] = again == pool
			l.ok(pool.Add(bg, "", untilDone))
		}
		same := !slices.ContainsFunc(p.Pools(), func(pool *sup.Pool) bool { return !used[pool] })
		if n := active(p.Pools()); n != 1000 || !same {
			t.Errorf("%d children; or a pool is not used, or a key is in two", n)
		}
		l.ok(p.Resize(bg, 2))
		if n := active(p.Pools()); len(p.Pools()) != 2 || n < 400 || n > 600 {
			t.Errorf("%d pools with %d children after the resize", len(p.Pools()), n)
		}
		l.ok(p.Resize(bg, 3))
		if n := len(p.Pools()); n != 3 || p.Pools()[2].Info().State != "running" {
			t.Errorf("%d pools, want 3 that run", n)
		}
		var bad *sup.SpecError
		if err := p.Resize(bg, 5); !errors.As(err, &bad) {
			t.Errorf("Resize to more than there are = %v", err)
		}
	})
}

func active(pools []*sup.Pool) (n int) {
	for _, pool := range pools {
		n += pool.Info().Active
	}
	return n
}

func TestElixir_partition_raises_on_lookup_after_resizing_to_zero(t *testing.T) {
	inBubble(t, func(l *lab) {
		p, err := sup.NewPartitioned[string](3, sup.Spec{}, sup.Options{})
		l.ok(err)
		l.launch(p.Run)
		l.ok(p.Resize(bg, 0))
		_, err = p.Pool("key")
		l.is(err, sup.ErrNotRunning)
		l.ok(p.Resize(bg, 3))
		_, err = p.Pool("key")
		l.ok(err)
	})
}

// The cases of Task and Task.Supervisor are met by the core: tasks with a
// result, in a scope.

func TestElixir_exits_immediately_when_any_task_exits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := scope.Run(bg, func(_ context.Context, s *scope.Scope) error {
			s.Go("slow", untilDone)
			f := scope.Async(s, "fails", func(context.Context) (int, error) { return 0, errBoom })
			_, err := f.Wait(bg)
			return err
		}, scope.OnFailure(scope.Ignore))
		if !errors.Is(err, errBoom) || time.Since(begun) != 0 {
			t.Errorf("Run() = %v after %v", err, time.Since(begun))
		}
	})
}

func TestElixir_returns_replies_in_input_order_ignoring_response_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []int
		err := scope.Supervise(bg, func(ctx context.Context, s *scope.Scope) error {
			var futures []*scope.Future[int]
			for i := range 10 {
				futures = append(futures, scope.Async(s, "", func(context.Context) (int, error) {
					time.Sleep(time.Duration(10-i) * time.Second)
					return i, nil
				}))
			}
			for _, f := range futures {
				v, err := f.Wait(ctx)
				got = append(got, v)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || !slices.IsSorted(got) || len(got) != 10 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A task replies once: what is read again is the same.
func TestElixir_ignores_additional_messages_after_reply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := scope.Supervise(bg, func(ctx context.Context, s *scope.Scope) error {
			f := scope.Async(s, "", func(context.Context) (int, error) { return 7, nil })
			for range 3 {
				if v, err := f.Wait(ctx); v != 7 || err != nil {
					t.Errorf("Wait() = %d, %v", v, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Goroutines have no mailbox, so that anybody may wait for a result.
func TestElixir_raises_when_invoked_from_a_non_owner_process(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := scope.Run(bg, func(_ context.Context, s *scope.Scope) error {
			f := scope.Async(s, "", func(context.Context) (int, error) { return 7, nil })
			s.Go("not the owner", func(ctx context.Context) error {
				v, err := f.Wait(ctx)
				if v != 7 {
					t.Errorf("Wait() = %d", v)
				}
				return err
			})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// Out of time, the replies that are there are had, and the other tasks live on.
func TestElixir_yield_many_with_limit_and_on_timeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := scope.Supervise(bg, func(ctx context.Context, s *scope.Scope) error {
			fast := scope.Async(s, "", func(context.Context) (int, error) { return 1, nil })
			late := scope.Async(s, "", func(context.Context) (int, error) {
				time.Sleep(time.Minute)
				return 2, nil
			})
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if v, err := fast.Wait(short); v != 1 || err != nil {
				t.Errorf("fast: %d, %v", v, err)
			}
			if _, err := late.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("late: %v", err)
			}
			if v, err := late.Wait(ctx); v != 2 || err != nil {
				t.Errorf("late, again: %d, %v", v, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
