package scope_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Row 73.
func TestScope_CancelFromAnywhere(t *testing.T) {
	for name, place := range cancelPlaces() {
		t.Run(name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) { checkCancelFrom(t, live, place) })
		})
	}
}

// cancelPlaces are functions that call cancel from somewhere in s, or around.
func cancelPlaces() map[string]func(ctx context.Context, s *scope.Scope, cancel func()) {
	return map[string]func(ctx context.Context, s *scope.Scope, cancel func()){
		"owner": func(_ context.Context, _ *scope.Scope, cancel func()) { cancel() },
		"task": func(_ context.Context, s *scope.Scope, cancel func()) {
			s.Go("", func(context.Context) error { cancel(); return nil })
		},
		"daemon": func(_ context.Context, s *scope.Scope, cancel func()) {
			s.Daemon("", func(context.Context) error { cancel(); return nil })
		},
		"Do": func(ctx context.Context, s *scope.Scope, cancel func()) {
			_ = s.Do(ctx, "", func(context.Context) error { cancel(); return nil })
		},
		"grandchild": func(_ context.Context, s *scope.Scope, cancel func()) {
			s.Go("", func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
					in.Go("", func(context.Context) error { cancel(); return nil })
					return nil
				})
			})
		},
		"handler": func(_ context.Context, s *scope.Scope, _ func()) {
			for range 2 { // the first failure of a fail-fast scope is its result
				s.Go("fails", func(context.Context) error { return errCancelPlace })
			}
		},
		"foreign goroutine": func(_ context.Context, _ *scope.Scope, cancel func()) { go cancel() },
	}
}

// errCancelPlace is the failure that leads to a handler.
var errCancelPlace = errors.New("boom")

func checkCancelFrom(
	t *testing.T, live lifeForm, place func(context.Context, *scope.Scope, func()),
) {
	t.Helper()
	cause := errors.New("cause")
	isOne := func(err error) bool {
		return errors.Is(err, cause) || errors.Is(err, errCancelPlace)
	}
	var s *scope.Scope
	cancel := func() {
		begin := time.Now()
		s.Cancel(cause)
		if took := time.Since(begin); took != 0 {
			t.Errorf("Cancel() took %v, want 0: it does not wait", took)
		}
	}
	err := live(func(ctx context.Context, in *scope.Scope) {
		s = in
		release := make(chan struct{})
		s.Go("stubborn", ignore(release))
		place(ctx, s, cancel)
		synctest.Wait()
		if err := s.Info().Cause; !isOne(err) {
			t.Errorf("cause of the scope = %v, want %v", err, cause)
		}
		time.Sleep(time.Hour)
		close(release)
	}, scope.OnFailure(func(_ context.Context, f *scope.Failure) {
		if f.Task.Name == "fails" {
			cancel()
		}
	}))
	if !isOne(err) {
		t.Errorf("result = %v, want %v", err, cause)
	}
}

// A contextSet collects the contexts of all that runs in a scope.
type contextSet struct {
	ctxs sync.Map       // from a name
	all  sync.WaitGroup // waits for those that were announced
}

func (c *contextSet) put(ctx context.Context, name string) {
	c.ctxs.Store(name, ctx)
	c.all.Done()
}

// stay notes ctx and runs until it is cancelled.
func (c *contextSet) stay(name string) func(context.Context) error {
	c.all.Add(1)
	return func(ctx context.Context) error {
		c.put(ctx, name)
		<-ctx.Done()
		return ctx.Err()
	}
}

// note notes ctx and does not ask it for Done before release.
func (c *contextSet) note(name string, release <-chan struct{}) func(context.Context) error {
	c.all.Add(1)
	return func(ctx context.Context) error {
		c.put(ctx, name)
		<-release
		return nil
	}
}

// with derives a context by wrap before it calls f.
func (c *contextSet) with(
	name string, wrap func(context.Context) (context.Context, context.CancelFunc),
) func(context.Context) error {
	stay := c.stay(name)
	return func(ctx context.Context) error {
		derived, cancel := wrap(ctx)
		defer cancel()
		return stay(derived)
	}
}

// populate starts tasks of all kinds in s, and below.
func (c *contextSet) populate(ctx context.Context, s *scope.Scope, release <-chan struct{}) {
	s.Go("task", c.stay("task"))
	s.Go("no Done", c.note("no Done", release))
	s.Daemon("daemon", c.stay("daemon"))
	scope.Async(s, "async", asyncOf(c.stay("async")))
	_, _ = s.Start(context.WithoutCancel(ctx), "start", startOf(c.stay("start")))
	do := c.stay("do")
	go func() { _ = s.Do(context.WithoutCancel(ctx), "do", do) }()
	s.Go("derived", c.with("WithCancel", context.WithCancel))
	s.Go("derived", c.with("WithTimeout",
		func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.WithValue(ctx, spawnKey{}, 1), time.Hour)
		}))
	c.all.Add(1)
	s.Go("nests", func(ctx context.Context) error {
		return scope.Run(ctx, func(ctx context.Context, in *scope.Scope) error {
			in.Go("inner", c.stay("inner"))
			in.Go("inner no Done", c.note("inner no Done", release))
			c.put(ctx, "inner body")
			return nil
		})
	})
	opens := c.note("opens", release)
	c.all.Add(1)
	s.Go("opens", func(ctx context.Context) error {
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		scope.OpenSupervised(derived).Go("far", c.stay("far"))
		c.all.Done()
		return opens(ctx)
	})
	c.all.Wait()
}

// Row 74.
// Guarantee 5.
func TestScope_CancelReturnsAfterAllAreCancelled(t *testing.T) {
	cause := errors.New("cause")
	cancels := []struct {
		name   string
		cancel func(s *scope.Scope)
		want   error
	}{
		{"Cancel", func(s *scope.Scope) { s.Cancel(cause) }, cause},
		{"Shutdown", func(s *scope.Scope) { _ = s.Shutdown(doneContext()) }, context.Canceled},
	}
	for _, c := range cancels {
		t.Run(c.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				_ = live(func(ctx context.Context, s *scope.Scope) {
					set := &contextSet{}
					release := make(chan struct{})
					defer close(release)
					set.populate(ctx, s, release)
					c.cancel(s)
					set.check(t, c.want)
				})
			})
		})
	}
}

// check fails if a context is live, or was cancelled for another reason.
func (c *contextSet) check(t *testing.T, want error) {
	t.Helper()
	for who, v := range c.ctxs.Range {
		ctx := v.(context.Context)
		if !errors.Is(ctx.Err(), context.Canceled) || !errors.Is(context.Cause(ctx), want) {
			t.Errorf("%s: Err() = %v, Cause() = %v, want Canceled, %v",
				who, ctx.Err(), context.Cause(ctx), want)
		}
	}
}

// Row 74.
func TestScope_CancelOfTwoReturnsAfterAllAreCancelled(t *testing.T) {
	for i := range rounds(10_000) {
		s := scope.Open(context.Background())
		far := make(chan context.Context, 1)
		s.Go("", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
				in.Go("", func(ctx context.Context) error {
					far <- ctx
					return obey(ctx)
				})
				return nil
			})
		})
		ctx := <-far
		var both atomic.Int32
		cancel := func() error {
			meet(&both, i)
			s.Cancel(nil)
			return ctx.Err()
		}
		other := async(cancel)
		if err := cancel(); err == nil {
			t.Fatal("Cancel() returned while a task's context was live")
		}
		if err := <-other; err == nil {
			t.Fatal("Cancel() returned while a task's context was live")
		}
		<-s.Done()
	}
}

// Row 74.
func TestScope_DeadlineRacesWithDerivation(t *testing.T) {
	derive := func(ctx context.Context) error {
		for ctx.Err() == nil {
			_, cancel := context.WithCancel(ctx)
			cancel()
			runtime.Gosched() // lets the timer run
		}
		return ctx.Err()
	}
	for i := range rounds(5_000) {
		outer, cancel := context.WithTimeout(t.Context(), time.Duration(i%100)*time.Microsecond)
		err := scope.Run(outer, func(ctx context.Context, _ *scope.Scope) error {
			return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
				in.Go("", derive)
				in.Go("", derive)
				return nil
			})
		})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("result = %v, want %v", err, context.DeadlineExceeded)
		}
	}
}

// Row 75.
func TestRun_CancelInterruptsTheBody(t *testing.T) {
	cause := errors.New("cause")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		err := p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			s.Go("", func(context.Context) error {
				time.Sleep(time.Second)
				s.Cancel(cause)
				return nil
			})
			<-ctx.Done()
			if got := context.Cause(ctx); !errors.Is(got, cause) {
				t.Errorf("Cause() of the body's context = %v, want %v", got, cause)
			}
			return ctx.Err()
		})
		if !errors.Is(err, cause) {
			t.Errorf("result = %v, want %v", err, cause)
		}
	})
}

// Row 76.
func TestScope_TheFirstCauseWins(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	eachForm(t, func(t *testing.T, live lifeForm) {
		err := live(func(_ context.Context, s *scope.Scope) {
			task := s.Go("", obey)
			synctest.Wait()
			s.Cancel(first)
			s.Cancel(second)
			s.Cancel(nil)
			_ = s.Shutdown(doneContext())
			if got := s.Info().Cause; !errors.Is(got, first) {
				t.Errorf("cause = %v, want %v", got, first)
			}
			<-task.Done()
			if err := task.Err(); !errors.Is(err, first) {
				t.Errorf("Err() of the task = %v, want %v", err, first)
			}
		})
		if !errors.Is(err, first) || errors.Is(err, second) {
			t.Errorf("result = %v, want %v alone", err, first)
		}
	})
}

// Row 76.
func TestScope_TheParentsCauseIsTheFirst(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		parent, cancel := context.WithCancelCause(t.Context())
		s := p.open(parent)
		task := s.Go("", obey)
		cancel(first)
		s.Cancel(second) // before package context has called back
		if got := s.Info().Cause; !errors.Is(got, first) {
			t.Errorf("cause = %v, want %v", got, first)
		}
		if err := s.Wait(context.Background()); !errors.Is(err, first) || errors.Is(err, second) {
			t.Errorf("Wait() = %v, want %v alone", err, first)
		}
		if err := task.Err(); !errors.Is(err, first) {
			t.Errorf("Err() of the task = %v, want %v", err, first)
		}
	})
}

// Row 76.
func TestScope_ConcurrentCancelsAgreeOnOneCause(t *testing.T) {
	causes := []error{errors.New("a"), errors.New("b")}
	won := map[error]int{}
	for i := range rounds(10_000) {
		s := scope.OpenSupervised(context.Background())
		task := s.Go("", obey)
		var both atomic.Int32
		other := async(func() error {
			meet(&both, i/32)
			s.Cancel(causes[0])
			return s.Info().Cause
		})
		meet(&both, i)
		s.Cancel(causes[1])
		cause := s.Info().Cause
		result := s.Wait(context.Background())
		for what, err := range map[string]error{
			"cause for the other": <-other, "result": result, "task": task.Err(),
		} {
			if !errors.Is(err, cause) {
				t.Fatalf("%s = %v, want the cause, %v", what, err, cause)
			}
		}
		won[cause]++
	}
	bothHappened(t, won[causes[0]], won[causes[1]])
}

// Row 77.
func TestScope_CancelAfterTheEndDoesNothing(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		var over *scope.Scope
		var task *scope.Task
		if err := live(func(_ context.Context, s *scope.Scope) {
			over = s
			task = s.Go("", func(context.Context) error { return nil })
		}); err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		over.Cancel(errors.New("late"))
		if err := over.Wait(t.Context()); err != nil {
			t.Errorf("Wait() = %v, want nil: the result is fixed", err)
		}
		if info := over.Info(); info.State != "ended" || info.Cause != nil {
			t.Errorf("state = %s, cause = %v, want ended, nil", info.State, info.Cause)
		}
		if err := task.Err(); err != nil {
			t.Errorf("Err() of the task = %v, want nil", err)
		}
	})
}

// Row 73.
func TestScope_CancelDoesNotWaitForSlowCallbacks(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		var called atomic.Int32
		_ = live(func(_ context.Context, s *scope.Scope) {
			s.Go("", func(ctx context.Context) error {
				context.AfterFunc(ctx, func() {
					time.Sleep(time.Hour)
					called.Add(1)
				})
				return obey(ctx)
			})
			synctest.Wait()
			begin := time.Now()
			s.Cancel(nil)
			if took := time.Since(begin); took != 0 {
				t.Errorf("Cancel() took %v, want 0", took)
			}
		})
		time.Sleep(2 * time.Hour)
		if n := called.Load(); n != 1 {
			t.Errorf("callback ran %d times, want 1", n)
		}
	})
}

// Who looks can tell for how long something has been asked to end: the time is
// that of the first cancellation, not of the look, and the same all the way down.
func TestScope_InfoTellsWhenItWasCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.Grace(time.Hour))
		release := make(chan struct{})
		alone := s.Go("alone", func(context.Context) error { <-release; return nil })
		other := s.Go("other", func(ctx context.Context) error {
			return scope.Run(ctx, func(context.Context, *scope.Scope) error {
				<-release
				return nil
			})
		})
		synctest.Wait()
		nested := other.Scopes()[0]
		if got := s.Info(); !got.Cancelled.IsZero() || got.Grace != time.Hour {
			t.Errorf("before the cancellation: Cancelled %v, Grace %v", got.Cancelled, got.Grace)
		}
		if got := alone.Info(); !got.Cancelled.IsZero() {
			t.Errorf("task before the cancellation: Cancelled %v", got.Cancelled)
		}

		time.Sleep(time.Second)
		first := time.Now()
		alone.Cancel(nil)
		time.Sleep(time.Second)
		second := time.Now()
		s.Cancel(errors.New("enough"))
		time.Sleep(time.Second)
		s.Cancel(nil)
		alone.Cancel(nil)
		other.Cancel(nil)

		for what, got := range map[string]struct{ at, want time.Time }{
			"scope":                     {s.Info().Cancelled, second},
			"task cancelled alone":      {alone.Info().Cancelled, first},
			"task cancelled with scope": {other.Info().Cancelled, second},
			"nested scope":              {nested.Info().Cancelled, second},
		} {
			if !got.at.Equal(got.want) {
				t.Errorf("%s: Cancelled %v, want %v", what, got.at, got.want)
			}
		}
		close(release)
		_ = s.Wait(t.Context())
		if got := alone.Info().Cancelled; !got.Equal(first) {
			t.Errorf("after the end: Cancelled %v, want %v", got, first)
		}
		calm := scope.OpenSupervised(t.Context())
		ended := calm.Go("ended", func(context.Context) error { return nil })
		_ = ended.Wait(t.Context())
		_ = calm.Shutdown(t.Context())
		if got := ended.Info().Cancelled; !got.IsZero() {
			t.Errorf("task that ended before the shutdown: Cancelled %v", got)
		}
	})
}

// Cancel walks the list of tasks only if one of them has a context of its own to
// be brought to an end. What has ended counts no more.
func TestScope_CancelWalksOnlyForContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context())
		check := func(when string, want int) {
			t.Helper()
			if got := s.Armed(); got != want {
				t.Errorf("%s: %d tasks with a context of their own, want %d", when, got, want)
			}
		}
		release := make(chan struct{})
		asks := func(ctx context.Context) error {
			ctx.Done()
			ctx.Done()
			<-release
			return nil
		}
		s.Go("asks nothing", func(context.Context) error { <-release; return nil })
		synctest.Wait()
		check("a task that asks nothing", 0)
		s.Go("asks", asks)
		s.Daemon("asks, too", asks)
		synctest.Wait()
		check("two that ask", 2)
		_ = s.Do(t.Context(), "with the caller's context", func(context.Context) error {
			check("and one of Do", 3)
			return nil
		})
		close(release)
		synctest.Wait()
		check("all have ended", 0)
		_ = s.Shutdown(t.Context())
	})
}
