package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// calling runs a supervisor whose handler makes the call f, once.
func (l *lab) calling(specs []sup.Spec, o sup.Options, f func(context.Context) error) chan error {
	l.t.Helper()
	got := make(chan error, 1)
	called := false
	o.OnFailure = func(ctx context.Context, _ *scope.Failure) {
		if !called {
			called = true
			got <- f(ctx)
		}
	}
	l.run(specs, o)
	return got
}

// A handler runs on the goroutine that runs the child it is told of, and must not
// wait for that.
func TestHandler_RestartsWhatWasParked(t *testing.T) {
	inBubble(t, func(l *lab) {
		park := func(s *sup.Spec) { s.Classify = func(error) sup.Action { return sup.Park } }
		got := l.calling(l.specs("a", park), sup.Options{}, func(ctx context.Context) error {
			return l.s.Restart(ctx, "a")
		})
		l.end("a", boom)
		l.lived("a2")
		l.ok(<-got)
	})
}

func TestHandler_RemovesWhatIsStuck(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"] = slow(time.Hour)
		got := l.calling(l.specs("a b"), sup.Options{}, func(ctx context.Context) error {
			return l.s.Remove(ctx, "a")
		})
		l.ok(l.s.Terminate(bg, "a"))
		l.stand("b:ready")
		if err := <-got; !errors.Is(err, scope.ErrSelfWait) {
			t.Errorf("Remove() = %v, want ErrSelfWait", err)
		}
	})
}

func TestHandler_AddsToItsGroup(t *testing.T) {
	inBubble(t, func(l *lab) {
		o := sup.Options{Strategy: sup.OneForAll}
		got := l.calling(l.specs("a b"), o, func(ctx context.Context) error {
			return l.s.Add(ctx, l.spec("c"))
		})
		l.end("a", boom)
		l.lived("a2 b2 c1")
		l.ok(<-got)
	})
}

// While nothing waits for the child, Add tells its handler how the start went.
func TestHandler_AddsAndIsTold(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["c"] = func(context.Context, int) error { return errBoom }
		got := l.calling(l.specs("a b"), sup.Options{}, func(ctx context.Context) error {
			return l.s.Add(ctx, l.spec("c"))
		})
		l.end("a", boom)
		l.lived("a2 b1 c0")
		l.is(<-got, errBoom)
	})
}
