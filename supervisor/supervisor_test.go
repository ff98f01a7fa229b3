package supervisor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// A restart by hand begins the backoff anew.
func TestRestart_ResetsBackoff(t *testing.T) {
	inBubble(t, func(l *lab) {
		a := l.spec("a")
		a.Backoff = sup.Backoff{Base: time.Second, Cap: time.Hour}
		l.run([]sup.Spec{a}, sup.Options{})
		delay := func() time.Duration {
			l.end("a", boom)
			c, _ := l.s.Child("a")
			return time.Until(c.NextRestart)
		}
		for range 8 {
			time.Sleep(delay())
		}
		if d := delay(); d < time.Minute {
			t.Errorf("the delay is %v, want a long one", d)
		}
		l.ok(l.s.Terminate(bg, "a"))
		l.ok(l.s.Restart(bg, "a"))
		if d := delay(); d > time.Second {
			t.Errorf("the delay after a restart by hand is %v, want the first", d)
		}
	})
}

func onExceed(a sup.Action) func(*sup.Spec) { return func(s *sup.Spec) { s.OnExceed = a } }

// Park stops one child; the others do not notice, and by hand it starts with a
// new budget.
func TestPark(t *testing.T) {
	for _, strategy := range strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			inBubble(t, func(l *lab) {
				b := l.spec("b", burst(1, hour), onExceed(sup.Park))
				l.run([]sup.Spec{l.spec("a"), b, l.spec("c")}, sup.Options{Strategy: strategy})
				l.end("b", boom)
				l.end("b", boom)
				l.stand("a:ready b:parked c:ready")
				c, _ := l.s.Child("b")
				const numbers = "2 restarts in 0s, limit 1 in 1h0m0s"
				if !strings.Contains(c.Note, numbers) || c.LastFailure == "" {
					t.Errorf("child is %+v", c)
				}
				var e *sup.IntensityError
				if n := l.told(); n != 3 || !errors.As(l.failures[2].Err, &e) || e.Child != "b" {
					t.Errorf("reports: %v, want two failures and why it is parked", l.failures)
				}
				l.is(l.s.Add(bg, l.spec("b")), sup.ErrAlreadyPresent)
				l.ok(l.s.Restart(bg, "b"))
				l.end("b", boom)
				l.stand("a:ready b:ready c:ready")
				l.ok(l.stop())
			})
		})
	}
}

// The budget of all children counts what each for itself may do.
func TestBudgetOfAll(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{Budget: budget(2, hour), OnExceed: sup.Park})
		l.end("a", boom)
		l.end("b", boom)
		if i := l.s.Info(); i.InBurst != 2 || i.BurstLeft != 0 {
			t.Errorf("supervisor is %+v", i)
		}
		l.end("c", boom)
		l.stand("a:ready b:ready c:parked")
	})
}

func TestStartTimeout(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["b"] = func(ctx context.Context, n int) error {
			if n == 2 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
		b := l.spec("b")
		b.StartTimeout = 3 * time.Second
		l.run([]sup.Spec{l.spec("a"), b}, sup.Options{})
		begun := time.Now()
		l.end("b", boom)
		l.stand("a:ready b:starting")
		time.Sleep(3*time.Second - 1)
		l.lived("b2")
		time.Sleep(time.Nanosecond)
		l.lived("b3")
		if d := time.Since(begun); d != 3*time.Second {
			t.Errorf("took %v", d)
		}
		c, err := l.s.Child("b")
		l.ok(err)
		if c.Restarts != 2 || c.LastFailure != "supervisor: not ready within 3s" {
			t.Errorf("child is %+v", c)
		}
	})
	inBubble(t, func(l *lab) { // in the first start
		b := l.spec("b")
		b.StartTimeout = time.Second
		l.onStart["b"] = func(ctx context.Context, _ int) error { <-ctx.Done(); return nil }
		l.run([]sup.Spec{l.spec("a"), b}, sup.Options{})
		time.Sleep(time.Second)
		var e *sup.ChildError
		if err := l.ended(); !errors.As(err, &e) || e.Child != "b" || !e.Start {
			t.Errorf("Run() = %v", err)
		}
	})
}

// All ways to end before ready are failed starts; after it they are not.
func TestReadiness(t *testing.T) {
	ways := map[string]ending{"nil": ok, "error": boom, "panic": panics, "goexit": goexit}
	for kind, how := range ways {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				start := func(context.Context, func()) error { return how() }
				l.run(nil, sup.Options{})
				var e *sup.ChildError
				err := l.s.Add(bg, sup.Spec{Name: "a", Start: start})
				if !errors.As(err, &e) || !e.Start {
					t.Errorf("Add() = %v", err)
				}
				if kind == "nil" {
					l.is(err, scope.ErrNotReady)
				}
				l.count(0, 0, 0, 0)
			})
		})
	}
	inBubble(t, func(l *lab) { // twice, and late
		var late func()
		l.run([]sup.Spec{{Name: "a", Start: func(ctx context.Context, ready func()) error {
			ready()
			ready()
			late = ready
			<-ctx.Done()
			return nil
		}}}, sup.Options{})
		l.ok(l.s.Terminate(bg, "a"))
		late()
		l.stand("a:stopped")
	})
}

func TestAdd_GivesUp(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
		l.run(nil, sup.Options{})
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		l.is(l.s.Add(ctx, l.spec("a")), context.DeadlineExceeded)
		l.count(0, 0, 0, 0)
		if n := l.told(); n != 0 {
			t.Errorf("%d reports", n)
		}
	})
}

// While a start, a delay or a stop is under way, every call is answered at once.
//
// Guarantee 6.
func TestAnswersAtOnce(t *testing.T) {
	at := func(t *testing.T, l *lab) {
		t.Helper()
		begun := time.Now()
		l.s.Children()
		l.s.Info()
		done, cancel := context.WithCancel(bg)
		cancel()
		_ = l.s.Add(done, l.spec("new"))
		_ = l.s.Restart(done, "b")
		_ = l.s.Terminate(done, "b")
		_ = l.s.Remove(done, "b")
		if d := time.Since(begun); d != 0 {
			t.Errorf("the answers took %v", d)
		}
	}
	inBubble(t, func(l *lab) { // the first start
		l.onStart["b"] = func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }
		l.run(l.specs("a b c"), sup.Options{})
		l.stand("a:ready b:starting c:queued")
		at(t, l)
		l.stand("a:ready c:ready")
	})
	inBubble(t, func(l *lab) { // a delay
		l.run([]sup.Spec{l.spec("a"), l.hanging(), l.spec("c")},
			sup.Options{Strategy: sup.OneForAll})
		l.end("b", boom)
		l.stand("a:queued b:backoff c:queued")
		at(t, l)
		l.stand("a:ready c:ready")
	})
	inBubble(t, func(l *lab) { // a stop
		l.onStop["b"] = slow(time.Second)
		l.run(l.specs("a b c"), sup.Options{})
		l.cancel(nil)
		l.stand("a:ready b:stopping c:stopped")
		at(t, l)
		l.ok(l.stop())
	})
}

// An added child takes its turn in a start that is under way.
func TestAdd_DuringStart(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(ctx context.Context, _ int) error {
			time.Sleep(time.Second)
			// From inside a start: would wait for itself, and so does not.
			return l.s.Add(ctx, l.spec("inside"))
		}
		s, err := sup.New(l.specs("a b"), sup.Options{})
		l.ok(err)
		l.s = s
		l.launch(s.Run)
		l.ok(s.Add(bg, l.spec("outside")))
		l.sequence("+a +b +outside +inside")
	})
}

// A child, what it starts in its scope, and what it opens, live and end
// together.
func TestSubtree(t *testing.T) {
	inBubble(t, func(l *lab) {
		spec := l.spec("a")
		spec.Start = nil
		var live atomic.Int32
		spec.Run = func(ctx context.Context) error {
			helper := func(ctx context.Context) error {
				live.Add(1)
				<-ctx.Done()
				live.Add(-1)
				return nil
			}
			scope.From(ctx).Go("helper", helper)
			scope.OpenSupervised(ctx).Go("opened", helper)
			me := l.enter("a")
			defer l.leave("a")
			select {
			case end := <-me.end:
				return end()
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		l.run([]sup.Spec{spec}, sup.Options{})
		for n := 1; n <= 3; n++ {
			if got := live.Load(); got != 2 {
				t.Errorf("%d tasks of incarnation %d, want 2", got, n)
			}
			l.end("a", boom)
		}
		l.ok(l.s.Terminate(bg, "a"))
		if got := live.Load(); got != 0 {
			t.Errorf("%d tasks left", got)
		}
	})
}

// The failure of a part is the child's.
func TestSubtree_Fails(t *testing.T) {
	inBubble(t, func(l *lab) {
		spec := sup.Spec{
			Name: "a", Backoff: sup.Backoff{Off: true}, Budget: sup.Budget{Unlimited: true},
			Run: func(ctx context.Context) error {
				me := l.enter("a")
				defer l.leave("a")
				scope.From(ctx).Go("part", func(context.Context) error {
					if me.n == 1 {
						return errBoom
					}
					return nil
				})
				<-ctx.Done()
				return ctx.Err()
			},
		}
		l.run([]sup.Spec{spec}, sup.Options{})
		l.lived("a2")
		if n := l.told(); n != 1 {
			t.Errorf("%d reports: %v", n, l.failures)
		}
	})
}

// A part fails, and the child itself does not look at its context: it is stuck,
// and what it returns later does not hide why.
func TestSubtree_FailsAndIsDeaf(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		spec := l.spec("a", grace(time.Second))
		spec.Start = nil
		spec.Run = func(ctx context.Context) error {
			me := l.enter("a")
			defer l.leave("a")
			if me.n > 1 {
				return untilDone(ctx)
			}
			scope.From(ctx).Go("part", func(context.Context) error { return errBoom })
			<-release
			return nil
		}
		l.run([]sup.Spec{spec}, sup.Options{})
		time.Sleep(time.Second)
		l.stand("a:stuck")
		if got := l.stuck(); got != "a" {
			t.Errorf("reported as stuck: %s", got)
		}
		close(release)
		l.lived("a2")
		if n := l.told(); n != 2 || !errors.Is(l.failures[1].Err, errBoom) {
			t.Errorf("reports: %v", l.failures)
		}
	})
}

// What a child leaves behind that ignores its end is stuck, and the child is
// not started again before it has returned.
//
// Guarantee 1.
func TestStuck_NeverTwo(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		parts := 0
		spec := l.spec("a", grace(time.Second))
		spec.Start = nil
		spec.Run = func(ctx context.Context) error {
			me := l.enter("a")
			defer l.leave("a")
			scope.From(ctx).Go("deaf part", func(context.Context) error {
				parts++
				defer func() { parts-- }()
				if me.n == 1 {
					<-release
				}
				return nil
			})
			select {
			case end := <-me.end:
				return end()
			case <-ctx.Done():
				return nil
			}
		}
		l.run([]sup.Spec{spec}, sup.Options{})
		l.end("a", boom)
		time.Sleep(time.Minute)
		l.stand("a:stuck")
		var stuck *sup.StuckError
		if n := l.told(); n != 1 || !errors.As(l.failures[0].Err, &stuck) ||
			stuck.Report.Tasks[0].Task.Name != "deaf part" {
			t.Errorf("reports: %v", l.failures)
		}
		l.is(l.s.Restart(bg, "a"), sup.ErrRunning)
		close(release)
		l.lived("a2")
		if n := l.told(); n != 2 { // and then the failure itself
			t.Errorf("%d reports: %v", n, l.failures)
		}
	})
}

// A stuck sibling holds up the restart of its group, and nothing else.
func TestStuck_InGroup(t *testing.T) {
	inBubble(t, func(l *lab) {
		release := make(chan struct{})
		l.onStop["b"] = func(context.Context) { <-release }
		l.run(l.specs("a b c", grace(time.Second)), sup.Options{Strategy: sup.OneForAll})
		l.events()
		l.end("c", boom)
		time.Sleep(time.Minute)
		l.sequence("-c -a +a")
		l.stand("a:ready b:stuck c:queued")
		close(release)
		l.sequence("-b +b +c")
		delete(l.onStop, "b")
	})
}

func TestClassify(t *testing.T) {
	for action, want := range map[sup.Action]string{
		sup.ByType: "a:ready b:ready", sup.Restart: "a:ready b:ready",
		sup.Stop: "a:stopped b:ready", sup.Park: "a:parked b:ready",
	} {
		t.Run(action.String(), func(t *testing.T) {
			inBubble(t, func(l *lab) {
				l.run([]sup.Spec{l.spec("a", classify(action)), l.spec("b")}, sup.Options{})
				l.end("a", func() error { return errFinished })
				l.stand(want)
				if n := l.told(); n != 1 {
					t.Errorf("%d reports, want 1", n)
				}
			})
		})
	}
}

func TestClassify_Escalates(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run([]sup.Spec{l.spec("a", classify(sup.Escalate)), l.spec("b")}, sup.Options{})
		l.end("a", func() error { return errFinished })
		var e *sup.ChildError
		err := l.ended()
		l.is(err, errFinished)
		if !errors.As(err, &e) || e.Child != "a" || e.Start {
			t.Errorf("Run() = %v", err)
		}
		if n := l.told(); n != 0 { // it was returned
			t.Errorf("%d reports: %v", n, l.failures)
		}
	})
}

func TestClassify_Panics(t *testing.T) {
	for _, bad := range []ending{panics, goexit} {
		inBubble(t, func(l *lab) {
			l.run(l.specs("a", func(s *sup.Spec) {
				s.Classify = func(error) sup.Action { _ = bad(); return sup.Escalate }
			}), sup.Options{})
			l.end("a", boom)
			l.lived("a2")
			if n := l.told(); n != 2 {
				t.Errorf("%d reports: %v", n, l.failures)
			}
		})
	}
}

func TestClassify_Sees(t *testing.T) {
	inBubble(t, func(l *lab) {
		var seen []error
		l.run(l.specs("a", func(s *sup.Spec) {
			s.Classify = func(err error) sup.Action {
				seen = append(seen, err)
				return sup.ByType
			}
		}), sup.Options{})
		for _, how := range []ending{boom, panics, goexit, ok} {
			l.end("a", how)
		}
		l.ok(l.s.Terminate(bg, "a"))
		if len(seen) != 3 || seen[0] != errBoom || seen[2] != scope.ErrGoexit {
			t.Errorf("the classifier saw %v", seen)
		}
		if _, isPanic := seen[1].(*scope.PanicError); !isPanic {
			t.Errorf("the classifier saw %T for a panic", seen[1])
		}
	})
}

// The data for a view of the tree, at every task of it, without this package.
func TestDescribe(t *testing.T) {
	inBubble(t, func(l *lab) {
		s, err := sup.New([]sup.Spec{l.spec("a"), l.hanging()}, sup.Options{Name: "app"})
		l.ok(err)
		l.s = s
		l.launch(func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, sc *scope.Scope) error {
				sc.Go("main", s.Run)
				return nil
			})
		})
		l.end("b", boom)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		main, ok := l.handle("lab/main").Info().Detail.(sup.Info)
		if !ok || main.State != "running" || main.Specs != 2 || main.Active != 1 ||
			main.Restarts == 0 {
			t.Errorf("detail of the supervisor is %+v", main)
		}
		b, ok := l.handle("lab/main/app/b").Info().Detail.(sup.ChildInfo)
		if !ok || b.State != "backoff" || !b.NextRestart.After(time.Now()) ||
			b.LastFailure == "" || b.LastFailureAt.IsZero() ||
			b.Restarts == 0 || b.Incarnation != b.Restarts+1 {
			t.Errorf("detail of the child is %+v", b)
		}
		text, err := json.Marshal([]any{main, b})
		l.ok(err)
		fields := []string{`"state":"backoff"`, `"next_restart":"2000-`, `"last_failure":"`}
		for _, want := range fields {
			if !strings.Contains(string(text), want) {
				t.Errorf("as JSON: %s; want %s in it", text, want)
			}
		}
		if got := b.String(); !strings.HasPrefix(got, "permanent backoff, incarnation ") {
			t.Errorf("as text: %s", got)
		}
		const text1 = "supervisor running, one_for_one, 1 of 2 children live"
		if got := fmt.Sprint(main); !strings.HasPrefix(got, text1) {
			t.Errorf("as text: %s", got)
		}
	})
}

// A supervisor that has ended can run again, with the children of New.
func TestRun_Again(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		l.ok(l.s.Add(bg, l.spec("b")))
		l.ok(l.stop())
		l.launch(l.s.Run)
		l.stand("a:ready")
		l.lived("a2 b0")
	})
}

// What stops a child tells it why.
func TestCause(t *testing.T) {
	inBubble(t, func(l *lab) {
		causes := map[string]string{}
		for _, name := range []string{"a", "b", "c"} {
			l.onStop[name] = func(ctx context.Context) { causes[name] = context.Cause(ctx).Error() }
		}
		l.run(l.specs("a b c"), sup.Options{Strategy: sup.RestForOne})
		l.end("b", boom)
		l.ok(l.s.Terminate(bg, "b"))
		l.cancel(errors.New("maintenance"))
		<-l.done
		l.cancel = nil
		want := map[string]string{
			"a": `child "a" stopped: maintenance`,
			"b": `child "b" stopped: supervisor: child stopped by hand`,
			"c": `child "c" stopped: maintenance`,
		}
		for name, text := range want {
			if causes[name] != text {
				t.Errorf("cause of %s is %q, want %q", name, causes[name], text)
			}
		}
	})
}

// A thousand crashes do not make a thousand reports, and none is lost.
//
// Guarantee 5.
func TestFloodIsBounded(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		for range 1000 {
			l.end("a", boom)
		}
		l.ok(l.stop())
		if sum, n := stands(l.failures, nil), len(l.failures); sum != 1000 || n > 15 {
			t.Errorf("%d reports stand for %d failures", n, sum)
		}
	})
}

func TestPool_NilFunctions(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for _, err := range []error{
			p.Add(bg, "a", nil), p.AddStart(bg, "a", nil), p.TryAdd(bg, "a", nil),
		} {
			var bad *sup.SpecError
			if !errors.As(err, &bad) || bad.Child != "a" {
				t.Errorf("error is %v, want one that names the child", err)
			}
		}
		_, err := sup.NewPool(sup.Spec{Grace: -7}, sup.Options{})
		var bad *sup.SpecError
		if !errors.As(err, &bad) || bad.Field != "Grace" {
			t.Errorf("NewPool() = %v", err)
		}
		if _, err := sup.NewPool(sup.Spec{}, sup.Options{Total: -7}); !errors.As(err, &bad) {
			t.Errorf("NewPool() = %v", err)
		}
	})
}

// A temporary child that its classifier would park is forgotten: what it would be
// restarted with is gone.
func TestClassify_ParksTemporary(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a", restart(sup.Temporary), classify(sup.Park)), sup.Options{})
		l.end("a", func() error { return errFinished })
		l.count(0, 0, 0, 0)
	})
}

func TestPool_Limit(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{Limit: 2})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.ok(p.AddStart(bg, "b", l.start("b")))
		var order []string
		for _, name := range []string{"c", "d", "e"} {
			go func() {
				l.ok(p.AddStart(bg, name, l.start(name)))
				order = append(order, name)
			}()
			synctest.Wait() // one after the other
		}
		gone, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		l.is(p.AddStart(gone, "x", l.start("x")), context.DeadlineExceeded)
		l.lived("c0 d0 e0")
		l.end("a", ok)
		l.lived("c1 d0 e0")
		l.end("b", boom)
		l.lived("d1 e0")
		l.ok(p.Remove(bg, "c"))
		l.lived("e1")
		if got := strings.Join(order, " "); got != "c d e" {
			t.Errorf("places were given to %s", got)
		}
		refused := make(chan error, 1)
		go func() { refused <- p.AddStart(bg, "f", l.start("f")) }()
		synctest.Wait()
		l.ok(l.stop())
		l.is(<-refused, sup.ErrNotRunning) // who waits is told
	})
}

// A pool's child that exceeds its budget is parked; normal ends do not count.
func TestPool_ParksAndDoesNotCountNormalEnds(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{
			Restart: sup.Permanent, Backoff: sup.Backoff{Off: true}, Budget: budget(2, hour),
		}, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		for range 10 {
			l.end("a", ok)
		}
		l.lived("a11")
		if n := l.told(); n != 0 {
			t.Errorf("%d reports of normal ends", n)
		}
		for range 3 {
			l.end("a", boom)
		}
		if c := p.Children()[0]; c.State != "parked" {
			t.Errorf("child is %+v", c)
		}
		l.running()
		l.ok(p.Restart(bg, "a"))
		l.lived("a14")
	})
}

// Escalation is an error, through any number of supervisors, and each applies
// its own rule to it.
//
// Guarantee 4.
func TestEscalation_Nested(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(l.specs("a", burst(1, hour)), sup.Options{})
		l.ok(err)
		spec := inner.ChildSpec("inner")
		spec.Restart = sup.Transient // does not take it for a clean end, as OTP does
		spec.Backoff.Off = true
		spec.Budget = budget(1, hour)
		l.run([]sup.Spec{l.spec("b"), spec}, sup.Options{})
		for range 2 {
			l.end("a", boom)
		}
		l.lived("a3 b1") // a new inner supervisor, with a new budget
		for range 2 {
			l.end("a", boom)
		}
		err = l.ended()
		outer := l.intensity(err, "inner")
		_ = l.intensity(outer.Err, "a")
		l.is(err, errBoom)
	})
}

// Printed field by field, a supervisor would be read while it works.
func TestString_NamesSupervisorAndPool(t *testing.T) {
	s, err := sup.New(nil, sup.Options{Name: "db"})
	p, err2 := sup.NewPool(sup.Spec{}, sup.Options{})
	many, err3 := sup.NewPartitioned[string](2, sup.Spec{}, sup.Options{Name: "sessions"})
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(s, "; ", p, "; ", many),
		`supervisor "db"; pool; supervisor "sessions"`; got != want {
		t.Errorf("they print as %s, want %s", got, want)
	}
}
