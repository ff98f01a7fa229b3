package supervisor_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// failsOn has a child's n-th start fail, and no other.
func failsOn(starts ...int) func(context.Context, int) error {
	return func(_ context.Context, n int) error {
		if slices.Contains(starts, n) {
			return errBoom
		}
		return nil
	}
}

// failsAgain has all of a child's starts fail but the first.
func failsAgain(_ context.Context, n int) error {
	if n > 1 {
		return errBoom
	}
	return nil
}

func TestOTP_multiple_restarts(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a", burst(1, time.Second)), sup.Options{})
		for range 20 {
			time.Sleep(time.Second + 1) // just outside the window
			l.end("a", boom)
		}
		l.running()
		l.lived("a21")
		l.end("a", boom) // at once: one too many
		_ = l.intensity(l.ended(), "a")
	})
}

func TestOTP_one_for_one(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b"), sup.Options{Budget: budget(2, hour)})
		l.end("a", boom)
		l.lived("a2 b1")
		l.end("b", boom)
		l.lived("a2 b2")
		l.end("a", boom)
		e := l.intensity(l.ended(), "a")
		if e.Restarts != 3 || !e.All || e.Limit.Restarts != 2 {
			t.Errorf("error is %+v", e)
		}
		l.lived("a0 b0")
	})
}

func TestOTP_one_for_one_escalation(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = failsAgain
		l.run(l.specs("a b", burst(4, hour)), sup.Options{})
		l.end("a", boom)
		e := l.intensity(l.ended(), "a")
		l.is(e, errBoom)
		if l.lives["a"] != 5 || l.lives["b"] != 1 {
			t.Errorf("a was started %d times, b %d; want the first and 4 restarts, and 1",
				l.lives["a"], l.lives["b"])
		}
	})
}

func TestOTP_one_for_all(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.OneForAll, Budget: budget(2, hour)})
		l.events()
		l.end("b", boom)
		l.sequence("-b -c -a +a +b +c")
		l.lived("a2 b2 c2")
		l.end("a", boom)
		l.lived("a3 b3 c3")
		if i := l.s.Info(); i.Restarts != 2 { // once per group
			t.Errorf("%d restarts counted, want 2", i.Restarts)
		}
		l.end("c", boom)
		_ = l.intensity(l.ended(), "c")
	})
}

func TestOTP_one_for_all_escalation(t *testing.T) { groupEscalates(t, sup.OneForAll) }

// groupEscalates runs a group whose b does not start again: its restarts are used
// up, and nothing is left.
func groupEscalates(t *testing.T, strategy sup.Strategy) {
	t.Helper()
	inBubble(t, func(l *lab) {
		l.onStart["b"] = failsAgain
		l.run(l.specs("a b c", burst(4, hour)), sup.Options{Strategy: strategy})
		l.end("b", boom)
		_ = l.intensity(l.ended(), "b")
		l.lived("a0 b0 c0")
	})
}

func TestOTP_one_for_all_other_child_fails_restart(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["b"] = failsOn(2)
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.OneForAll})
		l.events()
		l.end("a", boom)
		// a is up again when b fails to start, and is stopped once more.
		l.sequence("-a -c -b +a +b -b -a +a +b +c")
		l.lived("a3 b3 c2")
	})
}

func TestOTP_simple_one_for_one(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{Budget: budget(2, hour)})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.ok(p.AddStart(bg, "b", l.start("b")))
		l.end("a", boom)
		l.end("b", boom)
		l.lived("a2 b2")
		l.end("a", boom)
		_ = l.intensity(l.ended(), "a")
		l.lived("a0 b0")
	})
}

// What a child was added with is what it is restarted with.
func TestOTP_simple_one_for_one_extra(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{})
		got := map[int]int{}
		crash := make(chan int)
		for extra := range 3 {
			l.ok(p.Add(bg, fmt.Sprint(extra), func(ctx context.Context) error {
				l.mu.Lock()
				got[extra]++
				l.mu.Unlock()
				select {
				case <-crash:
					return errBoom
				case <-ctx.Done():
					return nil
				}
			}))
		}
		for range 9 {
			crash <- 1
		}
		synctest.Wait()
		l.ok(l.stop())
		if n := got[0] + got[1] + got[2]; n != 12 || len(got) != 3 {
			t.Errorf("incarnations by extra argument: %v, want 12 of 3", got)
		}
	})
}

func TestOTP_simple_one_for_one_escalation(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = failsAgain
		p := l.pool(sup.Spec{
			Restart: sup.Permanent, OnExceed: sup.Escalate,
			Backoff: sup.Backoff{Off: true}, Budget: budget(4, hour),
		}, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.ok(p.AddStart(bg, "b", l.start("b")))
		l.end("a", boom)
		_ = l.intensity(l.ended(), "a")
		l.lived("a0 b0")
	})
}

func TestOTP_rest_for_one(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.RestForOne, Budget: budget(2, hour)})
		l.events()
		l.end("b", boom)
		l.sequence("-b -c +b +c")
		l.lived("a1 b2 c2")
		l.end("c", boom)
		l.lived("a1 b2 c3")
		l.end("a", boom)
		_ = l.intensity(l.ended(), "a")
	})
}

func TestOTP_rest_for_one_escalation(t *testing.T) { groupEscalates(t, sup.RestForOne) }

func TestOTP_rest_for_one_other_child_fails_restart(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["c"] = failsOn(2)
		l.run(l.specs("a b c d"), sup.Options{Strategy: sup.RestForOne})
		l.events()
		l.end("b", boom)
		l.sequence("-b -d -c +b +c -c +c +d") // b is not touched again
		l.lived("a1 b2 c3 d2")
	})
}

// hanging describes a child, b, whose restarts keep failing, at the backoff's
// pace.
func (l *lab) hanging() sup.Spec {
	l.onStart["b"] = failsAgain
	spec := l.spec("b")
	spec.Backoff = sup.Backoff{Base: time.Second, Cap: time.Second}
	return spec
}

// restarting checks what the calls answer about a child that is restarting.
func (l *lab) restarting(name string) {
	l.t.Helper()
	begun := time.Now()
	err := l.s.Add(bg, l.spec(name))
	l.is(err, sup.ErrAlreadyPresent)
	l.is(err, sup.ErrRestarting)
	l.is(l.s.Restart(bg, name), sup.ErrRestarting)
	c, err := l.s.Child(name)
	if err != nil || c.State != "backoff" || c.NextRestart.Before(begun) {
		l.t.Errorf("Child(%q) = %+v, %v; want one that backs off", name, c, err)
	}
	if d := time.Since(begun); d != 0 {
		l.t.Errorf("the answers took %v, want none", d)
	}
}

func TestOTP_hanging_restart_loop(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run([]sup.Spec{l.spec("a"), l.hanging()}, sup.Options{})
		l.end("b", boom)
		time.Sleep(10 * time.Second)
		l.restarting("b")
		l.count(2, 1, 0, 2)
		begun := time.Now()
		l.ok(l.s.Terminate(bg, "b"))
		l.stand("a:ready b:stopped")
		l.is(l.s.Restart(bg, "b"), errBoom)
		l.stand("a:ready b:stopped")
		delete(l.onStart, "b")
		l.ok(l.s.Restart(bg, "b"))
		l.stand("a:ready b:ready")
		l.ok(l.stop())
		if d := time.Since(begun); d != 0 {
			t.Errorf("all that took %v, want no time", d)
		}
	})
	inBubble(t, func(l *lab) { // a stop during the delay is immediate, too
		l.run([]sup.Spec{l.hanging()}, sup.Options{})
		l.end("b", boom)
		begun := time.Now()
		l.ok(l.stop())
		if d := time.Since(begun); d != 0 {
			t.Errorf("the stop took %v, want no time", d)
		}
	})
}

func TestOTP_hanging_restart_loop_rest_for_one(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run([]sup.Spec{l.spec("a"), l.hanging(), l.spec("c")},
			sup.Options{Strategy: sup.RestForOne})
		l.end("b", boom)
		time.Sleep(10 * time.Second)
		l.stand("a:ready b:backoff c:queued")
		l.restarting("b")
		l.is(l.s.Restart(bg, "c"), sup.ErrRestarting)
		l.ok(l.s.Terminate(bg, "b"))
		l.stand("a:ready b:stopped c:ready") // OTP leaves c down; see ADR 102
		delete(l.onStart, "b")
		l.ok(l.s.Restart(bg, "b"))
		l.ok(l.s.Terminate(bg, "c"))
		l.stand("a:ready b:ready c:stopped")
	})
}

func TestOTP_hanging_restart_loop_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		b := l.hanging()
		child := sup.Spec{Restart: sup.Permanent, Backoff: b.Backoff, Budget: b.Budget}
		p := l.pool(child, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.ok(p.AddStart(bg, "b", l.start("b")))
		l.end("b", boom)
		time.Sleep(10 * time.Second)
		l.is(p.Restart(bg, "b"), sup.ErrRestarting)
		l.is(p.AddStart(bg, "b", l.start("b")), sup.ErrRestarting)
		if c := p.Children()[1]; c.State != "backoff" || c.Restarts < 9 {
			t.Errorf("child is %+v, want one that backs off", c)
		}
		l.ok(p.Remove(bg, "b"))
		l.lived("a1 b0")
		if n := p.Info().Specs; n != 1 {
			t.Errorf("%d children left, want 1", n)
		}
	})
}
