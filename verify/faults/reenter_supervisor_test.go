package faults_test

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// childVerbs are the methods of Supervisor, for the very child whose callback
// calls them.
func childVerbs() map[string]func(ctx context.Context, s *supervisor.Supervisor) {
	return map[string]func(ctx context.Context, s *supervisor.Supervisor){
		"Add": func(ctx context.Context, s *supervisor.Supervisor) {
			_ = s.Add(ctx, supervisor.Spec{Name: "added", Run: obeying})
		},
		"Child":     func(_ context.Context, s *supervisor.Supervisor) { _, _ = s.Child(faulty) },
		"ChildSpec": func(_ context.Context, s *supervisor.Supervisor) { s.ChildSpec("x") },
		"Children":  func(_ context.Context, s *supervisor.Supervisor) { s.Children() },
		"Info":      func(_ context.Context, s *supervisor.Supervisor) { s.Info() },
		"String":    func(_ context.Context, s *supervisor.Supervisor) { _ = s.String() },
		"Reconfigure": func(_ context.Context, s *supervisor.Supervisor) {
			_ = s.Reconfigure(supervisor.Options{Strategy: supervisor.OneForAll})
		},
		"Remove": func(ctx context.Context, s *supervisor.Supervisor) { _ = s.Remove(ctx, faulty) },
		"Replace": func(_ context.Context, s *supervisor.Supervisor) {
			_ = s.Replace(supervisor.Spec{Name: faulty, Run: obeying})
		},
		"Restart": func(ctx context.Context, s *supervisor.Supervisor) {
			_ = s.Restart(ctx, faulty)
		},
		"Run": func(ctx context.Context, s *supervisor.Supervisor) { _ = s.Run(ctx) },
		"Start": func(ctx context.Context, s *supervisor.Supervisor) {
			_ = s.Start(ctx, func() {})
		},
		"Terminate": func(ctx context.Context, s *supervisor.Supervisor) {
			_ = s.Terminate(ctx, faulty)
		},
	}
}

// The list of verbs has each method.
func TestSupervisorReentry_AllMethodsAreCalled(t *testing.T) {
	known := childVerbs()
	for m := range reflect.TypeFor[*supervisor.Supervisor]().Methods() {
		if known[m.Name] == nil {
			t.Errorf("Supervisor.%s is in no test", m.Name)
		}
	}
}

// childHooks have act called from a callback of a child.
func childHooks() map[string]func(spec *supervisor.Spec, act func(ctx context.Context)) {
	return map[string]func(spec *supervisor.Spec, act func(ctx context.Context)){
		"Run": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Run = func(ctx context.Context) error {
				act(ctx)
				return obeying(ctx)
			}
		},
		"Run, asked to end": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Run = func(ctx context.Context) error {
				<-ctx.Done()
				act(context.WithoutCancel(ctx))
				return ctx.Err()
			}
		},
		"Start, before ready": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Start = func(ctx context.Context, ready func()) error {
				act(ctx)
				ready()
				return obeying(ctx)
			}
		},
		"Classify": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Run = first(failing)
			spec.Classify = func(error) supervisor.Action {
				act(context.Background())
				return supervisor.ByType
			}
		},
		"Describe": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Run = func(ctx context.Context) error {
				scope.Describe(ctx, func() any {
					act(ctx)
					return nil
				})
				scope.TaskFrom(ctx).Info()
				return obeying(ctx)
			}
		},
		"Error of its error": func(spec *supervisor.Spec, act func(ctx context.Context)) {
			spec.Run = first(func(context.Context) error {
				return badError{"Error", func() { act(context.Background()) }}
			})
		},
		"OnFailure": func(spec *supervisor.Spec, _ func(ctx context.Context)) {
			spec.Run = first(failing)
		},
	}
}

// Every method of a supervisor may be called from inside of every callback of its
// child, for that child: nothing deadlocks, and the supervisor ends.
func TestSupervisorReentry_DoesNotDeadlock(t *testing.T) {
	for where, set := range childHooks() {
		for name, verb := range childVerbs() {
			t.Run(where+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					reenterSupervisor(t, set, verb, where == "OnFailure")
				})
			})
		}
	}
}

func reenterSupervisor(
	t *testing.T,
	set func(spec *supervisor.Spec, act func(ctx context.Context)),
	verb func(ctx context.Context, s *supervisor.Supervisor),
	inHandler bool,
) {
	var begun, over atomic.Bool
	var s *supervisor.Supervisor
	act := func(ctx context.Context) {
		if begun.Swap(true) {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		verb(ctx, s)
		over.Store(true)
	}
	spec := supervisor.Spec{Name: faulty, Grace: supervisor.Infinity}
	set(&spec, act)
	s, err := supervisor.New([]supervisor.Spec{{Name: "witness", Run: obeying}, spec},
		supervisor.Options{OnFailure: func(ctx context.Context, _ *scope.Failure) {
			if inHandler {
				act(ctx)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	time.Sleep(2 * patience)
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Errorf("Run() = %v, want context.Canceled", err)
	}
	if !begun.Load() || !over.Load() {
		t.Errorf("the callback was called: %v, and has returned: %v", begun.Load(), over.Load())
	}
}
