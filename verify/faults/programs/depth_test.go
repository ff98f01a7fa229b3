package programs_test

import (
	"context"
	"errors"
	"flag"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

var depth = flag.Int("depth", 10_000, "how deep scopes are nested")

var errStop = errors.New("stop")

// A nesting opens one scope in the other and calls bottom with the innermost
// context. It returns what the outermost returned.
type nesting func(ctx context.Context, levels int, bottom func(context.Context)) error

// inBodies nests on one goroutine, each scope in the body of the one around it.
func inBodies(ctx context.Context, levels int, bottom func(context.Context)) error {
	if levels == 0 {
		bottom(ctx)
		return ctx.Err()
	}
	return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
		return inBodies(ctx, levels-1, bottom)
	}, scope.Name("s"))
}

// inTasks nests each scope in a task of the one around it.
func inTasks(ctx context.Context, levels int, bottom func(context.Context)) error {
	if levels == 0 {
		bottom(ctx)
		return ctx.Err()
	}
	return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("t", func(ctx context.Context) error { return inTasks(ctx, levels-1, bottom) })
		return nil
	}, scope.Name("s"))
}

// inServices nests long-lived scopes. Their ends are waited for by Done: Wait looks
// whether it would wait for itself, which takes a step for each level above.
func inServices(ctx context.Context, levels int, bottom func(context.Context)) error {
	if levels == 0 {
		bottom(ctx)
		return ctx.Err()
	}
	s := scope.Open(ctx, scope.Name("s"))
	s.Go("t", func(ctx context.Context) error { return inServices(ctx, levels-1, bottom) })
	<-s.Done()
	return s.Wait(context.Background())
}

// Ten thousand scopes, one in the other: a cancellation reaches the innermost,
// they end from the inside out, and four times as many take no more than some
// four times as long. So do ten thousand stragglers, one below the other.
func TestSize_DeepNesting(t *testing.T) {
	for name, play := range map[string]func(t *testing.T, levels int){
		"bodies":     func(t *testing.T, levels int) { goDown(t, inBodies, levels) },
		"tasks":      func(t *testing.T, levels int) { goDown(t, inTasks, levels) },
		"services":   func(t *testing.T, levels int) { goDown(t, inServices, levels) },
		"stragglers": straggle,
	} {
		t.Run(name, func(t *testing.T) {
			part := fastest(t, play, *depth/4)
			whole := fastest(t, play, *depth)
			t.Logf("depth %d in %v, depth %d in %v", *depth/4, part, *depth, whole)
			if whole > 4*3*part+100*time.Millisecond {
				t.Errorf("depth %d took %v, depth %d took %v: not linear",
					*depth/4, part, *depth, whole)
			}
		})
	}
}

// fastest returns the shortest time of a few: of the processors, which is less
// than that of the clock when other programs run.
func fastest(t *testing.T, play func(t *testing.T, levels int), levels int) time.Duration {
	t.Helper()
	shortest := time.Hour
	for range 3 {
		runtime.GC() // what others have left is not counted
		began := processorTime(t)
		play(t, levels)
		shortest = min(shortest, processorTime(t)-began)
	}
	return shortest
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// straggle has all tasks of a deep nesting wait for one that does not return.
func straggle(t *testing.T, levels int) {
	t.Helper()
	reached, release := make(chan struct{}), make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name("top"))
	s.Go("down", func(ctx context.Context) error {
		return inTasks(ctx, levels, func(context.Context) {
			close(reached)
			<-release
		})
	})
	<-reached
	err := s.Shutdown(done())
	if late, ok := errors.AsType[*scope.StragglersError](err); !ok || len(late.Tasks) != levels+1 {
		t.Errorf("Shutdown() = %v, want %d stragglers", err, levels+1)
	}
	close(release)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// goDown nests scopes, and cancels the outermost when the innermost is there.
func goDown(t *testing.T, nest nesting, levels int) {
	t.Helper()
	reached := false
	err := scope.Run(t.Context(), func(_ context.Context, top *scope.Scope) error {
		top.Go("down", func(ctx context.Context) error {
			return nest(ctx, levels, func(ctx context.Context) {
				reached = true
				if n := strings.Count(scope.From(ctx).Info().Path, "/"); n > 100 {
					t.Errorf("the path has %d names, want few", n+1)
				}
				top.Cancel(errStop)
				if err := context.Cause(ctx); err != errStop {
					t.Errorf("the cause at the bottom = %v, want %v", err, errStop)
				}
			})
		})
		return nil
	}, scope.Name("top"))
	if err != errStop || !reached {
		t.Errorf("the result = %v, and the bottom was reached: %v", err, reached)
	}
}

// The path of a long-lived scope that has ended does not keep ten thousand names.
func TestSize_PathOfAnEndedScopeIsBounded(t *testing.T) {
	var inner *scope.Scope
	err := inTasks(t.Context(), 1000, func(ctx context.Context) {
		inner = scope.Open(ctx, scope.Name("inner"))
		if err := inner.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
	path := inner.Info().Path
	if n := strings.Count(path, "/"); err != nil || n > 20 || !strings.HasSuffix(path, "/inner") {
		t.Errorf("result = %v, path %q, want nil and a short one", err, path)
	}
}
