package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// slow has a child take d to end when it is asked to.
func slow(d time.Duration) func(context.Context) {
	return func(context.Context) { time.Sleep(d) }
}

func TestOTP_sup_stop_infinity(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"] = slow(1000 * time.Hour)
		l.run(l.specs("a", grace(sup.Infinity)), sup.Options{Total: sup.Infinity})
		begun := time.Now()
		l.ok(l.stop())
		if d := time.Since(begun); d != 1000*time.Hour {
			t.Errorf("the stop took %v", d)
		}
	})
}

// The hung child is stuck after exactly its grace; the good one is not. The
// next one is asked then, and Run returns when the hung one has.
func TestOTP_sup_stop_timeout(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["b"] = func(context.Context) { <-release }
		l.onStop["c"] = slow(time.Second)
		l.run(l.specs("a b c", grace(3*time.Second)), sup.Options{})
		l.events()
		l.cancel(nil)
		time.Sleep(4*time.Second - 1)
		l.stand("a:ready b:stopping c:stopped")
		time.Sleep(time.Nanosecond)
		l.stand("a:stopped b:stuck c:stopped")
		if n := l.told(); n != 1 {
			t.Fatalf("%d reports, want one about the stuck child", n)
		}
		var stuck *sup.StuckError
		if !errors.As(l.failures[0].Err, &stuck) || stuck.Child != "b" ||
			stuck.Grace != 3*time.Second {
			t.Errorf("report is %v", l.failures[0].Err)
		}
		if text := fmt.Sprintf("%+v", stuck); !strings.Contains(text, "sup_stop_timeout") {
			t.Errorf("the report does not show the stack:\n%s", text)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case <-l.done:
			t.Fatal("Run has returned without the stuck child")
		default:
		}
		close(release)
		err := l.stop()
		if !errors.As(err, &stuck) || stuck.Child != "b" {
			t.Errorf("Run() = %v, want an error that names b", err)
		}
		l.sequence("-c -a -b")
	})
}

func TestOTP_sup_stop_timeout_dynamic(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		p := l.pool(sup.Spec{Grace: 3 * time.Second}, sup.Options{})
		for i := range 10 {
			name := fmt.Sprint("hung-", i)
			l.onStop[name] = func(context.Context) { <-release }
			l.ok(p.AddStart(bg, name, l.start(name)))
		}
		l.ok(p.AddStart(bg, "good", l.start("good")))
		l.cancel(nil)
		time.Sleep(3*time.Second - 1)
		if n := l.told(); n != 0 {
			t.Errorf("%d reports before the grace is over", n)
		}
		time.Sleep(time.Nanosecond) // one clock for all
		synctest.Wait()
		for _, c := range p.Children() {
			if want := strings.HasPrefix(c.Name, "hung"); (c.State == "stuck") != want {
				t.Errorf("child %s is %s", c.Name, c.State)
			}
		}
		close(release)
		_ = l.stuckError(l.stop())
	})
}

func TestOTP_sup_stop_brutal_kill(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["b"] = slow(time.Minute)
		l.run([]sup.Spec{l.spec("a"), l.spec("b", grace(sup.NoGrace)), l.spec("c")},
			sup.Options{Total: sup.Infinity})
		l.events()
		l.cancel(nil)
		l.stand("a:stopped b:stuck c:stopped") // a is not held up
		l.sequence("-c -a")
		begun := time.Now()
		l.ok(l.stop()) // it had no grace to overrun
		if d := time.Since(begun); d != time.Minute {
			t.Errorf("Run returned %v after the stop; b takes a minute", d)
		}
		l.sequence("-b")
	})
}

func TestOTP_sup_stop_brutal_kill_dynamic(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Grace: sup.NoGrace}, sup.Options{Total: sup.Infinity})
		for _, name := range []string{"a", "b", "c"} {
			l.onStop[name] = slow(time.Minute)
			l.ok(p.AddStart(bg, name, l.start(name)))
		}
		begun := time.Now()
		l.cancel(nil)
		synctest.Wait()
		for _, c := range p.Children() {
			if c.State != "stuck" {
				t.Errorf("child %s is %s at once, want stuck", c.Name, c.State)
			}
		}
		l.ok(l.stop())
		if d := time.Since(begun); d != time.Minute {
			t.Errorf("the stop took %v, want a minute", d)
		}
	})
}

// Twelve children, one per restart type and end, die by themselves while the
// last one holds up the stop. Their ends are told, and nothing is restarted.
func TestOTP_sup_stop_race(t *testing.T) {
	inBubble(t, func(l *lab) {
		endings := map[string]ending{"ok": ok, "error": boom, "panic": panics, "goexit": goexit}
		var specs []sup.Spec
		for _, r := range []sup.RestartType{sup.Permanent, sup.Transient, sup.Temporary} {
			for kind := range endings {
				specs = append(specs, l.spec(r.String()+"-"+kind, restart(r)))
			}
		}
		l.onStop["last"] = slow(time.Second)
		l.run(append(specs, l.spec("last")), sup.Options{})
		l.cancel(nil)
		synctest.Wait() // last is stopping, and holds up the others
		for _, spec := range specs {
			_, kind, _ := strings.Cut(spec.Name, "-")
			l.tell(spec.Name, endings[kind])
		}
		synctest.Wait()
		if n := l.told(); n != 9 {
			t.Errorf("%d failures told, want those of 3 errors, 3 panics, 3 Goexits", n)
		}
		l.ok(l.stop())
		for _, spec := range specs {
			if l.lives[spec.Name] != 1 {
				t.Errorf("%s was started %d times", spec.Name, l.lives[spec.Name])
			}
		}
	})
}

func TestOTP_sup_stop_non_shutdown_exit_dynamic(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for i := range 100 {
			l.ok(p.Add(bg, "", func(ctx context.Context) error {
				<-ctx.Done()
				switch i % 4 {
				case 0:
					return nil
				case 1:
					return errBoom
				case 2:
					panic("odd")
				default:
					return context.Cause(ctx)
				}
			}))
		}
		l.cancel(nil)
		l.ok(l.stop())
		// Grouped: 25 errors and 25 panics make a handful of reports each.
		errs, all := stands(l.failures, errBoom), stands(l.failures, nil)
		if errs != 25 || all != 50 {
			t.Errorf("reports stand for %d errors of %d failures, want 25 of 50", errs, all)
		}
		if n := len(l.failures); n > 20 {
			t.Errorf("%d reports, want them grouped", n)
		}
	})
}

// A child that has swallowed its context cannot hang the supervisor: its
// siblings are stopped, everything is answered, and it is named.
func TestOTP_child_unlink(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		deaf := sup.Spec{Name: "deaf", Grace: time.Second, Run: func(context.Context) error {
			<-release
			return nil
		}}
		l.run([]sup.Spec{l.spec("a"), deaf}, sup.Options{})
		ctx, cancel := context.WithTimeout(bg, 5*time.Second)
		defer cancel()
		l.is(l.s.Terminate(ctx, "deaf"), context.DeadlineExceeded)
		l.stand("a:ready deaf:stuck")
		l.is(l.s.Restart(bg, "deaf"), sup.ErrRunning) // never two
		close(release)
		l.stand("a:ready deaf:stopped")
		l.ok(l.s.Restart(bg, "deaf"))
		l.ok(l.stop())
	})
}

func TestOTP_simple_one_for_one_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for i := range 9 {
			name := fmt.Sprint("child-", i)
			l.onStop[name] = slow(time.Duration(i) * time.Second)
			l.ok(p.AddStart(bg, name, l.start(name)))
		}
		begun := time.Now()
		l.ok(l.stop())
		if d := time.Since(begun); d != 8*time.Second {
			t.Errorf("the stop took %v, want the slowest child's 8s", d)
		}
	})
}

// Guarantee 2.
func TestOTP_order_of_children(t *testing.T) {
	names := "ch7 ch3 ch10 ch2 ch5"
	up, down := "+ch7 +ch3 +ch10 +ch2 +ch5", "-ch5 -ch2 -ch10 -ch3 -ch7"
	paths := map[string]func(l *lab){
		"cancel":   func(l *lab) { l.cancel(nil) },
		"escalate": func(l *lab) { l.tell("dies", func() error { return scope.Fatal(errBoom) }) },
		"budget":   func(l *lab) { l.tell("weak", boom) },
		"auto":     func(l *lab) { l.tell("star", ok) },
	}
	for path, stop := range paths {
		t.Run(path, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				specs := append(l.specs(names),
					l.spec("dies"), l.spec("weak", burst(0, time.Hour)),
					l.spec("star", restart(sup.Transient), significant))
				l.run(specs, sup.Options{AutoShutdown: sup.AnySignificant})
				if got := l.events(); !strings.HasPrefix(got, up) {
					t.Errorf("started as %s, want %s", got, up)
				}
				stop(l)
				<-l.done
				if got := l.events(); !strings.HasSuffix(got, down) {
					t.Errorf("stopped as %s, want %s", got, down)
				}
			})
		})
	}
	t.Run("rest_for_one", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.run(l.specs(names), sup.Options{Strategy: sup.RestForOne})
			l.events()
			l.end("ch10", boom)
			l.sequence("-ch10 -ch5 -ch2 +ch10 +ch2 +ch5")
		})
	})
	t.Run("failed start", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.onStart["ch5"] = func(context.Context, int) error { return errBoom }
			l.run(l.specs(names), sup.Options{})
			l.is(l.ended(), errBoom)
			l.sequence(up + " " + down)
		})
	})
}
