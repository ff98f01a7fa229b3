package faults_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// A childCallback is a function of the program's that a supervisor calls, and
// what its child does so that it is called.
type childCallback struct {
	name string
	// child is the faulty child. Its first incarnation has the fault; the next
	// ones live on.
	child     func(sc *scene, spec *supervisor.Spec)
	inHandler bool // it is the handler that has the fault
	hit, held restarts
}

// restarts are what becomes of the child after a panic or Goexit (hit), or after
// a block has ended (held).
type restarts struct {
	told  int    // failures
	lives uint64 // incarnations
}

// A fault in a function that a supervisor calls: the child is started again, is
// told of as often as it failed, and its siblings and the supervisor's methods do
// not notice.
func TestSupervisor_CallbacksAreContained(t *testing.T) {
	for _, c := range childCallbacks() {
		for _, fault := range []fault{panics, exits, blocks} {
			t.Run(c.name+"/"+string(fault), func(t *testing.T) { c.run(t, fault) })
		}
	}
}

func childCallbacks() []childCallback {
	one, two, none := restarts{1, 2}, restarts{2, 2}, restarts{0, 1}
	all := []childCallback{
		// A block ends by returning nil, which a permanent child must not.
		{name: "Run", hit: one, held: one, child: func(sc *scene, spec *supervisor.Spec) {
			spec.Run = first(sc.strikes)
		}},
		{name: "Start, before ready", hit: restarts{2, 3}, held: one, child: failingStart},
		{name: "a task of the child's", hit: one, held: none,
			child: func(sc *scene, spec *supervisor.Spec) {
				spec.Run = first(func(ctx context.Context) error {
					scope.From(ctx).Go("below", sc.strikes)
					return obeying(ctx)
				})
			}},
		{name: "Classify", hit: two, held: one, child: func(sc *scene, spec *supervisor.Spec) {
			spec.Run = first(failing)
			spec.Classify = func(error) supervisor.Action {
				sc.strike()
				return supervisor.ByType
			}
		}},
		{name: "OnFailure", hit: one, held: one, inHandler: true,
			child: func(_ *scene, spec *supervisor.Spec) { spec.Run = first(failing) }},
		{name: "Describe", hit: none, held: none, child: func(sc *scene, spec *supervisor.Spec) {
			spec.Run = func(ctx context.Context) error {
				scope.Describe(ctx, func() any { sc.strike(); return nil })
				return obeying(ctx)
			}
		}},
	}
	for _, method := range []string{"Error", "Is", "Unwrap"} {
		all = append(all, childCallback{
			name: method + " of its error", hit: one, held: one,
			child: func(sc *scene, spec *supervisor.Spec) {
				spec.Run = first(func(context.Context) error { return badError{method, sc.strike} })
			},
		})
	}
	return all
}

// failingStart is ready once and fails, so that the next start, which has the
// fault, is a matter of the supervisor's and not the program's.
func failingStart(sc *scene, spec *supervisor.Spec) {
	n := 0
	spec.Start = func(ctx context.Context, ready func()) error {
		if n++; n == 2 {
			sc.strike()
		}
		ready()
		if n == 1 {
			return errBoom
		}
		return obeying(ctx)
	}
}

// first returns a child's function that does f in its first incarnation.
func first(f func(context.Context) error) func(context.Context) error {
	again := false
	return func(ctx context.Context) error {
		if again {
			return obeying(ctx)
		}
		again = true
		return f(ctx)
	}
}

func (c childCallback) run(t *testing.T, fault fault) {
	want := c.hit
	if fault == blocks {
		want = c.held
	}
	text := stderr(t, func() {
		synctest.Test(t, func(t *testing.T) {
			sc := &scene{t: t, fault: fault, release: make(chan struct{})}
			c.play(sc, want.lives)
			if sc.told.Handler != want.told {
				t.Errorf("%d failures were told, want %d", sc.told.Handler, want.told)
			}
		})
	})
	if told := strings.Contains(text, "the handler"); told != (c.inHandler && fault != blocks) {
		t.Errorf("standard error:\n%s", text)
	}
}

// play has a supervisor run the faulty child and a witness, and another child
// added meanwhile.
func (c childCallback) play(sc *scene, lives uint64) {
	spec := supervisor.Spec{Name: faulty, StartTimeout: supervisor.Infinity}
	c.child(sc, &spec)
	s, err := supervisor.New([]supervisor.Spec{{Name: "witness", Run: obeying}, spec},
		supervisor.Options{Name: "app", OnFailure: func(_ context.Context, f *scope.Failure) {
			sc.handleChild(f)
			if c.inHandler {
				sc.strike()
			}
		}})
	if err != nil {
		sc.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(sc.t.Context())
	over := make(chan error)
	go func() { over <- s.Run(ctx) }()
	time.Sleep(time.Minute)
	sc.supervises(s)
	close(sc.release)
	time.Sleep(time.Minute)
	want := map[string]uint64{"witness": 1, faulty: lives, "added": 1}
	for _, info := range s.Children() {
		if info.State != "ready" || info.Incarnation != want[info.Name] {
			sc.t.Errorf("%s: %v; want it ready in incarnation %d",
				info.Name, info, want[info.Name])
		}
	}
	cancel()
	if err := <-over; err != context.Canceled {
		sc.t.Errorf("Run() = %v, want context.Canceled", err)
	}
}

// handleChild counts what is told of the faulty child.
func (sc *scene) handleChild(f *scope.Failure) {
	if strings.Contains(f.Task.Path, faulty) {
		sc.mu.Lock()
		defer sc.mu.Unlock()
		sc.told.Handler++
	}
}

// supervises fails if the methods of s do not answer.
func (sc *scene) supervises(s *supervisor.Supervisor) {
	sc.t.Helper()
	// The detail of a child is asked for by who wants to see it; let it be
	// somebody else.
	go s.Children()
	synctest.Wait()
	began := time.Now()
	if info := s.Info(); info.Specs != 2 || info.State != "running" {
		sc.t.Errorf("Info() = %v", info)
	}
	if err := s.Add(sc.t.Context(), supervisor.Spec{Name: "added", Run: obeying}); err != nil {
		sc.t.Errorf("Add() = %v, want nil", err)
	}
	if sc.fault != blocks {
		if n := len(s.Children()); n != 3 {
			sc.t.Errorf("%d children, want 3", n)
		}
	}
	if time.Since(began) > 0 {
		sc.t.Error("the supervisor was held up")
	}
}
