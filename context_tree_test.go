package scope_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
