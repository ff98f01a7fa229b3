package faults_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// A badDetail is one with a fault in its methods.
type badDetail struct {
	method string
	strike func()
}

func (d badDetail) MarshalJSON() ([]byte, error) {
	if d.method == "MarshalJSON" {
		d.strike()
	}
	return []byte("{}"), nil
}

func (d badDetail) String() string {
	if d.method == "String" {
		d.strike()
	}
	return "bad"
}

// A fault in what a task tells of itself concerns who looks: the task has not
// noticed, and the next one who looks sees the tree.
func TestInspect_CallbacksAreContained(t *testing.T) {
	describe := func(detail func(sc *scene) any) func(sc *scene, ctx context.Context) {
		return func(sc *scene, ctx context.Context) {
			scope.Describe(ctx, func() any { return detail(sc) })
		}
	}
	for name, set := range map[string]func(sc *scene, ctx context.Context){
		"Describe": describe(func(sc *scene) any { sc.strike(); return nil }),
		"MarshalJSON of a detail": describe(func(sc *scene) any {
			return badDetail{"MarshalJSON", sc.strike}
		}),
		"String of a detail": describe(func(sc *scene) any {
			return badDetail{"String", sc.strike}
		}),
		"Error of a detail": describe(func(sc *scene) any {
			return badError{"Error", sc.strike}
		}),
		"Error of a cause": func(sc *scene, ctx context.Context) {
			scope.TaskFrom(ctx).Cancel(badError{"Error", sc.strike})
		},
	} {
		for _, fault := range []fault{panics, exits, blocks} {
			t.Run(name+"/"+string(fault), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { lookAt(t, set, fault) })
			})
		}
	}
}

func lookAt(t *testing.T, set func(sc *scene, ctx context.Context), fault fault) {
	sc := &scene{t: t, fault: fault, release: make(chan struct{}), leave: make(chan struct{})}
	s := scope.OpenSupervised(t.Context(), scope.Name("app"))
	task := s.Go(faulty, func(ctx context.Context) error {
		set(sc, ctx)
		<-sc.leave
		return nil
	})
	synctest.Wait()
	looks := func() (snap *inspect.Snapshot) {
		over := make(chan struct{})
		go func() { // which a Goexit ends
			defer close(over)
			snap = inspect.Take(inspect.Options{Stacks: true})
		}()
		synctest.Wait()
		select {
		case <-over:
		default:
			return nil
		}
		return snap
	}
	// A Goexit may end the goroutine that looks, as it is meant to.
	if snap := looks(); fault == panics && snap == nil || fault == blocks && snap != nil {
		t.Errorf("Take() = %v at a %s", snap, fault)
	}
	snap := looks()
	if snap == nil || len(snap.Find("app/"+faulty)) != 1 {
		t.Errorf("the second look saw %v, want the task", snap)
	}
	if task.Err() != scope.ErrRunning {
		t.Errorf("Err() = %v, want ErrRunning", task.Err())
	}
	close(sc.release)
	close(sc.leave)
	if err := s.Shutdown(t.Context()); err != nil || task.Info().State != "ok" {
		t.Errorf("Shutdown() = %v, the task is %s, want nil and ok", err, task.Info().State)
	}
}

// A recorder is an observer: a fault in the text of a failure ends the recording
// at worst, and disturbs no task.
func TestInspect_RecorderIsContained(t *testing.T) {
	for _, fault := range []fault{panics, exits, blocks} {
		t.Run(string(fault), func(t *testing.T) {
			text := stderr(t, func() {
				synctest.Test(t, func(t *testing.T) { record(t, fault) })
			})
			if (text != "") != (fault == exits) {
				t.Errorf("standard error after a %s: %q", fault, text)
			}
		})
	}
}

func record(t *testing.T, fault fault) {
	sc := &scene{t: t, fault: fault, release: make(chan struct{})}
	r := inspect.Record(100)
	s := scope.OpenSupervised(t.Context(), r.Option(), scope.OnFailure(sc.handle))
	task := s.Go(faulty, func(context.Context) error { return badError{"Error", sc.strike} })
	synctest.Wait()
	if n := len(r.History().Events); n < 2 {
		t.Errorf("%d events, want two at least", n)
	}
	close(sc.release)
	<-task.Done()
	s.Go("another", func(context.Context) error { return nil })
	if err := s.Shutdown(t.Context()); err != nil || sc.told.Handler != 1 {
		t.Errorf("Shutdown() = %v, told = %+v", err, sc.told)
	}
	if n := len(r.History().Events); fault != exits && n != 7 {
		t.Errorf("%d events, want 7: %+v", n, r.History().Events)
	}
}
