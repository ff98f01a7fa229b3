//go:build linux || darwin

package faults_test

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

// A fault in a function that a process is run with: the process is stopped and
// waited for, the task fails and is told of once, and a process beside it lives.
// Virtual time does not reach processes, so these wait for events.
func TestProcess_CallbacksAreContained(t *testing.T) {
	for name, set := range map[string]func(sc *scene, spec *process.Spec){
		"Stdout": func(sc *scene, spec *process.Spec) {
			spec.Stdout = process.LineFunc(func([]byte) error { sc.reach(); return nil })
		},
		"Stderr": func(sc *scene, spec *process.Spec) {
			spec.Args[2] = "echo ready >&2; exec sleep 1000"
			spec.Stderr = process.LineFunc(func([]byte) error { sc.reach(); return nil })
		},
		"Started": func(sc *scene, spec *process.Spec) {
			spec.Started = func(int) { sc.reach() }
		},
	} {
		for _, fault := range []fault{panics, exits, blocks} {
			t.Run(name+"/"+string(fault), func(t *testing.T) { runProcess(t, set, fault) })
		}
	}
}

// reach is strike, and says that it has been reached.
func (sc *scene) reach() {
	select {
	case sc.ping <- struct{}{}:
	default:
	}
	sc.strike()
}

func runProcess(t *testing.T, set func(sc *scene, spec *process.Spec), fault fault) {
	sc := &scene{
		t: t, fault: fault, release: make(chan struct{}), ping: make(chan struct{}, 1),
	}
	told := make(chan *scope.Failure, 2)
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(
		func(_ context.Context, f *scope.Failure) { told <- f }))
	pids := make(chan int, 1)
	witness := sh("exec sleep 1000")
	witness.Started = func(pid int) { pids <- pid }
	s.Go("witness", func(ctx context.Context) error { return process.Run(ctx, witness) })
	spec := sh("echo ready; exec sleep 1000")
	set(sc, &spec)
	task := s.Go(faulty, func(ctx context.Context) error { return process.Run(ctx, spec) })
	<-sc.ping
	if fault == blocks {
		task.Cancel(nil)
		if s.Wait(done()) == nil || task.Err() != scope.ErrRunning {
			t.Errorf("the task ends with %v although a callback of it blocks", task.Err())
		}
		close(sc.release)
	}
	<-task.Done()
	want := "cancelled"
	if fault != blocks {
		f := <-told
		exit, ok := errors.AsType[*process.ExitError](f)
		if !ok || syscall.Kill(-exit.PID, 0) != syscall.ESRCH {
			t.Errorf("failure %v, want an ExitError, and its group to be gone", f)
		}
		want = "failed"
	}
	if got := task.Info().State; got != want || len(told) > 0 {
		t.Errorf("the task has %s and was told of %d times more, want %s", got, len(told), want)
	}
	pid := <-pids
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the process beside it: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the process beside it after the end: %v, want it to be gone", err)
	}
}

func sh(script string) process.Spec {
	return process.Spec{Args: []string{"/bin/sh", "-c", script}, Grace: time.Second}
}

// done returns a context that is done.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
