package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// Defects of cats-effect's Supervisor and of Swift's service-lifecycle, by
// issue number. Here they must not be.

// #3394, #3862: what was accepted after the close was never cancelled.
func TestCats_3394_accepted_after_close(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for i := range 200 {
			go func() {
				err := p.AddStart(bg, fmt.Sprint(i), l.start(fmt.Sprint(i)))
				if err != nil && !errors.Is(err, sup.ErrNotRunning) {
					t.Errorf("Add() = %v", err)
				}
			}()
			if i == 100 {
				l.cancel(nil)
			}
		}
		l.ok(l.stop()) // the lab sees that none is left
	})
}

// #3972: cancel allowed one last restart, and did not wait for it.
func TestCats_3972_no_last_restart(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"] = slow(time.Second)
		l.run(l.specs("a b"), sup.Options{})
		l.cancel(nil)
		l.end("a", boom) // in the instant of the cancellation, before its turn
		l.ok(l.stop())
		if l.lives["a"] != 1 {
			t.Errorf("a was started %d times", l.lives["a"])
		}
	})
}

// Supervise racing close: what is accepted is run and ended, what is refused is
// not run.
//
// Guarantee 7.
func TestCats_supervise_racing_close(t *testing.T) {
	for range 300 {
		p, err := sup.NewPool(sup.Spec{}, sup.Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := &closeRace{pool: p}
		ctx, cancel := context.WithCancel(bg)
		var all sync.WaitGroup
		all.Go(func() { _ = p.Run(ctx) })
		for range 4 {
			all.Go(func() { r.add(cancel) })
		}
		all.Wait()
		cancel()
		if a, n, e := r.accepted.Load(), r.ran.Load(), r.ended.Load(); n != e || n != a {
			t.Fatalf("%d accepted, %d ran, %d ended", a, n, e)
		}
	}
}

// A closeRace counts what becomes of children that are added around the close.
type closeRace struct {
	pool                 *sup.Pool
	accepted, ran, ended atomic.Int32
}

// add adds children until they are refused, and has the pool closed meanwhile.
func (r *closeRace) add(closes func()) {
	for {
		err := r.pool.TryAdd(bg, "", func(ctx context.Context) error {
			r.ran.Add(1)
			<-ctx.Done()
			r.ended.Add(1)
			return nil
		})
		switch {
		case err == nil:
			r.accepted.Add(1)
			closes()
		case r.accepted.Load() > 0:
			return
		}
		runtime.Gosched()
	}
}

// Cancelled before its first step, a child left its entry behind.
func TestCats_cancel_before_first_step(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for i := range 100 {
			name := fmt.Sprint(i)
			done, cancel := context.WithCancel(bg)
			cancel()
			_ = p.AddStart(done, name, l.start(name))
		}
		synctest.Wait()
		for _, c := range p.Children() {
			l.ok(p.Remove(bg, c.Name))
		}
		if i := p.Info(); i.Specs != 0 || i.Active != 0 {
			t.Errorf("%d children left, %d live", i.Specs, i.Active)
		}
	})
}

// #4490: 500 MB leaked when tasks are cancelled quickly.
func TestCats_4490_memory_of_quick_cancels(t *testing.T) {
	p, err := sup.NewPool(sup.Spec{}, sup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	background(t, p.Run)
	churn := func(n int) uint64 {
		for range n {
			admitted(t, func() error {
				return p.Add(bg, "a", untilDone)
			})
			if err := p.Remove(bg, "a"); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse
	}
	before := churn(500)
	if after := churn(5000); after > before+2<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
}

// #4293, #3979: restart racing cancel, flaky for years.
func TestCats_4293_restart_racing_cancel(t *testing.T) {
	for i := range 300 {
		inBubble(t, func(l *lab) {
			spec := l.spec("a")
			spec.Backoff = sup.Backoff{Base: time.Second, Cap: time.Second}
			l.run([]sup.Spec{spec}, sup.Options{})
			l.end("a", boom)
			c, _ := l.s.Child("a")
			// Around the end of the delay, and exactly at it.
			time.Sleep(time.Until(c.NextRestart) + time.Duration(i%3-1))
			l.ok(l.stop())
			if n := l.lives["a"]; n != 1 && n != 2 {
				t.Errorf("a was started %d times", n)
			}
		})
	}
}

// #248: a stop that was asked before run started discarded everything, silently.
func TestSwift_248_stop_before_run(t *testing.T) {
	inBubble(t, func(l *lab) {
		s, err := sup.New(l.specs("a b"), sup.Options{})
		l.ok(err)
		ctx, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		l.is(s.Run(ctx), errBoom) // not silent
		l.sequence("")
	})
}

// #166, #171: a child that finished out of order was taken for the one that was
// being stopped, and the next was stopped too early.
func TestSwift_166_end_out_of_order(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["d"] = slow(5 * time.Second)
		l.onStop["b"] = slow(5 * time.Second)
		l.run(l.specs("a b c d"), sup.Options{})
		l.events()
		l.cancel(nil)
		time.Sleep(time.Second)
		l.end("b", ok) // while d is being stopped
		l.stand("a:ready b:stopped c:ready d:stopping")
		time.Sleep(3 * time.Second)
		l.stand("a:ready b:stopped c:ready d:stopping")
		l.ok(l.stop())
		l.sequence("-b -d -c -a")
	})
}

// #232: the order was kept in a graceful stop, but not on cancellation.
func TestSwift_232_order_on_cancellation(t *testing.T) {
	inBubble(t, func(l *lab) {
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		s, err := sup.New(l.specs("a b c d"), sup.Options{})
		l.ok(err)
		l.is(s.Run(ctx), context.DeadlineExceeded)
		l.sequence("+a +b +c +d -d -c -b -a")
	})
}

// #207: one child that swallowed its cancellation left the server half dead for
// ever, and nobody knew.
func TestSwift_207_swallowed_cancellation(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["b"] = func(context.Context) { <-release }
		l.run(l.specs("a b"), sup.Options{})
		l.cancel(nil)
		time.Sleep(10 * time.Second) // its grace
		l.stand("a:stopped b:stuck")
		if n := l.told(); n != 1 || !strings.Contains(l.failures[0].Error(), `child "b" is stuck`) {
			t.Errorf("reports are %v, want one that names b", l.failures)
		}
		close(release)
		if err := l.stop(); err == nil {
			t.Error("Run() = nil, as if all were well")
		}
	})
}
