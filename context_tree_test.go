package scope_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A contextTree grows scopes in scopes, opened with contexts that were derived
// in all sorts of ways, with leaves that wait for the end in all sorts of ways.
type contextTree struct {
	*testing.T

	mu   sync.Mutex
	rand *rand.Rand // guarded by mu
}

func (t *contextTree) choose(n int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rand.IntN(n)
}

// derive returns ctx, or one that package context made of it.
func (t *contextTree) derive(ctx context.Context) (context.Context, context.CancelFunc) {
	switch t.choose(5) {
	case 0:
		return ctx, func() {}
	case 1:
		return context.WithValue(ctx, contextKey{}, "value"), func() {}
	case 2:
		return context.WithCancel(ctx)
	case 3:
		return context.WithTimeout(ctx, time.Hour)
	default:
		return context.WithCancel(context.WithValue(ctx, contextKey{}, "value"))
	}
}

// leaf returns a task that begins now or just before, at or after the end, and
// waits for the end by the channel, by AfterFunc, or by looking at Err.
func (t *contextTree) leaf() func(ctx context.Context) error {
	begin := time.Duration(t.choose(3)) * time.Second / 2
	how := t.choose(3)
	return func(parent context.Context) error {
		time.Sleep(begin)
		ctx, cancel := t.derive(parent)
		defer cancel()
		switch how {
		case 0:
			<-ctx.Done()
		case 1:
			called := make(chan struct{})
			context.AfterFunc(ctx, func() { close(called) })
			<-called
		default:
			for ctx.Err() == nil {
				time.Sleep(time.Second / 10)
			}
			<-ctx.Done()
		}
		if parent.Err() == nil || context.Cause(parent) == nil {
			t.Errorf("%v is over before %v", ctx, parent)
		}
		return parent.Err()
	}
}

// grow opens a scope with leaves, and below them the next ones.
func (t *contextTree) grow(ctx context.Context, depth int) error {
	ctx, cancel := t.derive(ctx)
	defer cancel()
	opts := []scope.Option{scope.Name(fmt.Sprint(depth)), scope.OnFailure(scope.Ignore)}
	if t.choose(4) == 0 {
		opts = append(opts, scope.Timeout(time.Duration(t.choose(2)+1)*time.Second))
	}
	run := scope.Run
	if t.choose(2) == 0 {
		run = scope.Supervise
	}
	return run(ctx, func(ctx context.Context, s *scope.Scope) error {
		s.Go("leaf", t.leaf())
		s.Daemon("leaf", t.leaf())
		object := scope.OpenSupervised(ctx, opts...)
		object.Go("leaf", t.leaf())
		if depth > 0 {
			if err := t.grow(ctx, depth-1); err == nil {
				t.Error("the scope below has ended by itself")
			}
		}
		return s.Do(ctx, "leaf", t.leaf())
	}, opts...)
}

// Rows 74, 125 and 134: an end from outside or above reaches all that is below,
// in whatever way it was derived, at the moment of the end: a leaf that is not
// reached would stop the bubble's clock and fail the test.
func TestContext_EndReachesTheWholeTree(t *testing.T) {
	boom := errors.New("boom")
	ends := map[string]struct {
		root func() (context.Context, context.CancelFunc)
		want error
	}{
		"deadline": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Second)
		}, context.DeadlineExceeded},
		"cancel": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(time.Second, func() { cancel(boom) })
			return ctx, func() { cancel(nil) }
		}, boom},
	}
	for name, end := range ends {
		for seed := range uint64(50) {
			t.Run(fmt.Sprintf("%s/%d", name, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := end.root()
					defer cancel()
					tree := &contextTree{T: t, rand: rand.New(rand.NewPCG(seed, 0))}
					err := tree.grow(ctx, 3)
					if !errors.Is(err, end.want) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("result = %v, want %v or a timeout on the way", err, end.want)
					}
				})
			})
		}
	}
}

// The scope hears of its context's end on a goroutine of package context's; the
// end of its task must not be quicker with a reason that says less.
func TestNested_CauseComesThroughADerivedContext(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var nested *scope.Scope
			s := scope.Open(t.Context())
			s.Go("t", func(ctx context.Context) error {
				ctx, cancel := context.WithCancel(ctx)
				context.AfterFunc(t.Context(), cancel)
				nested = scope.Open(ctx)
				nested.Go("slow", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Second)
					return ctx.Err()
				})
				return errBoom // ends s, and with it ctx and nested
			})
			synctest.Wait()
			if info := nested.Info(); !errors.Is(info.Cause, errBoom) {
				t.Errorf("cause = %v, want boom", info.Cause)
			}
			_ = s.Wait(t.Context())
		})
		if t.Failed() {
			return
		}
	}
}

// A task of Do has a timer of its own, which may be the first to run.
func TestDo_TimeoutIsTheResultWhicheverTimerRunsFirst(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			deadline, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			for name, s := range map[string]*scope.Scope{
				"own":       scope.Open(t.Context(), scope.Timeout(time.Second)),
				"inherited": scope.Open(deadline),
			} {
				go func() { _ = s.Do(t.Context(), "do", obedient) }()
				synctest.Wait()
				if err := s.Drain(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: Drain() = %v, want that the time is over", name, err)
				}
			}
			s := scope.Open(t.Context(), scope.MoveOnAfter(time.Second))
			go func() { _ = s.Do(t.Context(), "do", obedient) }()
			synctest.Wait()
			if err := s.Drain(t.Context()); err != nil {
				t.Errorf("MoveOnAfter: Drain() = %v, want nil", err)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// The caller of Do waits for its function and for nothing else.
func TestDo_IsNotHeldByScopesOfTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn, running := make(chan struct{}), make(chan struct{})
		returned, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				go func() {
					defer close(returned)
					_ = s.Do(t.Context(), "do", func(context.Context) error {
						close(running)
						<-goOn
						return nil
					})
				}()
				scope.Open(ctx).Go("slow", func(context.Context) error {
					time.Sleep(time.Hour)
					return nil
				})
				<-running
				return nil
			})
		}()
		synctest.Wait()
		close(goOn)
		synctest.Wait()
		select {
		case <-returned:
		default:
			t.Error("Do waits for the scopes of the body")
		}
		<-over
	})
}

// A nested scope hangs in the tree until its observer has been told.
func TestNested_EndIsWaitedForToTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		running := false
		slow := scope.Observe(scope.Observer{ScopeEnded: func(scope.ScopeInfo) {
			running = true
			time.Sleep(time.Hour)
			running = false
		}})
		s := scope.Open(t.Context())
		opened, goOn := make(chan *scope.Scope, 1), make(chan struct{})
		s.Go("t", func(ctx context.Context) error {
			opened <- scope.Open(ctx, slow)
			<-goOn
			return nil
		})
		nested := <-opened
		go func() { _ = nested.Drain(t.Context()) }()
		synctest.Wait()
		close(goOn)
		if err := s.Shutdown(t.Context()); err != nil || running {
			t.Errorf("Shutdown() = %v, and the observer of the nested scope runs: %t", err, running)
		}
	})
}

// Row 76. A task that sees the cancellation and ends, before the walk that brings it
// to what was derived from its context, does not end that in its own name.
func TestContext_CauseIsRightThoughTheTaskIsFaster(t *testing.T) {
	many := 100_000 // so that the walk takes a while
	if builtWithRace() {
		many = 10_000
	}
	for name, prepare := range map[string]func(context.Context){
		"alone":             func(context.Context) {},
		"with an own scope": func(ctx context.Context) { scope.OpenSupervised(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			slow := make(chan struct{})
			s.Go("slow to reach", func(ctx context.Context) error {
				for range many {
					ctx, cancel := context.WithCancel(ctx)
					defer cancel()
					_ = ctx.Done()
				}
				close(slow)
				<-ctx.Done()
				return nil
			})
			<-slow
			derived := make(chan context.Context, 1)
			task := s.Go("faster", func(ctx context.Context) error {
				prepare(ctx)
				below, cancel := context.WithCancel(ctx)
				context.AfterFunc(below, cancel)
				derived <- below
				for ctx.Err() == nil {
					runtime.Gosched()
				}
				return nil
			})
			below := <-derived
			s.Cancel(errStop)
			<-task.Done()
			if cause := context.Cause(below); cause != errStop {
				t.Errorf("cause = %v, want %v", cause, errStop)
			}
			_ = s.Shutdown(t.Context())
		})
	}
}
