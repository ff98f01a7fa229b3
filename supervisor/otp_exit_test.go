package supervisor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// The nine combinations of restart type and end, and the bystanders.

// cleanEnds are the two clean ends beside a plain return of nil: a child that
// cancels its own scope, with nothing to complain of, and returns what its
// context says; and an error that its classifier takes for an end.
var errFinished = errors.New("finished")

func cancelsItself(ctx context.Context) error {
	scope.From(ctx).Cancel(nil)
	return ctx.Err()
}

func (l *lab) exits(r sup.RestartType, how ending) {
	l.run([]sup.Spec{l.spec("a", restart(r)), l.spec("b")}, sup.Options{})
	l.end("a", how)
}

func TestOTP_permanent_normal(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.exits(sup.Permanent, ok)
		l.lived("a2 b1")
		l.count(2, 2, 0, 2)
		if n := l.told(); n != 1 { // it was not meant to end
			t.Errorf("%d reports, want 1", n)
		}
	})
}

func TestOTP_transient_normal(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.exits(sup.Transient, ok)
		l.lived("a0 b1")
		l.stand("a:stopped b:ready")
		l.count(2, 1, 0, 2)
		if n := l.told(); n != 0 {
			t.Errorf("%d reports, want none", n)
		}
	})
}

func TestOTP_temporary_normal(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.exits(sup.Temporary, ok)
		l.stand("b:ready")
		l.count(1, 1, 0, 1)
	})
}

// shuts runs a child that ends itself cleanly without returning nil.
func (l *lab) shuts(r sup.RestartType) {
	first := true
	l.run([]sup.Spec{l.spec("a", restart(r), func(s *sup.Spec) {
		s.Start = nil
		s.Run = func(ctx context.Context) error {
			l.enter("a")
			defer l.leave("a")
			if first {
				first = false
				return cancelsItself(ctx)
			}
			<-ctx.Done()
			return nil
		}
	})}, sup.Options{})
}

func TestOTP_permanent_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.shuts(sup.Permanent)
		l.lived("a2")
	})
	inBubble(t, func(l *lab) { // the second form: an error that says so
		l.run(l.specs("a", classify(sup.ByType)), sup.Options{})
		l.end("a", func() error { return errFinished })
		l.lived("a2")
	})
}

func classify(a sup.Action) func(*sup.Spec) {
	return func(s *sup.Spec) {
		s.Classify = func(err error) sup.Action {
			if errors.Is(err, errFinished) {
				return a
			}
			return sup.ByType
		}
	}
}

func TestOTP_transient_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.shuts(sup.Transient)
		l.stand("a:stopped")
		if n := l.told(); n != 0 {
			t.Errorf("%d reports, want none", n)
		}
	})
	inBubble(t, func(l *lab) {
		l.run(l.specs("a", restart(sup.Transient), classify(sup.Stop)), sup.Options{})
		l.end("a", func() error { return errFinished })
		l.stand("a:stopped")
	})
}

func TestOTP_temporary_shutdown(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.shuts(sup.Temporary)
		l.count(0, 0, 0, 0)
	})
	inBubble(t, func(l *lab) {
		l.run(l.specs("a", restart(sup.Temporary), classify(sup.Stop)), sup.Options{})
		l.end("a", func() error { return errFinished })
		l.count(0, 0, 0, 0)
	})
}

// abnormal runs f for each of the three failures.
func abnormal(t *testing.T, f func(t *testing.T, l *lab, how ending)) {
	t.Helper()
	for kind, how := range failures {
		t.Run(kind, func(t *testing.T) {
			inBubble(t, func(l *lab) {
				f(t, l, how)
				if n := l.told(); n != 1 {
					t.Errorf("%d reports, want 1", n)
				}
				l.running()
			})
		})
	}
}

func TestOTP_permanent_abnormal(t *testing.T) {
	abnormal(t, func(_ *testing.T, l *lab, how ending) {
		l.exits(sup.Permanent, how)
		l.lived("a2 b1")
	})
}

func TestOTP_transient_abnormal(t *testing.T) {
	abnormal(t, func(_ *testing.T, l *lab, how ending) {
		l.exits(sup.Transient, how)
		l.lived("a2 b1")
	})
}

func TestOTP_temporary_abnormal(t *testing.T) {
	abnormal(t, func(_ *testing.T, l *lab, how ending) {
		l.exits(sup.Temporary, how)
		l.stand("b:ready")
	})
}

// A temporary child that a group restart stops is not restarted, and costs no
// budget.
func TestOTP_temporary_bystander(t *testing.T) {
	for _, strategy := range []sup.Strategy{sup.OneForAll, sup.RestForOne} {
		t.Run(strategy.String(), func(t *testing.T) {
			inBubble(t, func(l *lab) {
				specs := []sup.Spec{
					l.spec("a"), l.spec("b", restart(sup.Temporary)), l.spec("c"),
				}
				l.run(specs, sup.Options{Strategy: strategy, Budget: budget(1, hour)})
				l.end("a", boom)
				l.lived("a2 b0 c2")
				l.stand("a:ready c:ready")
				if i := l.s.Info(); i.Restarts != 1 || i.BurstLeft != 0 {
					t.Errorf("the restart of the group counts as %d", i.Restarts)
				}
				l.running()
			})
		})
	}
}

// A supervisor that is killed from outside takes its children along, and is
// built anew with new ones; so is a worker.
func TestOTP_simple_global_supervisor(t *testing.T) {
	inBubble(t, func(l *lab) {
		inner, err := sup.New(l.specs("a b"), sup.Options{})
		l.ok(err)
		spec := inner.ChildSpec("inner")
		spec.Backoff.Off, spec.Budget.Unlimited = true, true
		l.run([]sup.Spec{spec, l.spec("c")}, sup.Options{})
		l.end("a", boom)
		l.lived("a2 b1 c1")
		l.handle("lab/inner/run").Cancel(errors.New("killed"))
		l.lived("a3 b2 c1")
		sup.Break(inner, "a") // what must never happen: the machine itself panics
		l.end("a", boom)
		l.running()
		l.lived("a4 b3 c1")
		l.ok(l.stop())
	})
}
