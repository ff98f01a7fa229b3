package supervisor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// When the time for the stop is over, all that is left is asked at once.
func TestTotal(t *testing.T) {
	inBubble(t, func(l *lab) {
		for name := range strings.FieldsSeq("a b c d e") {
			l.onStop[name] = slow(4 * time.Second)
		}
		l.run(l.specs("a b c d e"), sup.Options{Total: 10 * time.Second})
		begun := time.Now()
		err := l.stop()
		// e 0-4, d 4-8, c 8-12, but at 10 b and a are asked, too.
		if d := time.Since(begun); d != 14*time.Second {
			t.Errorf("the stop took %v, want 14s", d)
		}
		var stuck *sup.StuckError
		if !errors.As(err, &stuck) || stuck.Child != "c" || l.stuck() != "c" {
			t.Errorf("Run() = %v, want one that names c, which was being waited for", err)
		}
	})
}

// No grace, not even an infinite one, puts off the report much beyond the total.
func TestTotal_BoundsGrace(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"], l.onStop["b"] = slow(time.Hour), slow(time.Hour)
		l.run(l.specs("a b", grace(sup.Infinity)), sup.Options{Total: 10 * time.Second})
		l.cancel(nil)
		time.Sleep(10*time.Second - 1)
		l.stand("a:ready b:stopping")
		time.Sleep(time.Nanosecond)
		l.stand("a:stopping b:stuck")
		time.Sleep(5 * time.Second)
		l.stand("a:stuck b:stuck")
		_ = l.stop()
		if got := l.stuck(); got != "b a" {
			t.Errorf("reported as stuck: %s", got)
		}
	})
}

// Who overran further down is named by every Run above, and told once.
func TestOverran_Nested(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["late"] = slow(11 * time.Second)
		inner, err := sup.New(l.specs("late"), sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{l.spec("a"), inner.ChildSpec("inner")}, sup.Options{})
		var stuck *sup.StuckError
		if err := l.stop(); !errors.As(err, &stuck) || stuck.Child != "late" {
			t.Errorf("Run() = %v, want one that names late", err)
		}
		if n := l.told(); n != 1 {
			t.Errorf("%d reports: %v", n, l.failures)
		}
	})
}

// The stronger reason to end wins: a child that is stopped by hand is not
// restarted with a group that fails meanwhile.
func TestReasons(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["b"] = slow(5 * time.Second)
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.OneForAll})
		done, cancel := context.WithCancel(bg)
		cancel()
		l.is(l.s.Terminate(done, "b"), context.Canceled)
		l.end("a", boom)
		time.Sleep(5 * time.Second)
		l.stand("a:ready b:stopped c:ready")
	})
	inBubble(t, func(l *lab) { // and the other way round
		l.onStop["b"] = slow(5 * time.Second)
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.OneForAll})
		l.end("a", boom)
		l.stand("a:queued b:stopping c:queued")
		l.ok(l.s.Remove(bg, "b"))
		l.stand("a:ready c:ready")
	})
}

// A real failure in the stop is told, an echo of the stop is not.
func TestStop_Failures(t *testing.T) {
	inBubble(t, func(l *lab) {
		fails := func(err func(ctx context.Context) error) func(context.Context) error {
			return func(ctx context.Context) error {
				<-ctx.Done()
				return err(ctx)
			}
		}
		l.run([]sup.Spec{
			{Name: "nil", Run: fails(func(context.Context) error { return nil })},
			{Name: "err", Run: fails(context.Context.Err)},
			{Name: "cause", Run: fails(context.Cause)},
			{Name: "real", Run: fails(func(context.Context) error { return errBoom })},
			{Name: "joined", Run: fails(func(ctx context.Context) error {
				return errors.Join(ctx.Err(), errBoom)
			})},
			{Name: "panics", Run: fails(func(context.Context) error { panic("in the stop") })},
		}, sup.Options{})
		l.ok(l.stop())
		var paths []string
		for _, f := range l.failures {
			paths = append(paths, f.Task.Path)
		}
		slices.Sort(paths) // each child's keeper tells for itself
		if got := strings.Join(paths, " "); got != "lab/joined/run lab/panics/run lab/real/run" {
			t.Errorf("told: %s", got)
		}
	})
}

// A place that is given to somebody who has just given up goes to the next.
func TestPool_PlaceIsNotLost(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{Limit: 1})
		brief := func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		}
		for range 300 {
			l.ok(p.TryAdd(bg, "", brief))
			ctx, cancel := context.WithTimeout(bg, time.Second) // the same instant
			err := p.Add(ctx, "", brief)
			if err != nil {
				l.is(err, context.DeadlineExceeded)
			}
			cancel()
			time.Sleep(time.Second)
			synctest.Wait()
		}
	})
}

// A task of a child that is cancelled by its handle, from outside, is a failure
// of the child: nobody asked it to end.
func TestForeignCancel(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a", restart(sup.Transient)), sup.Options{})
		l.handle("lab/a/run").Cancel(errors.New("by an operator"))
		l.lived("a2")
		if n := l.told(); n != 1 || !strings.Contains(l.failures[0].Error(), "by an operator") &&
			!strings.Contains(l.failures[0].Error(), "cancelled") {
			t.Errorf("reports: %v", l.failures)
		}
	})
}

// A child without a grace that is asked when the time is over is named like others.
func TestTotal_NamesNoGrace(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"], l.onStop["b"] = slow(time.Hour), slow(time.Hour)
		specs := []sup.Spec{l.spec("a", grace(sup.NoGrace)), l.spec("b", grace(sup.Infinity))}
		l.run(specs, sup.Options{Total: 10 * time.Second})
		_ = l.stop()
		if got := l.stuck(); got != "a b" && got != "b a" {
			t.Errorf("reported as stuck: %s", got)
		}
	})
}

// The report says how long the child had, not what it might have had.
func TestStuckError_Grace(t *testing.T) {
	for _, tc := range []struct{ grace, total, want time.Duration }{
		{grace: sup.Infinity, total: 10 * time.Second, want: 10 * time.Second},
		{grace: time.Minute, total: 10 * time.Second, want: 10 * time.Second},
		{grace: 2 * time.Second, total: 10 * time.Second, want: 2 * time.Second},
		{grace: sup.NoGrace, total: 10 * time.Second, want: 0},
	} {
		inBubble(t, func(l *lab) {
			l.onStop["a"] = slow(time.Hour)
			l.run(l.specs("a", grace(tc.grace)), sup.Options{Total: tc.total})
			if got := l.stuckError(l.stop()).Grace; got != tc.want {
				t.Errorf("grace %v, total %v: Grace = %v, want %v",
					tc.grace, tc.total, got, tc.want)
			}
		})
	}
}
