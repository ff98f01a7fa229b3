package scope_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// fatal is a task that fails with Fatal.
func fatal(context.Context) error { return scope.Fatal(errDisk) }

// stopsIn returns a task that takes d to stop when it is cancelled, and then
// returns err.
func stopsIn(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(d)
		return err
	}
}

// Rows 116 and 117.
func TestFatal_EndsTheScope(t *testing.T) {
	for _, c := range starters() {
		for _, err := range []error{
			scope.Fatal(errDisk),
			fmt.Errorf("store: %w", scope.Fatal(errDisk)),
			errors.Join(errors.New("flush"), scope.Fatal(errDisk)),
		} {
			t.Run(c.kind, func(t *testing.T) {
				inAnyScope(t, func(t *trial) { testFatal(t, c, err) })
			})
		}
	}
}

func testFatal(t *trial, c starter, err error) {
	t.Helper()
	slow := t.s.Go("slow", stopsIn(time.Hour, nil))
	start := time.Now()
	<-c.start(t, t.s, give(err)).Done()
	if got := t.s.Info().State; got != "closing" || time.Since(start) != 0 {
		t.Errorf("after %v the scope is %s; want closing, at once", time.Since(start), got)
	}
	if cause := context.Cause(t.ctx); scope.From(t.ctx) == t.s && !errors.Is(cause, errDisk) {
		t.Errorf("cause in the body = %v, want %v", cause, errDisk)
	}
	var f *scope.Failure
	if got := t.s.Wait(t.Context()); !errors.As(got, &f) || f.Task.Kind != c.kind ||
		!errors.Is(got, errDisk) {
		t.Errorf("result = %v, want the failure of the task", got)
	}
	if slow.Err() != nil {
		t.Errorf("Wait returned before the end of a task: %v", slow.Err())
	}
	if cause := slow.Info().Cause; !errors.Is(cause, f) {
		t.Errorf("cause in a sibling = %v, want the failure", cause)
	}
	if got := t.in.failures(); len(got) > 0 {
		t.Errorf("handler got %v, want nothing", got)
	}
}

// Rows 116 and 117.
func TestFatal_OfAFutureEndsTheScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			future := scope.Async(s, "", func(ctx context.Context) (int, error) {
				return 0, fatal(ctx)
			})
			<-ctx.Done()
			if _, err := future.Wait(context.Background()); !errors.Is(err, errDisk) {
				t.Errorf("Wait() = %v, want %v", err, errDisk)
			}
			return nil
		})
		if !errors.Is(err, errDisk) {
			t.Errorf("Supervise() = %v, want %v", err, errDisk)
		}
	})
}

// Row 116. Deferred functions are over before the result is made.
func TestFatal_OfADeferredFunctionIsTheResult(t *testing.T) {
	var in inbox
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Defer("first", give(errors.New("flush")))
		s.Defer("victim", fatal)
		return nil
	}, scope.OnFailure(in.handle))
	if !errors.Is(err, errDisk) || len(in.failures()) != 1 {
		t.Errorf("Supervise() = %v, handler got %v; want %v, one failure",
			err, in.failures(), errDisk)
	}
}

// Rows 117, 118 and 119.
func TestFatal_LosesNoOtherFailure(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	inAnyScope(t, func(t *trial) {
		s, in := t.s, t.in
		s.Go("flush", stopsIn(time.Second, errDisk))
		s.Go("panic", func(ctx context.Context) error { <-ctx.Done(); panic("boom") })
		s.Go("second", stopsIn(2*time.Second, scope.Fatal(second)))
		synctest.Wait()
		s.Go("first", give(scope.Fatal(first)))
		if got := s.Wait(t.Context()); !errors.Is(got, first) || errors.Is(got, second) {
			t.Errorf("result = %v, want the first fatal failure, %v", got, first)
		}
		got := in.failures()
		if len(got) != 3 {
			t.Fatalf("handler got %v, want 3 failures", got)
		}
		var p *scope.PanicError
		if !errors.As(got[0], &p) || !errors.Is(got[1].Err, errDisk) || !errors.Is(got[2], second) {
			t.Errorf("handler got %v, want the panic, %v and %v", got, errDisk, second)
		}
	})
}

// Rows 117 and 119. In a fail-fast scope a fatal failure goes before the one
// that ended it, which is not lost.
func TestFatal_GoesBeforeTheFirstFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("late", stopsIn(time.Second, scope.Fatal(errDisk)))
			first := errors.New("first")
			s.Go("first", give(first))
			return nil
		}, scope.OnFailure(in.handle))
		var f *scope.Failure
		if !errors.As(err, &f) || f.Task.Name != "late" {
			t.Errorf("Run() = %v, want the fatal failure first", err)
		}
		all := fmt.Sprint(err, in.failures())
		if strings.Count(all, `first": first`) != 1 {
			t.Errorf("result and handler have %s, want the first failure once", all)
		}
	})
}

// Row 120.
func TestFatal_IsNothingThatIsNotMarked(t *testing.T) {
	ordinary := map[string]func(context.Context) error{
		"error":       give(errDisk),
		"custom type": give(&fieldError{err: errDisk}),
		"text":        give(errors.New("fatal: disk full")),
		"Canceled":    give(context.Canceled),
		"panic":       func(context.Context) error { panic(errDisk) },
		"fault":       func(context.Context) error { panic(new(runtime.PanicNilError)) },
		"Goexit":      func(context.Context) error { runtime.Goexit(); return nil },
		"typed nil":   give((*fieldError)(nil)),
		"Fatal(nil)":  give(scope.Fatal(nil)),
	}
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
		sibling := s.Go("sibling", obedient)
		for name, f := range ordinary {
			<-s.Go(name, f).Done()
			synctest.Wait()
			if !runs(sibling) || s.Info().State != "open" {
				t.Fatalf("%s ended the scope", name)
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// Row 121.
func TestFatal_OfTheBody(t *testing.T) {
	for _, run := range lexicals() {
		synctest.Test(t, func(t *testing.T) {
			var slow *scope.Task
			want := scope.Fatal(errDisk)
			got := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				slow = s.Go("slow", stopsIn(time.Hour, nil))
				synctest.Wait()
				return want
			})
			if !errors.Is(got, want) || slow.Err() != nil || !errors.Is(slow.Info().Cause, want) {
				t.Errorf("result = %v, task %v with cause %v; want %v, nil, the same",
					got, slow.Err(), slow.Info().Cause, want)
			}
		})
	}
}

// Row 121. It is the first fatal failure that leads the result, the body's own
// stays beside it.
func TestFatal_OfTheBodyAfterThatOfATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := errors.New("own")
		err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			s.Go("victim", fatal)
			<-ctx.Done()
			return scope.Fatal(own)
		})
		var f *scope.Failure
		if !errors.As(err, &f) || f.Task.Name != "victim" || !errors.Is(err, own) {
			t.Errorf("Supervise() = %v, want the failure of victim, and %v", err, own)
		}
	})
}

// Rows 117 and 118. A Goexit of the body leaves no result, so the failure that
// would be it goes to the handler.
func TestFatal_ReachesTheHandlerIfTheBodyGoexits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		_, _ = leave(func() {
			_ = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Go("victim", fatal)
				<-ctx.Done()
				runtime.Goexit()
				return nil
			}, scope.OnFailure(in.handle))
		})
		if got := in.failures(); len(got) != 1 || !errors.Is(got[0], errDisk) {
			t.Errorf("handler got %v, want the failure with %v", got, errDisk)
		}
	})
}

// nestFatal returns the result of scopes nested to a depth, in the innermost of
// which a task fails with Fatal. The others end only if that ends them.
func nestFatal(ctx context.Context, depth int) error {
	if depth == 0 {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("victim", fatal)
			return nil
		})
	}
	return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("sibling", obedient)
		s.Go("inner", func(ctx context.Context) error { return nestFatal(ctx, depth-1) })
		return nil
	})
}

// Row 122.
func TestFatal_PassesUpward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("sibling", obedient)
			s.Go("inner", func(ctx context.Context) error { return nestFatal(ctx, 3) })
			return nil
		}, scope.OnFailure(in.handle))
		if !errors.Is(err, errDisk) || len(in.failures()) > 0 {
			t.Errorf("Supervise() = %v, handler got %v; want %v, nothing",
				err, in.failures(), errDisk)
		}
	})
}

// Row 122.
func TestContain_StopsFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
		sibling := s.Go("sibling", obedient)
		for _, f := range []func(context.Context) error{
			func(ctx context.Context) error {
				return scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
					s.Go("victim", fatal)
					<-ctx.Done() // the scope itself is brought down
					return nil
				}, scope.Contain())
			},
			func(ctx context.Context) error {
				long := scope.OpenSupervised(ctx, scope.Contain())
				<-long.Go("victim", fatal).Done()
				return long.Wait(context.WithoutCancel(ctx))
			},
		} {
			<-s.Go("inner", f).Done()
			synctest.Wait()
			if !runs(sibling) || s.Info().State != "open" {
				t.Fatalf("the failure went on to the outer scope, which is %s", s.Info().State)
			}
		}
		got := in.failures()
		if len(got) != 2 || !errors.Is(got[0], errDisk) || !errors.Is(got[1], errDisk) {
			t.Errorf("handler got %v, want two failures with %v", got, errDisk)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// Row 122. A fatal failure of the outer scope is not the inner one's to contain.
func TestContain_HidesNoOtherMark(t *testing.T) {
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("inner", func(ctx context.Context) error {
			err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("victim", fatal)
				return nil
			}, scope.Contain())
			return errors.Join(err, scope.Fatal(errors.New("own")))
		})
		s.Go("sibling", obedient)
		return nil
	})
	if !errors.Is(err, errDisk) {
		t.Errorf("Supervise() = %v, want %v", err, errDisk)
	}
}

// Row 122. Who is refused or cancelled because of a fatal failure elsewhere has
// not failed with it.
func TestFatal_IsNotInheritedByBystanders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := scope.OpenSupervised(t.Context())
		waited := scope.Async(dead, "", func(ctx context.Context) (int, error) {
			return 0, obedient(ctx)
		})
		<-dead.Go("victim", fatal).Done()
		_ = dead.Wait(t.Context())
		for name, f := range map[string]func(context.Context) error{
			"refused": func(context.Context) error {
				_, err := dead.TryGo("", obedient)
				return err
			},
			"cancelled": func(ctx context.Context) error {
				_, err := waited.Wait(ctx)
				return err
			},
		} {
			var in inbox
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
			<-s.Go(name, f).Done()
			if got := s.Info().State; got != "open" || len(in.failures()) != 1 {
				t.Errorf("%s: the scope is %s, handler got %v; want open, the failure",
					name, got, in.failures())
			}
			_ = s.Shutdown(t.Context())
		}
	})
}

// Row 122. The same below: a refusal in a scope that a fatal failure above has
// cancelled goes to the handler, and the result is the cause.
func TestFatal_AboveLeavesRefusalsToTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("inner", func(ctx context.Context) error {
				err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
					<-ctx.Done()
					s.Go("late", obedient)
					return nil
				})
				if cause := context.Cause(ctx); !errors.Is(err, cause) {
					t.Errorf("inner result = %v, want the cause %v", err, cause)
				}
				return nil
			})
			synctest.Wait()
			s.Go("victim", fatal)
			return nil
		}, scope.OnFailure(in.handle))
		if got := in.failures(); len(got) != 1 || got[0].Task.Name != "late" {
			t.Errorf("handler got %v, want the refusal of late", got)
		}
	})
}

// Row 123.
func TestFatal_ClosesALongLivedScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
		slow := s.Go("slow", stopsIn(time.Hour, nil))
		synctest.Wait()
		<-s.Go("victim", fatal).Done()
		if _, err := s.TryGo("late", obedient); !errors.Is(err, scope.ErrClosed) ||
			!errors.Is(err, errDisk) {
			t.Errorf("TryGo() = %v, want ErrClosed because of %v", err, errDisk)
		}
		if err := s.Go("late", obedient).Err(); !errors.Is(err, scope.ErrClosed) ||
			!errors.Is(err, errDisk) {
			t.Errorf("Go().Err() = %v, want ErrClosed because of %v", err, errDisk)
		}
		select {
		case <-s.Done():
			t.Error("Done is closed while a task runs")
		default:
		}
		<-s.Done()
		if err := slow.Err(); err != nil {
			t.Errorf("after Done the task has %v, want nil", err)
		}
		for _, end := range []func(context.Context) error{s.Shutdown, s.Wait, s.Drain} {
			if err := end(t.Context()); !errors.Is(err, errDisk) {
				t.Errorf("result = %v, want %v", err, errDisk)
			}
		}
	})
}

// Rows 116 and 120. What goes to the caller alone ends no scope.
func TestFatal_OfDoAndStartIsTheCallers(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s, in := t.s, t.in
		if err := s.Do(t.Context(), "", fatal); !errors.Is(err, errDisk) {
			t.Errorf("Do() = %v, want %v", err, errDisk)
		}
		_, err := s.Start(t.Context(), "", func(ctx context.Context, _ func()) error {
			return fatal(ctx)
		})
		if !errors.Is(err, errDisk) {
			t.Errorf("Start() = %v, want %v", err, errDisk)
		}
		if s.Info().State != "open" || len(in.failures()) > 0 {
			t.Errorf("scope is %s, handler got %v; want open, nothing",
				s.Info().State, in.failures())
		}
	})
}
