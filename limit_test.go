package scope_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

func TestLimit_IsReachedAndNotExceeded(t *testing.T) {
	for _, n := range []int{1, 2, 7, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) { checkLimit(t, live, n) })
		})
	}
}

func checkLimit(t *testing.T, live lifeForm, n int) {
	t.Helper()
	var running, peak atomic.Int32
	begin := time.Now()
	err := live(func(_ context.Context, s *scope.Scope) {
		for range 3 * n {
			s.Go("", func(context.Context) error {
				defer running.Add(-1)
				now := running.Add(1)
				time.Sleep(time.Second)
				for old := peak.Load(); now > old; old = peak.Load() {
					peak.CompareAndSwap(old, now)
				}
				return nil
			})
			if l := s.Info().Counts.Live; l > n {
				t.Errorf("live = %d, want at most %d", l, n)
			}
		}
	}, scope.Limit(n))
	if err != nil || int(peak.Load()) != n {
		t.Errorf("result = %v, peak = %d, want nil, %d", err, peak.Load(), n)
	}
	if took := time.Since(begin); took != 3*time.Second {
		t.Errorf("took %v, want 3 s", took)
	}
}

func TestLimit_UnderLoad(t *testing.T) {
	const n, spawners = 3, 4
	var running, over, ran atomic.Int32
	each := int32(rounds(10_000) / spawners)
	work := func(ctx context.Context) error {
		if running.Add(1) > n {
			over.Add(1)
		}
		runtime.Gosched()
		running.Add(-1)
		ran.Add(1)
		return ctx.Err()
	}
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		var wg sync.WaitGroup
		for range spawners {
			wg.Go(func() {
				for range each {
					s.Go("", work)
				}
			})
		}
		wg.Wait()
		return nil
	}, scope.Limit(n))
	if err != nil || over.Load() > 0 || ran.Load() != each*spawners {
		t.Errorf("result = %v, times over the limit %d, ran %d, want nil, 0, %d",
			err, over.Load(), ran.Load(), each*spawners)
	}
}

func TestLimit_TryGoDoesNotWait(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context(), scope.Limit(2))
		first, _ := s.TryGo("", ignore(release))
		_, second := s.TryGo("", ignore(release))
		if second != nil {
			t.Errorf("TryGo() below the limit = %v, want nil", second)
		}
		if task, err := s.TryGo("", obey); task != nil || !errors.Is(err, scope.ErrLimit) {
			t.Errorf("TryGo() at the limit = %v, %v, want nil, ErrLimit", task, err)
		}
		if c := s.Info(); c.Limit != 2 || c.Counts.Refused != 1 {
			t.Errorf("limit = %d, refused = %d, want 2, 1", c.Limit, c.Counts.Refused)
		}
		close(release)
		_ = first.Wait(t.Context())
		if _, err := s.TryGo("", obey); err != nil {
			t.Errorf("TryGo() after a task has ended = %v, want nil", err)
		}
		_ = s.Shutdown(t.Context())
	})
}

func TestLimit_WaitersAreServedInTurn(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.Limit(1))
		order := make(chan int, 5)
		for i := range cap(order) {
			go s.Go("", func(context.Context) error {
				order <- i
				time.Sleep(time.Second)
				return nil
			})
			synctest.Wait()
		}
		for want := range cap(order) {
			if got := <-order; got != want {
				t.Errorf("task %d ran in place of %d; want the order of the calls", got, want)
			}
		}
		_ = s.Shutdown(t.Context())
	})
}

// Row 69.
func TestLimit_TheEndWakesWhoWaitsForASlot(t *testing.T) {
	cause := errors.New("cause")
	ends := []struct {
		name string
		end  func(s *scope.Scope, cancelParent context.CancelCauseFunc)
		want error // beside ErrClosed
	}{
		{"Cancel", func(s *scope.Scope, _ context.CancelCauseFunc) { s.Cancel(cause) }, cause},
		{"parent", func(_ *scope.Scope, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		{"Timeout", func(*scope.Scope, context.CancelCauseFunc) { time.Sleep(time.Hour) },
			context.DeadlineExceeded},
		{"Shutdown", func(s *scope.Scope, _ context.CancelCauseFunc) {
			_ = s.Shutdown(doneContext())
		}, context.Canceled},
		{"Drain", func(s *scope.Scope, _ context.CancelCauseFunc) { _ = s.Drain(doneContext()) },
			scope.ErrClosed},
		{"fatal", func(s *scope.Scope, _ context.CancelCauseFunc) {
			s.Daemon("", func(context.Context) error { return scope.Fatal(cause) })
			synctest.Wait()
		}, cause},
	}
	for _, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			eachVerb(t, func(t *testing.T, v spawnVerb, p lifePolicy) {
				if v.name != "TryGo" && v.name != "Daemon" { // which do not wait
					checkWakesWaiter(t, v, p, e.end, e.want)
				}
			})
		})
	}
}

func checkWakesWaiter(
	t *testing.T, v spawnVerb, p lifePolicy,
	end func(s *scope.Scope, cancelParent context.CancelCauseFunc), want error,
) {
	t.Helper()
	parent, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	s := p.open(parent, scope.Limit(1), scope.Timeout(time.Hour), scope.OnFailure(scope.Ignore))
	s.Go("holds the slot", ignore(release))
	refusal := async(func() error { return v.spawn(s, obey) })
	synctest.Wait()
	end(s, cancel)
	at := time.Now()
	if err := <-refusal; !errors.Is(err, scope.ErrClosed) || !errors.Is(err, want) {
		t.Errorf("%s() that waited was refused with %v, want ErrClosed and %v", v.name, err, want)
	}
	if late := time.Since(at); late != 0 {
		t.Errorf("%s() woke %v after the end began, want 0", v.name, late)
	}
	close(release)
	<-s.Done()
}

// A task that waits for a slot of its own scope might wait for itself.
func TestLimit_FromInsideIsRefused(t *testing.T) {
	inside := map[string]func(ctx context.Context, s *scope.Scope, spawn func()) error{
		"task": func(_ context.Context, _ *scope.Scope, spawn func()) error { spawn(); return nil },
		"nested scope": func(ctx context.Context, _ *scope.Scope, spawn func()) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("", func(context.Context) error { spawn(); return nil })
				return nil
			})
		},
		"long-lived nested scope": func(ctx context.Context, _ *scope.Scope, spawn func()) error {
			in := scope.Open(ctx)
			in.Go("", func(context.Context) error { spawn(); return nil })
			return in.Wait(ctx)
		},
		"deferred call": func(_ context.Context, _ *scope.Scope, spawn func()) error {
			defer spawn()
			return nil
		},
	}
	for name, work := range inside {
		t.Run(name, func(t *testing.T) {
			for _, v := range spawnVerbs() {
				if v.name == "Daemon" {
					continue
				}
				eachPolicy(t, func(t *testing.T, p lifePolicy) {
					var refusal error
					s := p.open(t.Context(), scope.Limit(1), scope.OnFailure(scope.Ignore))
					s.Go("", func(ctx context.Context) error {
						return work(ctx, s, func() { refusal = v.spawn(s, obey) })
					})
					_ = s.Wait(t.Context())
					if !errors.Is(refusal, scope.ErrLimit) {
						t.Errorf("%s() at the limit = %v, want %v", v.name, refusal, scope.ErrLimit)
					}
					_ = s.Shutdown(t.Context())
				})
			}
		})
	}
}

func TestLimit_CountsOrdinaryTasksOnly(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		err := live(func(_ context.Context, s *scope.Scope) {
			for range 3 {
				s.Daemon("", obey)
				s.Defer("", func(context.Context) error { return nil })
			}
			if _, err := s.TryGo("", func(context.Context) error { return nil }); err != nil {
				t.Errorf("TryGo() beside daemons = %v, want nil", err)
			}
		}, scope.Limit(1))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
	})
}

func TestLimit_EveryEndGivesTheSlotBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.Limit(2), scope.OnFailure(scope.Ignore))
		ends := []func(context.Context) error{
			func(context.Context) error { return nil },
			func(context.Context) error { return errors.New("boom") },
			func(context.Context) error { panic("task") },
			func(context.Context) error { runtime.Goexit(); return nil },
		}
		for range 3 {
			for _, end := range ends {
				for _, v := range spawnVerbs() {
					_ = async(func() error { // Do passes panics on
						defer func() { _ = recover() }()
						return v.spawn(s, end)
					})
					synctest.Wait()
				}
			}
		}
		for i := range 2 {
			if _, err := s.TryGo("", obey); err != nil {
				t.Errorf("TryGo() of slot %d = %v, want nil", i, err)
			}
		}
		_ = s.Shutdown(t.Context())
	})
}

// A refused task has no slot either.
func TestLimit_ARefusalGivesTheSlotBack(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		more := make(chan struct{})
		s := p.open(t.Context(), scope.Limit(2), scope.OnFailure(scope.Ignore))
		s.Go("", func(context.Context) error {
			<-more
			_, err := s.TryGo("from inside", func(context.Context) error { return nil })
			return err
		})
		drained := async(func() error { return s.Drain(t.Context()) })
		synctest.Wait()
		for _, v := range spawnVerbs() {
			if err := v.spawn(s, obey); !errors.Is(err, scope.ErrClosed) {
				t.Errorf("%s() during a drain = %v, want %v", v.name, err, scope.ErrClosed)
			}
		}
		close(more)
		if err := <-drained; err != nil {
			t.Errorf("Drain() = %v, want nil", err)
		}
	})
}

// Row 87. A daemon that waits for a slot goes on waiting when a drain begins, since
// what runs may start more; when all has ended it is refused, as ever.
func TestLimit_DaemonWaitsForASlotThroughADrain(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.Limit(2), scope.OnFailure(scope.Ignore))
		slow := func(context.Context) error { time.Sleep(time.Hour); return nil }
		s.Go("", slow)
		s.Go("", func(context.Context) error { time.Sleep(3 * time.Hour); return nil })
		var started [3]error
		s.Daemon("", func(ctx context.Context) error {
			for i := range started {
				if i == 2 {
					<-ctx.Done() // all other tasks have ended by then
				}
				started[i] = s.Go("", slow).Err()
			}
			return nil
		})
		synctest.Wait()
		if err := s.Drain(t.Context()); err != nil {
			t.Errorf("Drain() = %v, want nil", err)
		}
		if started[0] != scope.ErrRunning || started[1] != scope.ErrRunning {
			t.Errorf("Go() in a drain = %v, want tasks that run", started[:2])
		}
		if !errors.Is(started[2], scope.ErrClosed) {
			t.Errorf("Go() behind it = %v, want %v", started[2], scope.ErrClosed)
		}
	})
}

func TestLimit_StartAndDoGiveUpWithTheirContext(t *testing.T) {
	cause := errors.New("cause")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.Limit(1))
		s.Go("", obey)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		do := async(func() error { return s.Do(ctx, "", obey) })
		start := async(func() error { _, err := s.Start(ctx, "", startOf(obey)); return err })
		for name, result := range map[string]<-chan error{"Do": do, "Start": start} {
			if err := <-result; !errors.Is(err, cause) || errors.Is(err, scope.ErrClosed) {
				t.Errorf("%s() = %v, want the cause of its context", name, err)
			}
		}
		if n := s.Info().Counts.Live; n != 1 {
			t.Errorf("live = %d, want 1", n)
		}
		_ = s.Shutdown(t.Context())
	})
}

// Rows 60 and 61.
func TestLimit_ClosedIsNotFull(t *testing.T) {
	cause := errors.New("cause")
	eachVerb(t, func(t *testing.T, v spawnVerb, p lifePolicy) {
		s := p.open(t.Context(), scope.Limit(1), scope.OnFailure(scope.Ignore))
		var inside error
		release := make(chan struct{})
		s.Go("", func(ctx context.Context) error {
			<-release
			inside = v.spawn(s, obey)
			return context.Cause(ctx)
		})
		s.Cancel(cause)
		outside := v.spawn(s, obey)
		close(release)
		err := s.Wait(t.Context())
		if !errors.Is(err, cause) || errors.Is(err, scope.ErrLimit) {
			t.Errorf("Wait() = %v, want %v", err, cause)
		}
		for who, err := range map[string]error{"outside": outside, "a task": inside} {
			if !errors.Is(err, scope.ErrClosed) || !errors.Is(err, cause) {
				t.Errorf("%s() from %s = %v, want ErrClosed and the cause", v.name, who, err)
			}
		}
	})
}

func TestLimit_SlotIsHeldUntilTheTaskHasEnded(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context(), scope.Limit(1))
		first := s.Go("returns, but has not ended", func(ctx context.Context) error {
			scope.Open(ctx).Go("left behind", ignore(release))
			return nil
		})
		synctest.Wait()
		if _, err := s.TryGo("", obey); !errors.Is(err, scope.ErrLimit) {
			t.Errorf("TryGo() while the first task is live = %v, want %v", err, scope.ErrLimit)
		}
		close(release)
		_ = first.Wait(t.Context())
		if _, err := s.TryGo("", obey); err != nil {
			t.Errorf("TryGo() after it has ended = %v, want nil", err)
		}
		_ = s.Shutdown(t.Context())
	})
}

func TestLimit_IsOfOneScope(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		limit := scope.Limit(1)
		a, b := p.open(t.Context(), limit), p.open(t.Context(), limit)
		inner := make(chan error, 2)
		a.Go("", func(ctx context.Context) error {
			in := p.open(ctx)
			for range cap(inner) {
				_, err := in.TryGo("", obey)
				inner <- err
			}
			return obey(ctx)
		})
		for range cap(inner) {
			if err := <-inner; err != nil {
				t.Errorf("TryGo() in a nested scope = %v, want nil: it has no limit", err)
			}
		}
		if _, err := b.TryGo("", obey); err != nil {
			t.Errorf("TryGo() in another scope = %v, want nil: it has slots of its own", err)
		}
		_ = a.Shutdown(t.Context())
		_ = b.Shutdown(t.Context())
	})
}

func TestLimit_PanicsIfNotPositive(t *testing.T) {
	for _, n := range []int{0, -1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Limit(%d) did not panic", n)
				}
			}()
			scope.Limit(n)
		}()
	}
}

// Under -race the detector must see the calls that park. It would not, if they
// parked with its events off, and a bubble's Wait would synchronize with nothing.
func TestLimit_ParksVisiblyForSynctest(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		waiting := false
		s := p.open(t.Context(), scope.Limit(1), scope.OnFailure(scope.Ignore))
		s.Go("", obey)
		go func() {
			waiting = true
			s.Go("", obey)
		}()
		synctest.Wait()
		if !waiting {
			t.Error("Go() was not called")
		}
		s.Cancel(nil)
	})
}

// Whoever has seen the end of all tasks finds all slots free.
func TestLimit_SlotsAreBackWhenNoTaskIsLive(t *testing.T) {
	const limit = 8
	s := scope.Open(t.Context(), scope.Limit(limit))
	for round := range rounds(20_000) {
		gate := make(chan struct{})
		for n := range limit {
			_, err := s.TryGo("task", func(context.Context) error { <-gate; return nil })
			if err != nil {
				t.Fatalf("round %d: TryGo %d of %d = %v, want nil", round, n+1, limit, err)
			}
		}
		close(gate)
		if err := s.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A panickyError is an error that cannot be looked into.
type panickyError struct{ error }

func (panickyError) Is(error) bool { panic("a method of the program's error") }

// A scope that has closed refuses because of that, whatever it was cancelled with:
// a cause that Is ErrLimit makes no failure, and is not asked.
func TestLimit_RefusalGoesByTheScopeNotByItsCause(t *testing.T) {
	for name, cause := range map[string]error{
		"is ErrLimit": fmt.Errorf("quota: %w", scope.ErrLimit),
		"panics":      panickyError{errBoom},
	} {
		t.Run(name, func(t *testing.T) {
			var log failureLog
			s := scope.Open(t.Context(), scope.OnFailure(log.handle))
			s.Defer("", func(context.Context) error {
				s.Go("late", failing)
				return nil
			})
			s.Cancel(cause)
			<-s.Done()
			if err := s.Wait(t.Context()); err != cause {
				t.Errorf("Wait() = %v, want %v", err, cause)
			}
			if got := log.all(); len(got) > 0 {
				t.Errorf("the handler was told of %v, want nothing", got)
			}
		})
	}
}

// A body that a task has left behind, on a goroutine of its own, holds that task's slot.
func TestLimit_FromABodyBelowATaskIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.Limit(1), scope.OnFailure(scope.Ignore))
		var late error
		release := make(chan struct{})
		s.Go("", func(ctx context.Context) error {
			go func() {
				_ = scope.Run(ctx, func(context.Context, *scope.Scope) error {
					late = s.Go("late", failing).Err()
					return nil
				})
			}()
			<-release
			return nil
		})
		synctest.Wait()
		close(release)
		synctest.Wait()
		if s.Cancel(nil); !errors.Is(late, scope.ErrLimit) {
			t.Errorf("the task of the body: %v, want that it was refused with ErrLimit", late)
		}
	})
}
