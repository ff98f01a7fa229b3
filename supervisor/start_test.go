package supervisor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// A child whose start takes too long, and which is stuck then, has failed to
// start: the next one is not started, and the first start is all or nothing.
func TestStart_StuckInItsStart(t *testing.T) {
	for _, g := range []time.Duration{time.Second, sup.NoGrace} {
		inBubble(t, func(l *lab) {
			l.onStart["a"] = func(ctx context.Context, _ int) error {
				<-ctx.Done()
				time.Sleep(time.Minute)
				return ctx.Err()
			}
			a := l.spec("a", grace(g))
			a.StartTimeout = time.Second
			l.run([]sup.Spec{a, l.spec("b")}, sup.Options{})
			time.Sleep(30 * time.Second)
			l.stand("a:stuck b:queued")
			if state := l.s.Info().State; state != "starting" {
				t.Errorf("the supervisor is %s, want starting", state)
			}
			time.Sleep(time.Minute)
			var failed *sup.ChildError
			if err := l.ended(); !errors.As(err, &failed) || !failed.Start || failed.Child != "a" {
				t.Errorf("Run() = %v, want that a failed to start", err)
			}
			l.sequence("+a -a")
		})
	}
}

// The same in the restart of a group: the start of a failed, so it is tried
// again, and b has to wait.
func TestStart_StuckInARestart(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(ctx context.Context, n int) error {
			if n == 2 {
				<-ctx.Done()
				time.Sleep(time.Minute)
			}
			return ctx.Err()
		}
		specs := l.specs("a b", grace(time.Second))
		specs[0].StartTimeout = time.Second
		l.run(specs, sup.Options{Strategy: sup.OneForAll})
		l.end("a", boom)
		time.Sleep(30 * time.Second)
		l.stand("a:stuck b:queued")
		time.Sleep(time.Minute)
		l.stand("a:ready b:ready")
		l.sequence("+a +b -a -b +a -a +a +b")
	})
}

// A function may be over while what it has started is not: the child is not
// ready, and the next one waits, also if nobody waits for the end.
func TestStart_LeavesSomethingRunning(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(ctx context.Context, _ int) error {
			scope.From(ctx).Go("left", func(context.Context) error {
				time.Sleep(time.Minute)
				return nil
			})
			return errBoom
		}
		l.run([]sup.Spec{l.spec("a", grace(sup.NoGrace)), l.spec("b")}, sup.Options{})
		l.stand("a:stuck b:queued")
		time.Sleep(time.Minute)
		l.is(l.ended(), errBoom)
		l.sequence("+a -a")
	})
}

// Who adds a temporary child that is stopped with its group before it is ready
// is told so.
func TestAdd_StoppedWithItsGroup(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{Strategy: sup.OneForAll})
		l.onStart["b"] = func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		}
		added := make(chan error, 1)
		go func() { added <- l.s.Add(bg, l.spec("b", restart(sup.Temporary))) }()
		synctest.Wait()
		l.end("a", boom)
		select {
		case err := <-added:
			var failed *sup.ChildError
			if !errors.As(err, &failed) || !failed.Start || errors.Is(err, errBoom) {
				t.Errorf("Add() = %v, want that b failed to start", err)
			}
		default:
			t.Error("Add waits for a child that is no more")
		}
		l.stand("a:ready")
	})
}

// A significant temporary child that its classifier would park has ended like
// any other.
func TestClassify_ParksSignificantTemporary(t *testing.T) {
	inBubble(t, func(l *lab) {
		specs := l.specs("a", restart(sup.Temporary), significant, classify(sup.Park))
		l.run(append(specs, l.spec("b")), sup.Options{AutoShutdown: sup.AnySignificant})
		l.end("a", boom)
		l.ok(l.ended())
	})
}
