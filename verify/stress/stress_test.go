package stress_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/supervisorscope/scope"
)

var rounds = flag.Int("rounds", 100_000, "how often each race is run")

// A race is run once per call, with a jitter that varies. It returns which side
// won, and what was wrong.
type race func(jitter int) (first bool, fault error)

// Both sides of each race, with 1, 2, 4 and 8 processors: whoever wins, what was
// promised holds; and each side wins at some time.
func TestRaces(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  race
	}{
		{"spawn against shutdown", spawnShutdown},
		{"last end against spawn", lastEndSpawn},
		{"last end against wait", lastEndWait},
		{"cancel against registration", cancelRegistration},
		{"handler against shutdown", handlerShutdown},
		{"failure against failure", failureFailure},
	} {
		t.Run(tt.name, func(t *testing.T) { try(t, tt.run) })
	}
}

func try(t *testing.T, run race) {
	t.Helper()
	n := *rounds
	if testing.Short() {
		n /= 10
	}
	var seen [2]int
	procs := []int{1, 2, 4, 8}
	for _, p := range procs {
		old := runtime.GOMAXPROCS(p)
		for i := range n / len(procs) {
			first, fault := run(i)
			if fault != nil {
				runtime.GOMAXPROCS(old)
				t.Fatalf("round %d with GOMAXPROCS %d: %v", i, p, fault)
			}
			if first {
				seen[0]++
			} else {
				seen[1]++
			}
		}
		runtime.GOMAXPROCS(old)
	}
	t.Logf("the sides won %d and %d times", seen[0], seen[1])
	if seen[0] == 0 || seen[1] == 0 {
		t.Errorf("the sides won %d and %d times; both must be seen", seen[0], seen[1])
	}
}

// spin waits for a moment, of a length that sweeps over the other side's.
func spin(jitter int) {
	for range jitter % 7 {
		runtime.Gosched()
	}
	for range jitter % 331 {
		sink.Add(1)
	}
}

// sink keeps the loop in spin.
var sink atomic.Int64

// together runs f on a goroutine of its own beside g.
func together(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	g()
	wg.Wait()
}

// A task is admitted and waited for, or refused and never called.
func spawnShutdown(jitter int) (admitted bool, fault error) {
	s := scope.Open(context.Background())
	var called, over atomic.Bool
	var err error
	together(func() {
		spin(jitter)
		_, err = s.TryGo("task", func(context.Context) error {
			called.Store(true)
			runtime.Gosched()
			over.Store(true)
			return nil
		})
	}, func() {
		spin(jitter / 7)
		_ = s.Shutdown(context.Background())
		if called.Load() && !over.Load() {
			fault = errors.New("Shutdown returned while the task ran")
		}
	})
	admitted = err == nil
	if admitted != called.Load() {
		fault = fmt.Errorf("TryGo = %w, and the task was called: %v", err, called.Load())
	}
	return admitted, fault
}

// The same with the end of the only task in place of Shutdown: Run has nothing
// left then.
func lastEndSpawn(jitter int) (admitted bool, fault error) {
	var called, over atomic.Bool
	var err error
	scopes := make(chan *scope.Scope, 1)
	together(func() {
		s := <-scopes
		spin(jitter)
		_, err = s.TryGo("late", func(context.Context) error {
			called.Store(true)
			runtime.Gosched()
			over.Store(true)
			return nil
		})
	}, func() {
		_ = scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
			s.Go("last", func(context.Context) error { spin(jitter / 7); return nil })
			scopes <- s
			return nil
		})
		if called.Load() && !over.Load() {
			fault = errors.New("Run returned while the task ran")
		}
	})
	if admitted = err == nil; admitted != called.Load() {
		fault = fmt.Errorf("TryGo = %w, and the task was called: %v", err, called.Load())
	}
	return admitted, fault
}

// Who waits is woken by the last end, whether it came before it or after.
func lastEndWait(jitter int) (slept bool, fault error) {
	s := scope.Open(context.Background())
	end := make(chan struct{})
	var over atomic.Bool
	task := s.Go("last", func(context.Context) error { <-end; over.Store(true); return nil })
	together(func() { spin(jitter); close(end) }, func() {
		spin(jitter / 7)
		slept = task.Err() == scope.ErrRunning
		if err := s.Wait(context.Background()); err != nil || !over.Load() {
			fault = fmt.Errorf("Wait = %w; the task is over: %v", err, over.Load())
		}
	})
	if err := s.Shutdown(context.Background()); err != nil && fault == nil {
		fault = fmt.Errorf("Shutdown = %w", err)
	}
	return slept, fault
}

// A task that first asks for Done is cancelled, whether it asked before Cancel
// or after.
func cancelRegistration(jitter int) (before bool, fault error) {
	s := scope.Open(context.Background())
	started := make(chan struct{})
	s.Go("task", func(ctx context.Context) error {
		close(started)
		spin(jitter)
		before = ctx.Err() == nil
		<-ctx.Done()
		return ctx.Err()
	})
	<-started
	spin(jitter / 7)
	s.Cancel(nil)
	if err := s.Wait(context.Background()); err != nil {
		fault = fmt.Errorf("Wait = %w", err)
	}
	return before, fault
}

// A failure reaches the handler once, and Shutdown returns after the handler.
func handlerShutdown(jitter int) (live bool, fault error) {
	var begun, over atomic.Int32
	s := scope.OpenSupervised(context.Background(), scope.OnFailure(
		func(_ context.Context, f *scope.Failure) {
			begun.Add(1)
			live = f.Cause == nil
			runtime.Gosched()
			over.Add(1)
		}))
	started := make(chan struct{})
	s.Go("task", func(context.Context) error {
		close(started)
		spin(jitter)
		return errors.New("boom")
	})
	<-started
	spin(jitter / 7)
	if err := s.Shutdown(context.Background()); err != nil {
		fault = fmt.Errorf("Shutdown = %w", err)
	}
	if b, o := begun.Load(), over.Load(); b != 1 || o != 1 {
		fault = fmt.Errorf("at the return of Shutdown %d handlers had begun, %d were over", b, o)
	}
	return live, fault
}

// Of two that fail at once one is the result, the other goes to the handler.
func failureFailure(jitter int) (first bool, fault error) {
	var handled atomic.Pointer[scope.Failure]
	var n atomic.Int32
	start := make(chan struct{})
	fail := func(d int) func(context.Context) error {
		return func(context.Context) error { <-start; spin(d); return errors.New("boom") }
	}
	err := scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
		s.Go("a", fail(jitter))
		s.Go("b", fail(jitter/7))
		close(start)
		return nil
	}, scope.OnFailure(func(_ context.Context, f *scope.Failure) {
		n.Add(1)
		handled.Store(f)
	}))
	f, ok := errors.AsType[*scope.Failure](err)
	if !ok || n.Load() != 1 || handled.Load().Task.Name == f.Task.Name {
		return false, fmt.Errorf("Run = %w, and the handler was called %d times", err, n.Load())
	}
	return f.Task.Name == "a", nil
}
