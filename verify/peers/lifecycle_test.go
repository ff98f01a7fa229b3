package peers_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Managers of long-lived programs, and smaller groups: what their users reported,
// and what was found by running them.
func TestLifecycle_defects(t *testing.T) {
	runRows(t, []row{
		{origin: "controller-runtime: #3218, an error when the time is over", run: lateError},
		{origin: "controller-runtime: #350, the end comes after all that runs", run: endIsLast},
		{origin: "grafana: #103520, a stop with a context that is done", run: stopUnwaited},
		{origin: "grafana: #125662, a start that is broken off", run: brokenOffStart},
		{origin: "fx: #930, who stops twice", run: stopTwice},
		{origin: "coda: probe, a function that returns before it is ready", run: neverReady},
		{origin: "jsocol-nursery: probe, a child that starts a child", run: lateChild},
		{origin: "oversight: probe, a look while a child refuses to stop", run: lookAtTheDeaf},
	})
	runRowsLive(t, []row{{origin: "alecthomas: probe, twenty thousand panics", run: panicsAll}})
}

// Nobody reads the error any more, and its sender waited for ever. Here the
// handler has it, and the task ends.
func lateError(t *testing.T) {
	var l ledger
	s := scope.Open(t.Context(), scope.OnFailure(l.handle))
	s.Go("one", tidies(time.Minute, errOne))
	s.Go("two", tidies(2*time.Minute, errTwo))
	synctest.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	wantIs(t, s.Shutdown(ctx), context.DeadlineExceeded)
	<-s.Done()
	wantIs(t, s.Wait(t.Context()), errOne)
	heard(t, &l, errTwo)
}

func endIsLast(t *testing.T) {
	var taken steps
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Defer("hook", taken.finally(nothing, "hook"))
		s.Daemon("daemon", taken.finally(tidies(2*time.Second, nil), "daemon"))
		s.Go("runnable", taken.finally(tidies(time.Second, nil), "runnable"))
		return nil
	})
	taken.add("end")
	wantIs(t, err, context.Canceled)
	taken.is(t, "runnable", "daemon", "hook", "end")
}

// Such a context cannot be waited with, and is what one has after a signal. The
// stop is asked for all the same, and a fresh one waits.
func stopUnwaited(t *testing.T) {
	s := scope.Open(t.Context())
	task := s.Go("task", tidies(time.Second, nil))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	wantIs(t, s.Shutdown(done), context.Canceled)
	wantTook(t, time.Since(start), 0)
	wantState(t, s, "closing")
	wantIs(t, task.Err(), scope.ErrRunning)
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantTook(t, time.Since(start), time.Second)
}

// What had been started by then is stopped, and cleaned up.
func brokenOffStart(t *testing.T) {
	var taken steps
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
		s.Defer("close database", taken.finally(nothing, "closed"))
		_, err := s.Start(ctx, "server", func(ctx context.Context, _ func()) error {
			defer taken.add("stopped")
			return untilCancelled(ctx)
		})
		return err
	})
	wantIs(t, err, context.DeadlineExceeded)
	taken.is(t, "stopped", "closed")
}

func stopTwice(t *testing.T) {
	var taken steps
	s := scope.Open(t.Context())
	s.Defer("hook", func(context.Context) error {
		time.Sleep(time.Second)
		taken.add("hook")
		return errOne
	})
	first, second := shutdown(t, s), shutdown(t, s)
	wantIs(t, <-first, errOne)
	wantIs(t, <-second, errOne)
	wantIs(t, s.Shutdown(t.Context()), errOne)
	taken.is(t, "hook")
}

func neverReady(t *testing.T) {
	s := scope.Open(t.Context())
	_, err := s.Start(t.Context(), "returns", func(context.Context, func()) error { return nil })
	wantIs(t, err, scope.ErrNotReady)
	wantState(t, s, "open")
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// The nursery returned before it, or sent on a closed channel.
func lateChild(t *testing.T) {
	var g gauge
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		var child func(depth int) func(context.Context) error
		child = func(depth int) func(context.Context) error {
			return func(context.Context) error {
				time.Sleep(time.Second)
				g.enter()
				if depth > 0 {
					s.Go("child", child(depth-1))
				}
				return nil
			}
		}
		s.Go("child", child(9))
		return nil
	})
	wantIs(t, err, nil)
	if g.total != 10 {
		t.Errorf("%d of 10 have run", g.total)
	}
}

func lookAtTheDeaf(t *testing.T) {
	s := scope.Open(t.Context(), scope.Name("service"))
	s.Go("deaf", deaf(time.Hour, nil))
	result := shutdown(t, s)
	start := time.Now()
	tasks := s.Tasks()
	if len(tasks) != 1 || tasks[0].Info().State != "cancelling" {
		t.Errorf("tasks are %v, want the one that is cancelled", tasks)
	}
	if info := s.Info(); info.State != "closing" || info.Counts.Live != 1 {
		t.Errorf("scope is %+v", info)
	}
	wantTook(t, time.Since(start), 0)
	wantPending(t, result)
	wantIs(t, <-result, nil)
}

// One in 150 was lost there.
func panicsAll(t *testing.T) {
	const tasks = 20_000
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(l.handle))
	for range tasks {
		s.Go("panics", panics("boom"))
	}
	wantIs(t, s.Drain(t.Context()), nil)
	told := 0
	for _, err := range l.told() {
		if p := panicIn(err); p != nil && p.Value == "boom" {
			told++
		}
	}
	if c := s.Info().Counts; told != tasks || c.Panicked != tasks {
		t.Errorf("told of %d, counted %d, want %d", told, c.Panicked, tasks)
	}
}
