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

// A lexical scope that leaves its task's care becomes a root among others, and
// takes none of them with it.
func TestRoots_LeavingCareTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hold := func(ctx context.Context, _ *scope.Scope) error {
			<-release
			return context.Cause(ctx)
		}
		const each = 100
		results := make(chan error, 2*each)
		for range each {
			go func() { results <- scope.Run(t.Context(), hold, scope.Name("bystander")) }()
		}
		synctest.Wait()
		s := scope.OpenSupervised(t.Context())
		task := s.Go("leaves it", func(ctx context.Context) error {
			ctx = context.WithoutCancel(ctx)
			for range each {
				go func() { results <- scope.Run(ctx, hold, scope.Name("leaver")) }()
			}
			time.Sleep(time.Second)
			return nil
		})
		_ = task.Wait(t.Context())
		found := map[string]int{}
		for _, s := range scope.Roots() {
			found[s.Info().Name]++
		}
		if found["bystander"] != each || found["leaver"] != each {
			t.Errorf("Roots() has %v, want all %d and %d", found, each, each)
		}
		close(release)
		for range 2 * each {
			if err := <-results; err != nil {
				t.Errorf("result = %v, want nil: nobody cancelled it", err)
			}
		}
		_ = s.Shutdown(t.Context())
	})
}

// A scope that becomes a root at the moment of its end is taken off the registry
// by whoever comes second.
func TestRoots_LeavingAndEndingAtOnce(t *testing.T) {
	var running sync.WaitGroup
	s := scope.OpenSupervised(t.Context())
	for range rounds(2000) {
		_ = s.Go("leaves it", func(ctx context.Context) error {
			end := make(chan struct{})
			running.Go(func() {
				_ = scope.Run(context.WithoutCancel(ctx),
					func(context.Context, *scope.Scope) error { <-end; return nil },
					scope.Name("leaves and ends"))
			})
			for len(scope.TaskFrom(ctx).Scopes()) == 0 {
				runtime.Gosched()
			}
			close(end)
			return nil
		}).Wait(t.Context())
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	running.Wait()
	for _, s := range scope.Roots() {
		if s.Info().Name == "leaves and ends" {
			t.Error("Roots() has a scope that has ended")
		}
	}
}

// A lateContext hears of its parent's end on a goroutine, as contexts do that are
// not package context's.
type lateContext struct {
	context.Context

	done chan struct{}
}

func (c *lateContext) Done() <-chan struct{} { return c.done }

func (c *lateContext) Err() error {
	select {
	case <-c.done:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

func TestNested_ScopeOfAForeignContextIsJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live atomic.Bool
		err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("t", func(ctx context.Context) error {
				late := &lateContext{Context: ctx, done: make(chan struct{})}
				context.AfterFunc(ctx, func() { close(late.done) })
				live.Store(true)
				scope.OpenSupervised(late).Go("slow", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Second)
					live.Store(false)
					return nil
				})
				return nil
			})
			return nil
		})
		if live.Load() {
			t.Fatalf("Supervise() = %v, and a task of the nested scope runs", err)
		}
	})
}

// A context that wraps a standard one, and has a channel of its own, is foreign.
func TestContext_ErrOfAMergedContextStays(t *testing.T) {
	inner, cancel := context.WithCancel(t.Context())
	defer cancel()
	merged := &lateContext{Context: inner, done: make(chan struct{})}
	var in inbox
	s := scope.OpenSupervised(merged, scope.OnFailure(in.handle))
	s.Go("x", func(ctx context.Context) error {
		close(merged.done)
		before := ctx.Err()
		for before == nil { // package context has a goroutine bring the news
			runtime.Gosched()
			before = ctx.Err()
		}
		<-ctx.Done()
		if after := ctx.Err(); before != after {
			t.Errorf("Err() was %v and is %v", before, after)
		}
		return before
	})
	_ = s.Shutdown(t.Context())
	if got := in.failures(); len(got) > 0 {
		t.Errorf("the handler was told %v of a cancellation", got)
	}
}

// Row 31. Who waits for a nested scope is told of its failure, and nobody else.
func TestNested_FailureGoesToWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, patient := range []bool{true, false} {
			var in inbox
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
			opened := make(chan *scope.Scope)
			s.Go("t", func(ctx context.Context) error {
				n := scope.Open(ctx)
				n.Go("x", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Second)
					return errBoom
				})
				opened <- n
				time.Sleep(time.Second)
				return nil
			})
			n := <-opened
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			if patient {
				ctx = t.Context()
			}
			err := n.Wait(ctx)
			_ = s.Shutdown(t.Context())
			if told := len(in.failures()); errors.Is(err, errBoom) != patient ||
				(told == 0) != patient {
				t.Errorf("Wait() = %v, and the handler was told %d times", err, told)
			}
			cancel()
		}
	})
}

// A future that is collected while the end of its scope reports it.
func TestFuture_CollectedWhileTheScopeEnds(t *testing.T) {
	for round := range max(rounds(60), 3) {
		var told atomic.Int64
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(
			func(context.Context, *scope.Failure) { told.Add(1) }))
		const n = 3000
		for range n {
			scope.Async(s, "f", failingValue)
		}
		_ = s.Wait(t.Context())
		go runtime.GC()
		time.Sleep(time.Duration(round%10) * 200 * time.Microsecond)
		_ = s.Shutdown(t.Context())
		if got := told.Load(); got != n {
			t.Fatalf("round %d: told %d of %d", round, got, n)
		}
	}
}

// A deadline that comes by Do's own timer is a cancellation of who returns it.
func TestDo_DeadlineIsNoFailureOfWhoReturnsIt(t *testing.T) {
	untilDone := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				return s.Do(ctx, "x", untilDone)
			}, scope.MoveOnAfter(time.Second))
			if err != nil {
				t.Errorf("Run() = %v, want nil", err)
			}
			var in inbox
			_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("t", func(ctx context.Context) error { return s.Do(ctx, "x", untilDone) })
				return nil
			}, scope.MoveOnAfter(time.Second), scope.OnFailure(in.handle))
			if got := in.failures(); len(got) > 0 {
				t.Errorf("the handler was told %v", got)
			}
		})
		if t.Failed() {
			return
		}
	}
}

func TestDo_TellsWhoseDeadlineItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := scope.OpenSupervised(ctx, scope.Timeout(time.Hour), scope.Name("an hour"))
		err := s.Do(t.Context(), "x", func(ctx context.Context) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if err != context.DeadlineExceeded {
			t.Errorf("cause in Do = %v, want that of ctx", err)
		}
		_ = s.Shutdown(t.Context())
	})
}

// Guarantee 5, also when two goroutines ask a task's context for its channel for
// the first time.
func TestScope_CancelReachesAChannelThatIsBeingMade(t *testing.T) {
	for range rounds(100_000) {
		s := scope.OpenSupervised(t.Context())
		got, hold := make(chan context.Context, 1), make(chan struct{})
		s.Go("x", func(ctx context.Context) error {
			got <- ctx
			<-hold
			return nil
		})
		ctx := <-got
		open := false
		var ready, all sync.WaitGroup
		ready.Add(2)
		all.Go(func() { ready.Done(); ready.Wait(); ctx.Done() })
		all.Go(func() {
			ready.Done()
			ready.Wait()
			done := ctx.Done()
			s.Cancel(nil)
			open = !isClosed(done)
		})
		all.Wait()
		close(hold)
		if open {
			t.Fatal("Cancel has returned, and Done is open")
		}
	}
}
