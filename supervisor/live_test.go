package supervisor_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// Changes while it runs, and everything at once.

func TestReconfigure(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b c"), sup.Options{Budget: budget(1, hour)})
		l.end("a", boom)
		l.lived("a2 b1 c1")
		l.ok(l.s.Reconfigure(sup.Options{Strategy: sup.OneForAll, Budget: budget(2, hour)}))
		l.lived("a2 b1 c1")
		l.end("b", boom) // the budget begins to count anew
		l.lived("a3 b2 c2")
		l.end("b", boom)
		l.lived("a4 b3 c3")
		l.end("b", boom)
		_ = l.intensity(l.ended(), "b")
		l.launch(l.s.Run) // and holds for the next run
		l.end("c", boom)
		l.lived("a6 b5 c5")
	})
}

func TestReconfigure_Refuses(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run([]sup.Spec{{Name: "a", Run: untilDone}}, sup.Options{})
		l.ok(l.s.Add(bg, sup.Spec{Name: "t", Run: untilDone, Restart: sup.Temporary}))
		var bad *sup.SpecError
		err := l.s.Reconfigure(sup.Options{Limit: -1})
		if !errors.As(err, &bad) || bad.Field != "Options.Limit" {
			t.Errorf("Reconfigure() = %v", err)
		}
		// Does not go with the backoff of a child.
		err = l.s.Reconfigure(sup.Options{Budget: budget(5, 30*time.Second)})
		if !errors.As(err, &bad) || bad.Child != "a" || bad.Field != "Backoff" {
			t.Errorf("Reconfigure() = %v", err)
		}
		l.ok(l.s.Reconfigure(sup.Options{Total: time.Second}))
	})
}

// A new function is for the next incarnation.
func TestReplace(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b", restart(sup.Temporary)), sup.Options{})
		var ran atomic.Int32
		replacement := l.spec("a", restart(sup.Transient), burst(3, hour))
		replacement.Start = nil
		replacement.Run = func(ctx context.Context) error {
			ran.Add(1)
			return untilDone(ctx)
		}
		l.ok(l.s.Replace(replacement))
		l.lived("a1 b1")
		if c, _ := l.s.Child("a"); c.Restart != "transient" || c.BurstLeft != 3 {
			t.Errorf("child is %+v", c)
		}
		l.end("a", boom)
		if ran.Load() != 1 {
			t.Error("the new function does not run")
		}
		var bad *sup.SpecError
		if err := l.s.Replace(sup.Spec{Name: "b"}); !errors.As(err, &bad) {
			t.Errorf("Replace() = %v", err)
		}
		l.ok(l.stop())
		l.ok(l.s.Replace(l.spec("b"))) // for the next run
		l.launch(l.s.Run)
		l.end("b", boom)
		l.stand("a:ready b:ready")
	})
}

// Before and after a run the children are those of New.
func TestChildren_Idle(t *testing.T) {
	s, err := sup.New([]sup.Spec{{Name: "a", Run: untilDone}}, sup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Child("a")
	if err != nil || c.State != "queued" || c.SustainedLeft != 20 || c.Incarnation != 0 {
		t.Errorf("Child() = %+v, %v", c, err)
	}
}

func TestNew_Limit(t *testing.T) {
	run := untilDone
	specs := []sup.Spec{{Name: "a", Run: run}, {Name: "b", Run: run}}
	var bad *sup.SpecError
	if _, err := sup.New(specs, sup.Options{Limit: 1}); !errors.As(err, &bad) {
		t.Errorf("New() = %v", err)
	}
	inBubble(t, func(l *lab) {
		l.run(specs, sup.Options{Limit: 2})
		l.is(l.s.Add(bg, sup.Spec{Name: "c", Run: run}), scope.ErrLimit)
	})
}

// What goes wrong in ready, which is the caller's, ends the supervisor in order.
func TestStart_ReadyPanics(t *testing.T) {
	inBubble(t, func(l *lab) {
		s, err := sup.New(l.specs("a b"), sup.Options{})
		l.ok(err)
		defer func() {
			if v := recover(); v != "not ready" {
				t.Errorf("recovered %v", v)
			}
			l.sequence("+a +b -b -a")
		}()
		_ = s.Start(bg, func() { panic("not ready") })
	})
	inBubble(t, func(l *lab) {
		s, err := sup.New(nil, sup.Options{})
		l.ok(err)
		defer func() {
			if v, _ := recover().(string); !strings.Contains(v, "use Run") {
				t.Errorf("recovered %q", v)
			}
		}()
		_ = s.Start(bg, nil)
	})
}

// A handler that panics, or never returns in time, is not the supervisor's end.
func TestHandler_Panics(t *testing.T) {
	inBubble(t, func(l *lab) {
		s, err := sup.New(l.specs("a b"), sup.Options{
			OnFailure: func(_ context.Context, f *scope.Failure) {
				if f.Task.Path == "lab/a/run" {
					panic("bad handler, on purpose")
				}
				time.Sleep(time.Hour)
			},
		})
		l.ok(err)
		l.s = s
		l.launch(s.Run)
		l.end("a", boom)
		l.lived("a2 b1")
		l.end("b", boom)
		l.end("a", ok)
		l.lived("a3 b0") // b's handler holds up b, and nobody else
		l.stand("a:ready b:backoff")
		time.Sleep(time.Hour)
		l.lived("a3 b2")
	})
}

func TestPartitioned_IsAChild(t *testing.T) {
	inBubble(t, func(l *lab) {
		p, err := sup.NewPartitioned[string](2, sup.Spec{}, sup.Options{Limit: 1})
		l.ok(err)
		l.run([]sup.Spec{p.ChildSpec("partitions")}, sup.Options{})
		pool, err := p.Pool("key")
		l.ok(err)
		l.ok(pool.TryAdd(bg, "", untilDone))
		l.is(pool.TryAdd(bg, "", untilDone), scope.ErrLimit)
		l.count(1, 1, 1, 0)
	})
	var bad *sup.SpecError
	if _, err := sup.NewPartitioned[int](0, sup.Spec{}, sup.Options{}); !errors.As(err, &bad) {
		t.Errorf("NewPartitioned(0) = %v", err)
	}
	_, err := sup.NewPartitioned[int](1, sup.Spec{Name: "a"}, sup.Options{})
	if !errors.As(err, &bad) {
		t.Errorf("NewPartitioned with a name = %v", err)
	}
}

// Everything at once, on real goroutines: children that crash, calls of all
// kinds, and the end. Nothing is left, no child was ever there twice, and every
// call has returned.
//
// Guarantees 1 and 7.
func TestStress(t *testing.T) {
	for _, strategy := range strategies {
		t.Run(strategy.String(), func(t *testing.T) {
			for range 20 {
				stress(t, strategy)
			}
		})
	}
}

func stress(t *testing.T, strategy sup.Strategy) {
	t.Helper()
	r := &riot{t: t}
	s, err := sup.New(nil, sup.Options{Strategy: strategy, OnFailure: scope.Ignore})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(bg)
	var all sync.WaitGroup
	all.Go(func() {
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run() = %v", err)
		}
	})
	for range 4 {
		all.Go(func() {
			for range 200 {
				disturb(s, r.spec(rand.IntN(rioters)))
			}
			cancel()
		})
	}
	all.Wait()
	cancel()
	for i := range rioters {
		if n := r.live[i].Load(); n != 0 {
			t.Errorf("%d of child %d are left", n, i)
		}
	}
}

const rioters = 6

// A riot is children that do as they please.
type riot struct {
	t    *testing.T
	live [rioters]atomic.Int32
}

func (r *riot) spec(i int) sup.Spec {
	return sup.Spec{
		Name:    string(rune('a' + i)),
		Restart: sup.Permanent + sup.RestartType(i)%3,
		Backoff: sup.Backoff{Base: 10 * time.Microsecond, Cap: time.Millisecond},
		Budget:  sup.Budget{Unlimited: true},
		Start: func(ctx context.Context, ready func()) error {
			if n := r.live[i].Add(1); n != 1 {
				r.t.Errorf("child %d is there %d times", i, n)
			}
			defer r.live[i].Add(-1)
			if rand.IntN(4) == 0 {
				return errBoom
			}
			ready()
			select {
			case <-time.After(time.Duration(rand.IntN(200)) * time.Microsecond):
				return []error{errBoom, nil}[rand.IntN(2)]
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	}
}

// disturb makes a call of some kind about a child. What it answers depends on
// who else does what.
func disturb(s *sup.Supervisor, c sup.Spec) {
	ctx, cancel := context.WithTimeout(bg, time.Duration(rand.IntN(500))*time.Microsecond)
	defer cancel()
	switch rand.IntN(7) {
	case 0, 1:
		_ = s.Add(ctx, c)
	case 2:
		_ = s.Remove(ctx, c.Name)
	case 3:
		_ = s.Terminate(ctx, c.Name)
	case 4:
		_ = s.Restart(ctx, c.Name)
	case 5:
		_ = s.Replace(c)
	default:
		_ = s.Children()
		_ = s.Info()
	}
}

// A restart that was refused because the child is parked instead takes nothing from
// the budget of the others.
func TestPark_TakesNothingFromTheOthers(t *testing.T) {
	inBubble(t, func(l *lab) {
		o := sup.Options{Budget: budget(2, 10*time.Second), OnExceed: sup.Park}
		l.run(l.specs("a b c d"), o)
		for name := range strings.FieldsSeq("a b c") {
			l.end(name, boom)
			time.Sleep(time.Second)
		}
		l.stand("a:ready b:ready c:parked d:ready")
		if got := l.s.Info(); got.InBurst != 2 || got.Restarts != 2 {
			t.Errorf("%d restarts, %d of them in the window, want 2 and 2",
				got.Restarts, got.InBurst)
		}
		time.Sleep(7*time.Second + 1) // in the last 10 s there was b's restart alone
		l.end("d", boom)
		l.stand("a:ready b:ready c:parked d:ready")
	})
}
