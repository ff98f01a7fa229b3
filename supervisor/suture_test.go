package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// The test list of thejerf/suture, by its names, and the defects that its
// users found.

func TestSuture_HappyCase(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		l.end("a", ok) // a service that returns is restarted
		l.lived("a2")
		l.ok(l.stop())
		l.lived("a0")
	})
}

func TestSuture_AddingToRunning(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(nil, sup.Options{})
		l.ok(l.s.Add(bg, l.spec("a")))
		l.stand("a:ready")
		l.end("a", boom)
		l.lived("a2")
	})
}

// The right one is restarted, after a delay that grows, and when it exceeds its
// budget it is given up, which the numbers tell.
func TestSuture_Failures(t *testing.T) {
	inBubble(t, func(l *lab) {
		fails := l.spec("fails")
		fails.Backoff = sup.Backoff{Base: time.Second, Cap: 8 * time.Second}
		fails.Budget = sup.Budget{Sustained: sup.Intensity{Restarts: 6, Period: 48 * time.Second}}
		l.run([]sup.Spec{fails, l.spec("b")}, sup.Options{})
		for n, seconds := range []int{1, 2, 4, 8, 8, 8} {
			d := time.Duration(seconds) * time.Second
			l.end("fails", boom)
			c, _ := l.s.Child("fails")
			if wait := time.Until(c.NextRestart); wait < d/2 || wait > d {
				t.Errorf("delay %d is %v, want between %v and %v", n, wait, d/2, d)
			}
			time.Sleep(time.Until(c.NextRestart) - 1)
			l.stand("fails:backoff b:ready")
			time.Sleep(time.Nanosecond)
			l.stand("fails:ready b:ready")
			c, _ = l.s.Child("fails")
			if in, left := c.InSustained, c.SustainedLeft; in != n+1 || left != 5-n {
				t.Errorf("after %d restarts: %d in the window, %d left", n+1, in, left)
			}
		}
		l.end("fails", boom)
		time.Sleep(8 * time.Second)
		e := l.intensity(l.ended(), "fails")
		if e.Restarts != 7 || e.Span > 48*time.Second || e.Limit.Restarts != 6 {
			t.Errorf("error is %+v", e)
		}
		if l.lives["b"] != 1 {
			t.Error("the wrong one was restarted")
		}
	})
}

// Once it has been ready for long enough, a child's failure is its first.
func TestSuture_Failures_decay(t *testing.T) {
	inBubble(t, func(l *lab) {
		a := l.spec("a")
		a.Backoff = sup.Backoff{Base: time.Second, Cap: time.Minute, ResetAfter: time.Hour}
		l.run([]sup.Spec{a}, sup.Options{})
		wait := func() time.Duration {
			l.end("a", boom)
			c, _ := l.s.Child("a")
			d := time.Until(c.NextRestart)
			time.Sleep(d)
			return d
		}
		for range 6 {
			wait()
		}
		time.Sleep(time.Hour - 1) // not quite
		if d := wait(); d < 30*time.Second {
			t.Errorf("the delay is %v, want one near the cap", d)
		}
		time.Sleep(time.Hour)
		if d := wait(); d > time.Second {
			t.Errorf("the delay is %v, want the first again", d)
		}
	})
}

func TestSuture_RunningAlreadyRunning(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		l.is(l.s.Run(bg), sup.ErrRunning)
		l.lived("a1")
	})
}

// Without a handler failures are loud. A test binary of its own looks at that.
func TestSuture_DefaultLogging(t *testing.T) {
	if os.Getenv("SUPERVISOR_TEST_LOUD") != "" {
		s, _ := sup.New([]sup.Spec{{
			Name: "loud", Restart: sup.Transient, OnExceed: sup.Escalate,
			Backoff: sup.Backoff{Off: true}, Budget: budget(0, time.Hour),
			Run: func(context.Context) error { return errors.New("nobody asked") },
		}}, sup.Options{})
		_ = s.Run(bg)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSuture_DefaultLogging$")
	cmd.Env = append(os.Environ(), "SUPERVISOR_TEST_LOUD=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"supervisor/loud/run"`) ||
		!strings.Contains(string(out), "nobody asked") {
		t.Errorf("output is %s, %v", out, err)
	}
}

// Handlers are those of the scope around, at any depth, unless one is set.
func TestSuture_NestedSupervisors(t *testing.T) {
	inBubble(t, func(l *lab) {
		own := 0
		inner, err := sup.New(l.specs("deep"), sup.Options{})
		l.ok(err)
		other, err := sup.New(l.specs("elsewhere"), sup.Options{
			OnFailure: func(context.Context, *scope.Failure) { own++ },
		})
		l.ok(err)
		middle, err := sup.New([]sup.Spec{
			inner.ChildSpec("inner"), other.ChildSpec("other"),
		}, sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{middle.ChildSpec("middle")}, sup.Options{})
		l.end("deep", boom)
		if n := l.told(); n != 1 || l.failures[0].Task.Path != "lab/middle/run/inner/run/deep/run" {
			t.Errorf("%d reports: %v", n, l.failures)
		}
		l.end("elsewhere", boom)
		if l.told() != 1 || own != 1 {
			t.Errorf("%d reports, %d to its own handler", l.told(), own)
		}
	})
}

func TestSuture_StoppingStopsServices(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{})
		l.events()
		l.ok(l.stop())
		l.sequence("-c -b -a")
	})
}

func TestSuture_StoppingStillWorksWithHungServices(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["b"] = func(context.Context) { <-release }
		l.run(l.specs("a b c"), sup.Options{Total: 7 * time.Second})
		l.events()
		l.cancel(nil)
		time.Sleep(10 * time.Second)
		l.sequence("-c -a")
		close(release)
		if err := l.stop(); err == nil || !strings.Contains(err.Error(), `child "b" is stuck`) {
			t.Errorf("Run() = %v, want one that names b", err)
		}
	})
}

func TestSuture_RemovingHungService(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["a"] = func(context.Context) { <-release }
		l.run(l.specs("a b"), sup.Options{})
		done, cancel := context.WithCancel(bg)
		cancel() // ask, and do not wait
		l.is(l.s.Remove(done, "a"), context.Canceled)
		l.stand("a:stopping b:ready")
		time.Sleep(10 * time.Second)
		l.stand("a:stuck b:ready")
		l.end("b", boom) // the supervisor is alive
		l.lived("b2")
		close(release)
		l.stand("b:ready")
	})
}

func TestSuture_RemoveService(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b"), sup.Options{})
		l.ok(l.s.Remove(bg, "a"))
		l.stand("b:ready")
		l.is(l.s.Remove(bg, "wrong"), sup.ErrNotFound)
	})
}

// Who has not stopped is named, down through nested supervisors, once each.
func TestSuture_ServiceReport(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["hung"] = func(context.Context) { <-release }
		inner, err := sup.New(l.specs("fine hung"), sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{inner.ChildSpec("inner")}, sup.Options{Total: 20 * time.Second})
		l.cancel(nil)
		time.Sleep(30 * time.Second)
		close(release)
		stuck := l.stuckError(l.stop())
		if stuck.Child != "inner" {
			t.Fatalf("Run() = %v, want a StuckError of inner", stuck)
		}
		below := slices.IndexFunc(stuck.Report.Tasks, func(s scope.Straggler) bool {
			return s.Task.Path == "lab/inner/run/hung/run"
		})
		if below < 0 || !strings.Contains(stuck.Report.Tasks[below].Stack, "ServiceReport") {
			t.Errorf("the report does not show the service below: %v", stuck)
		}
		if got := l.stuck(); got != "hung inner" {
			t.Errorf("reports are about %s, want hung, and then inner", got)
		}
	})
}

// stuck returns which children were reported as stuck, in order.
func (l *lab) stuck() string {
	var children []string
	for _, f := range l.failures {
		var stuck *sup.StuckError
		if errors.As(f.Err, &stuck) {
			children = append(children, stuck.Child)
		}
	}
	return strings.Join(children, " ")
}

// Adding to a supervisor that is being added.
func TestSuture_Issue11(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(nil, sup.Options{})
		l.ok(err)
		l.run(nil, sup.Options{})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for errors.Is(inner.Add(bg, l.spec(fmt.Sprint("x", i))), sup.ErrNotRunning) {
					time.Sleep(time.Millisecond)
				}
			})
		}
		time.Sleep(time.Second)
		l.ok(l.s.Add(bg, inner.ChildSpec("inner")))
		all.Wait()
		if n := inner.Info().Active; n != 20 {
			t.Errorf("%d children, want 20", n)
		}
	})
}

func TestSuture_RemoveAndWait(t *testing.T) {
	second := func() (context.Context, context.CancelFunc) {
		return context.WithTimeout(bg, time.Second)
	}
	t.Run("ok", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.run(l.specs("a"), sup.Options{})
			l.ok(l.s.Remove(bg, "a"))
			l.lived("a0")
		})
	})
	t.Run("already removed", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.run(l.specs("a"), sup.Options{})
			l.ok(l.s.Remove(bg, "a"))
			l.is(l.s.Remove(bg, "a"), sup.ErrNotFound)
		})
	})
	t.Run("hung", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.onStop["a"] = slow(time.Minute)
			l.run(l.specs("a"), sup.Options{})
			ctx, cancel := second()
			defer cancel()
			l.is(l.s.Remove(ctx, "a"), context.DeadlineExceeded)
		})
	})
	t.Run("supervisor stopping", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.onStop["b"] = slow(5 * time.Second)
			l.run(l.specs("a b"), sup.Options{})
			l.cancel(nil)
			synctest.Wait()
			begun := time.Now()
			l.ok(l.s.Remove(bg, "a")) // before its turn
			if d := time.Since(begun); d != 0 {
				t.Errorf("took %v", d)
			}
			l.ok(l.stop())
		})
	})
	t.Run("slow", func(t *testing.T) {
		inBubble(t, func(l *lab) {
			l.onStop["a"] = slow(time.Second - 1)
			l.run(l.specs("a"), sup.Options{})
			ctx, cancel := second()
			defer cancel()
			l.ok(l.s.Remove(ctx, "a"))
		})
	})
}

// A hundred nested supervisors, stopped at once.
func TestSuture_Issue35(t *testing.T) {
	inBubble(t, func(l *lab) {
		spec := l.spec("bottom")
		for i := range 100 {
			s, err := sup.New([]sup.Spec{spec}, sup.Options{})
			l.ok(err)
			spec = s.ChildSpec(fmt.Sprint(i))
		}
		s, err := sup.New([]sup.Spec{spec}, sup.Options{})
		l.ok(err)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run() = %v", err)
		}
	})
}

// A child that was removed in time is not reported as stuck later.
func TestSuture_StopAfterRemoveAndWait(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b"), sup.Options{})
		l.ok(l.s.Remove(bg, "a"))
		l.ok(l.stop())
		time.Sleep(time.Hour)
		if n := l.told(); n != 0 {
			t.Errorf("%d reports", n)
		}
	})
}

// Two words that end more than the child: not again, and the whole tree.
func TestSuture_ServiceAndTreeTermination(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(l.specs("a b", classify(sup.Stop)), sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{inner.ChildSpec("inner"), l.spec("c")}, sup.Options{})
		l.end("a", func() error { return errFinished })
		l.lived("a0 b1 c1")
		l.end("b", func() error { return scope.Fatal(errBoom) })
		l.is(l.ended(), errBoom)
		l.lived("a0 b0 c0")
		for _, f := range l.failures {
			if errors.Is(f.Err, errBoom) {
				t.Errorf("what Run returns was told, too: %v", f)
			}
		}
	})
}

// A fatal failure that is contained is a failure like others outside.
func TestSuture_DoNotPropagate(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(l.specs("a"), sup.Options{})
		l.ok(err)
		spec := sup.Spec{
			Name: "inner", Backoff: sup.Backoff{Off: true}, Budget: sup.Budget{Unlimited: true},
			Start: func(ctx context.Context, ready func()) error {
				return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return inner.Start(ctx, ready)
				}, scope.Contain())
			},
		}
		l.run([]sup.Spec{spec, l.spec("b")}, sup.Options{})
		l.end("a", func() error { return scope.Fatal(errBoom) })
		l.running()
		l.lived("a2 b1")
	})
}

func TestSuture_AddAfterStopping(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["a"] = slow(time.Second)
		l.run(l.specs("a"), sup.Options{})
		l.cancel(nil)
		synctest.Wait()
		l.is(l.s.Add(bg, l.spec("b")), sup.ErrNotRunning) // at once
		l.is(l.s.Restart(bg, "a"), sup.ErrNotRunning)
		l.ok(l.stop())
		l.is(l.s.Add(bg, l.spec("b")), sup.ErrNotRunning)
	})
}

// Somebody else's cancellation is a failure; our own is not.
func TestSuture_Issue77(t *testing.T) {
	for _, foreign := range []error{context.Canceled, context.DeadlineExceeded} {
		inBubble(t, func(l *lab) {
			l.run(l.specs("a", restart(sup.Transient)), sup.Options{})
			l.end("a", func() error { return fmt.Errorf("query: %w", foreign) })
			l.lived("a2")
			if n := l.told(); n != 1 {
				t.Errorf("%d reports, want 1", n)
			}
			l.ok(l.s.Terminate(bg, "a"))
			l.stand("a:stopped")
		})
	}
}

// Never is one service started twice: the lab checks that in every test. Here
// with failures, restarts by hand and replacements as fast as they go.
func TestSuture_EverMultistarted(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.OneForAll})
		var all sync.WaitGroup
		for _, name := range []string{"a", "b", "c"} {
			all.Go(func() {
				for range 200 {
					l.crash(name)
					_ = l.s.Terminate(bg, name)
					_ = l.s.Restart(bg, name)
				}
			})
		}
		all.Wait()
		l.ok(l.stop())
	})
}

// crash has a child fail, if it is live and has not been told to end.
func (l *lab) crash(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if me := l.live[name]; me != nil {
		select {
		case me.end <- boom:
		default:
		}
	}
}

// A handler may look at the supervisor, and change it.
func TestSuture_HookCallsBack(t *testing.T) {
	inBubble(t, func(l *lab) {
		var s *sup.Supervisor
		var seen []string
		handler := func(ctx context.Context, f *scope.Failure) {
			for _, c := range s.Children() {
				seen = append(seen, c.Name+":"+c.State)
			}
			l.is(s.Terminate(ctx, "a"), nil)
			l.ok(s.Add(ctx, l.spec("b")))
		}
		s, err := sup.New(l.specs("a"), sup.Options{OnFailure: handler})
		l.ok(err)
		l.s = s
		l.launch(s.Run)
		l.end("a", boom)
		l.stand("a:stopped b:ready")
		if got := strings.Join(seen, " "); got != "a:backoff" {
			t.Errorf("the handler saw %q", got)
		}
	})
}

// A child may terminate itself, and its supervisor's other children.
func TestSuture_TerminateSelf(t *testing.T) {
	inBubble(t, func(l *lab) {
		var s *sup.Supervisor
		l.onStart["a"] = func(ctx context.Context, _ int) error {
			l.ok(s.Terminate(ctx, "b"))
			l.is(s.Remove(ctx, "a"), scope.ErrSelfWait)
			return nil
		}
		s, err := sup.New(l.specs("b c"), sup.Options{})
		l.ok(err)
		l.s = s
		l.launch(s.Run)
		_ = l.s.Add(bg, l.spec("a"))
		l.stand("b:stopped c:ready")
	})
}
