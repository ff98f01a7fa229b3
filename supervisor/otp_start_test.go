package supervisor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// The tests named TestOTP_x carry case x of OTP's supervisor_SUITE; CASES.md
// says what each proves. This file has those about starting.

func TestOTP_sup_start_normal(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(nil, sup.Options{})
		l.running()
		l.count(0, 0, 0, 0)
		l.is(l.s.Run(context.Background()), sup.ErrRunning)
		l.ok(l.stop())
	})
}

func TestOTP_sup_start_ignore_init(t *testing.T) {
	inBubble(t, func(l *lab) {
		// What builds a supervisor may decline.
		build := func(context.Context, func()) error { return sup.ErrIgnore }
		l.run([]sup.Spec{{Name: "tree", Start: build}, l.spec("a")}, sup.Options{})
		l.stand("tree:stopped a:ready")
		l.ok(l.stop())
		if n := l.told(); n != 0 {
			t.Errorf("declining was told as %d failures", n)
		}
	})
}

// ignore has the child decline.
func ignore(context.Context, int) error { return sup.ErrIgnore }

func TestOTP_sup_start_ignore_child(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["b"] = ignore
		l.run(l.specs("a"), sup.Options{})
		l.is(l.s.Add(bg, l.spec("b")), sup.ErrIgnore)
		l.stand("a:ready b:stopped")
		l.count(2, 1, 0, 2)
	})
}

func TestOTP_sup_start_ignore_temporary_child(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = ignore
		l.run([]sup.Spec{l.spec("a", restart(sup.Temporary)), l.spec("b")}, sup.Options{})
		l.stand("b:ready")
		l.count(1, 1, 0, 1)
	})
}

func TestOTP_sup_start_ignore_temporary_child_start_child(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = ignore
		l.run(nil, sup.Options{})
		l.is(l.s.Add(bg, l.spec("a", restart(sup.Temporary))), sup.ErrIgnore)
		l.count(0, 0, 0, 0)
		delete(l.onStart, "a")
		l.ok(l.s.Add(bg, l.spec("a", restart(sup.Temporary))))
		l.count(1, 1, 0, 1)
	})
}

func TestOTP_sup_start_ignore_temporary_child_start_child_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = ignore
		p := l.pool(sup.Spec{}, sup.Options{})
		l.is(p.AddStart(bg, "a", l.start("a")), sup.ErrIgnore)
		if n := p.Info().Specs; n != 0 {
			t.Errorf("%d children left, want none", n)
		}
	})
}

func TestOTP_sup_start_ignore_permanent_child_start_child_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = ignore
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{})
		l.is(p.AddStart(bg, "a", l.start("a")), sup.ErrIgnore)
		if c := p.Children(); len(c) != 1 || c[0].State != "stopped" {
			t.Errorf("children are %v, want one that is stopped", c)
		}
		l.ok(l.stop())
	})
}

func TestOTP_sup_start_error_return(t *testing.T) {
	inBubble(t, func(l *lab) {
		_, err := sup.New([]sup.Spec{l.spec("a"), l.spec("b", grace(-3))}, sup.Options{})
		var e *sup.SpecError
		if !errors.As(err, &e) || e.Child != "b" || e.Field != "Grace" {
			t.Errorf("New() = %v, want an error about the Grace of b", err)
		}
		l.sequence("")
	})
}

func TestOTP_sup_start_fail(t *testing.T) {
	for kind, how := range failures {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				l.onStart["c"] = func(context.Context, int) error { return how() }
				l.run(l.specs("a b c d"), sup.Options{})
				err := l.ended()
				var e *sup.ChildError
				if !errors.As(err, &e) || e.Child != "c" || !e.Start {
					t.Errorf("Run() = %v, want the failed start of c", err)
				}
				l.sequence("+a +b +c -c -b -a") // no half-started supervisor
				if n := l.told(); n != 0 {
					t.Errorf("the handler got %d failures, too", n)
				}
			})
		})
	}
}

func TestOTP_sup_start_child_returns_error(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["b"] = func(context.Context, int) error { return errBoom }
		l.run(l.specs("a"), sup.Options{})
		l.is(l.s.Add(bg, l.spec("b")), errBoom)
		l.stand("a:ready")
		if n := l.told(); n != 0 {
			t.Errorf("the handler got %d failures, too", n)
		}
	})
}

func TestOTP_sup_start_child_returns_error_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["b"] = func(context.Context, int) error { return errBoom }
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{})
		l.is(p.AddStart(bg, "b", l.start("b")), errBoom)
		if n := p.Info().Specs; n != 0 {
			t.Errorf("%d children left, want none", n)
		}
	})
}

func TestOTP_sup_start_restart_child_returns_error(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a"), sup.Options{})
		l.ok(l.s.Terminate(bg, "a"))
		l.onStart["a"] = func(context.Context, int) error { return errBoom }
		l.is(l.s.Restart(bg, "a"), errBoom)
		l.stand("a:stopped")
		delete(l.onStart, "a")
		l.ok(l.s.Restart(bg, "a"))
		l.stand("a:ready")
	})
}

// The defaults are seen by what they do, and in the child's description.
func TestOTP_sup_start_map(t *testing.T) {
	inBubble(t, func(l *lab) {
		stubborn := make(chan struct{})
		l.onStop["a"] = func(context.Context) { <-stubborn }
		l.run([]sup.Spec{{Name: "a", Start: l.start("a")}}, sup.Options{})
		c := l.s.Children()[0]
		want := sup.ChildInfo{
			Name: "a", Kind: "worker", State: "ready", Restart: "permanent",
			Incarnation: 1, BurstLeft: 5, SustainedLeft: 20, ReadySince: time.Now(),
		}
		if c != want {
			t.Errorf("child is %+v, want %+v", c, want)
		}
		if i := l.s.Info(); i.Strategy != "one_for_one" || i.AutoShutdown != "never" {
			t.Errorf("supervisor is %v", i)
		}
		begun := time.Now()
		l.cancel(nil)
		for range 60 {
			if time.Sleep(time.Second); l.told() > 0 { // the default grace is over
				break
			}
		}
		if d := time.Since(begun).Round(time.Second); d != 10*time.Second {
			t.Errorf("the default grace is %v, want 10s", d)
		}
		close(stubborn)
		_ = l.stuckError(l.stop())
	})
}

func TestOTP_sup_start_map_simple(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		if c := p.Children()[0]; c.Restart != "temporary" || c.State != "ready" {
			t.Errorf("child is %+v, want a temporary one", c)
		}
		if i := p.Info(); i.Kind != "pool" || i.Specs != 1 || i.BurstLeft != -1 {
			t.Errorf("pool is %+v", i)
		}
	})
}

func TestOTP_sup_start_map_faulty_specs(t *testing.T) {
	run := func(context.Context) error { return nil }
	for _, tc := range []struct {
		spec  sup.Spec
		field string
	}{
		{spec: sup.Spec{Run: run}, field: "Name"},
		{spec: sup.Spec{Name: "a"}, field: "Run"},
	} {
		_, err := sup.New([]sup.Spec{tc.spec}, sup.Options{})
		var e *sup.SpecError
		if !errors.As(err, &e) || e.Field != tc.field || e.Child == "" {
			t.Errorf("New(%+v) = %v, want one that names the child and %s", tc.spec, err, tc.field)
		}
	}
}

// What a child tells of itself when it starts is there for all to see, and is
// told anew by each incarnation.
func TestOTP_extra_return(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStart["a"] = func(ctx context.Context, n int) error {
			scope.Describe(ctx, func() any { return n * 100 })
			return nil
		}
		l.run(l.specs("a"), sup.Options{})
		detail := func() any { return l.s.Children()[0].Detail }
		if got := detail(); got != 100 {
			t.Errorf("detail is %v, want 100", got)
		}
		l.end("a", boom)
		if got := detail(); got != 200 {
			t.Errorf("detail after an automatic restart is %v, want 200", got)
		}
		l.ok(l.s.Terminate(bg, "a"))
		if got := detail(); got != nil {
			t.Errorf("detail of a stopped child is %v, want nil", got)
		}
		l.ok(l.s.Restart(bg, "a"))
		if got := detail(); got != 300 {
			t.Errorf("detail after a restart by hand is %v, want 300", got)
		}
	})
}

func TestOTP_tree(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner := func(names string) *sup.Supervisor {
			s, err := sup.New(l.specs(names), sup.Options{})
			l.ok(err)
			return s
		}
		left, right := inner("ca cb"), inner("cc cd")
		l.run([]sup.Spec{
			left.ChildSpec("left"), l.spec("m"), right.ChildSpec("right"),
		}, sup.Options{})
		l.sequence("+ca +cb +m +cc +cd") // left is ready when its children are
		l.count(3, 3, 2, 1)
		l.ok(left.Add(bg, l.spec("ce")))
		l.end("ca", boom) // stays inside
		l.lived("ca2 cb1 cc1 cd1 ce1 m1")
		l.ok(l.s.Remove(bg, "right"))
		l.events()
		l.ok(l.stop())
		l.sequence("-m -ce -cb -ca")
		synctest.Wait()
	})
}

func TestOTP_faulty_application_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		panicky := func(context.Context) error { panic("faulty") }
		inner, err := sup.New([]sup.Spec{{
			Name:  "worker",
			Start: func(ctx context.Context, _ func()) error { return panicky(ctx) },
		}}, sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{l.spec("a"), inner.ChildSpec("app")}, sup.Options{})
		err = l.ended()
		var child *sup.ChildError
		if !errors.As(err, &child) || child.Child != "app" {
			t.Errorf("Run() = %v, want an error of child app", err)
		}
		var p *scope.PanicError
		if !errors.As(err, &p) || p.Value != "faulty" ||
			!strings.Contains(p.Stack(), "faulty_application_shutdown") {
			t.Errorf("Run() = %v, want the panic with its stack", err)
		}
		l.sequence("+a -a")
	})
}
