package scope_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Row 86.
func TestScope_DrainThenShutdown(t *testing.T) {
	cause := errors.New("drained long enough")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.OnFailure(scope.Ignore))
		var quick error
		s.Go("quick", func(ctx context.Context) error {
			time.Sleep(time.Minute)
			quick = ctx.Err()
			return nil
		})
		slow := s.Go("slow", obey)
		drainFor, cancel := context.WithTimeoutCause(t.Context(), time.Hour, cause)
		defer cancel()

		err := s.Drain(drainFor)
		var left *scope.StragglersError
		if !errors.Is(err, cause) || !errors.As(err, &left) {
			t.Fatalf("Drain() = %v, want a *StragglersError with the cause", err)
		}
		if len(left.Tasks) != 1 || left.Tasks[0].Task.Name != "slow" {
			t.Errorf("stragglers = %v, want the slow task", left)
		}
		if info := s.Info(); info.State != "draining" || info.Cause != nil || quick != nil {
			t.Errorf("state = %s, cause = %v, context of the quick task = %v, "+
				"want draining, nil, nil", info.State, info.Cause, quick)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if err := slow.Err(); !errors.Is(err, scope.ErrCancelled) {
			t.Errorf("Err() of the slow task = %v, want %v", err, scope.ErrCancelled)
		}
	})
}

// Row 87.
func TestScope_DrainRefusesNewcomersOnly(t *testing.T) {
	eachVerb(t, func(t *testing.T, v spawnVerb, p lifePolicy) {
		more := make(chan struct{})
		var inside, nested error
		var ran atomic.Int32
		work := func(ctx context.Context) error { ran.Add(1); return ctx.Err() }
		s := p.open(t.Context(), scope.OnFailure(scope.Ignore))
		s.Go("", func(ctx context.Context) error {
			<-more
			inside = v.spawn(s, work)
			return p.run(ctx, func(_ context.Context, in *scope.Scope) error {
				in.Go("", func(context.Context) error { nested = v.spawn(s, work); return nil })
				return nil
			})
		})
		drained := async(func() error { return s.Drain(t.Context()) })
		synctest.Wait()
		if err := v.spawn(s, work); !errors.Is(err, scope.ErrClosed) {
			t.Errorf("%s() from outside = %v, want %v", v.name, err, scope.ErrClosed)
		}
		close(more)
		if err := <-drained; err != nil {
			t.Errorf("Drain() = %v, want nil", err)
		}
		if inside != nil || nested != nil || ran.Load() != 2 {
			t.Errorf("%s() from a task = %v, from a nested one = %v, ran = %d, "+
				"want nil, nil, 2", v.name, inside, nested, ran.Load())
		}
	})
}

// Row 87.
func TestScope_DrainAdmitsWhatAHandlerStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := make(chan struct{})
		var restarted atomic.Int32
		s := scope.OpenSupervised(t.Context(),
			scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
				_, err := scope.From(ctx).TryGo("again", func(context.Context) error {
					restarted.Add(1)
					return nil
				})
				if err != nil {
					t.Errorf("TryGo() in a handler during a drain = %v, want nil", err)
				}
			}))
		s.Go("fails", func(context.Context) error { <-fail; return errors.New("boom") })
		s.Go("panics", func(context.Context) error { <-fail; panic("boom") })
		s.Go("leaves", func(context.Context) error { <-fail; runtime.Goexit(); return nil })
		drained := async(func() error { return s.Drain(t.Context()) })
		synctest.Wait()
		close(fail)
		if err := <-drained; err != nil || restarted.Load() != 3 {
			t.Errorf("Drain() = %v, restarted = %d, want nil, 3", err, restarted.Load())
		}
	})
}

// Row 87. A daemon is one of those that may start tasks: a drain ends only if it
// is cancelled before.
func TestScope_DrainAdmitsWhatADaemonStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context())
		accept := s.Daemon("accept", func(ctx context.Context) error {
			for ctx.Err() == nil {
				s.Go("conn", func(context.Context) error { time.Sleep(time.Minute); return nil })
				time.Sleep(time.Second)
			}
			return context.Cause(ctx)
		})
		synctest.Wait() // with no task live the daemon would be cancelled at once
		bounded, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var left *scope.StragglersError
		if err := s.Drain(bounded); !errors.As(err, &left) {
			t.Errorf("Drain() beside a daemon that starts tasks = %v, want stragglers", err)
		}
		accept.Cancel(nil)
		if err := s.Drain(t.Context()); err != nil {
			t.Errorf("Drain() behind its cancellation = %v, want nil", err)
		}
	})
}

// Row 87.
func TestScope_DrainIsSeveralVerbsInTurn(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var order []string
		s := p.open(t.Context())
		s.Defer("", func(context.Context) error { order = append(order, "deferred"); return nil })
		s.Daemon("", func(ctx context.Context) error {
			err := obey(ctx)
			order = append(order, "daemon")
			return err
		})
		s.Go("", func(context.Context) error {
			time.Sleep(time.Hour)
			order = append(order, "task")
			return nil
		})
		if err := s.Drain(t.Context()); err != nil {
			t.Errorf("Drain() = %v, want nil", err)
		}
		if want := []string{"task", "daemon", "deferred"}; !slices.Equal(order, want) {
			t.Errorf("ended in order %v, want %v", order, want)
		}
		if info := s.Info(); info.State != "ended" || info.Cause != nil {
			t.Errorf("state = %s, cause = %v, want ended, nil", info.State, info.Cause)
		}
	})
}

// Row 87.
func TestRun_DrainInTheBody(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		err := p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			task := s.Go("", func(context.Context) error { time.Sleep(time.Hour); return nil })
			if err := s.Drain(ctx); err != nil || !isClosed(task.Done()) {
				t.Errorf("Drain() = %v, task over: %v, want nil, true", err, isClosed(task.Done()))
			}
			if _, err := s.TryGo("", obey); !errors.Is(err, scope.ErrClosed) {
				t.Errorf("TryGo() after Drain = %v, want %v", err, scope.ErrClosed)
			}
			return ctx.Err()
		})
		if err != nil {
			t.Errorf("result = %v, want nil: a drain cancels nobody", err)
		}
	})
}

// Row 87.
func TestScope_WaitDuringADrainWaitsForTheEnd(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var cleaned atomic.Bool
		s := p.open(t.Context())
		s.Defer("", func(context.Context) error {
			time.Sleep(time.Hour)
			cleaned.Store(true)
			return nil
		})
		s.Go("", func(context.Context) error { time.Sleep(time.Hour); return nil })
		waited := async(func() error { return s.Wait(t.Context()) })
		synctest.Wait()
		_ = s.Drain(doneContext())
		if err := <-waited; err != nil || !cleaned.Load() {
			t.Errorf("Wait() = %v, deferred function over: %v, want nil, true", err, cleaned.Load())
		}
	})
}
