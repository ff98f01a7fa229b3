package peers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// A task of dottedmag/parallel says when it is started what its end means:
// Continue, to nobody anything; Exit, that all are to end; Fail, that it must
// not. Here an end without an error means nothing, Cancel(nil) is an exit, and
// what must not end returns an error if it does.
func TestParallel(t *testing.T) {
	runRows(t, []row{
		{origin: "parallel: TestRunNoSubtasksSuccess", run: oklogZero},
		{origin: "parallel: TestRunNoSubtasksError", run: parallelBodyError},
		{origin: "parallel: TestRunSubtaskContinue", run: parallelContinue},
		{origin: "parallel: TestRunSubtaskExit", run: parallelExit},
		{origin: "parallel: TestRunSubtaskFail", run: parallelFail},
		{origin: "parallel: TestRunSubtaskError", run: parallelError},
		{origin: "parallel: TestRunSubtaskInitError", run: parallelInitError},
		{origin: "parallel: TestRunShutdownNotOK", run: parallelShutdownNotOK},
		{origin: "parallel: TestRunShutdownCancel", run: parallelShutdownCancel},
		{origin: "parallel: TestRunCancel", run: parallelOwnCancel},
		{origin: "parallel: TestExitFailTaskOnCancel", run: parallelDaemon},
		{origin: "parallel: TestPanicString", run: parallelPanicString},
		{origin: "parallel: TestPanicError", run: concPanicError},
	})
}

// after is a task that takes a step after n seconds, whether it is cancelled or
// not, and returns err.
func (s *steps) after(n int, step string, err error) func(context.Context) error {
	return func(context.Context) error {
		time.Sleep(time.Duration(n) * time.Second)
		s.add(step)
		return err
	}
}

// atTheEnd is a task that takes a step one second after it was cancelled, and
// returns err.
func (s *steps) atTheEnd(step string, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return s.after(1, step, err)(ctx)
	}
}

func parallelBodyError(t *testing.T) {
	oops := errors.New("oops")
	err := scope.Run(t.Context(), func(context.Context, *scope.Scope) error { return oops })
	if err != oops {
		t.Errorf("error is %v, want %v itself", err, oops)
	}
}

func parallelContinue(t *testing.T) {
	var taken steps
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("one", taken.after(1, "one", nil))
		s.Go("two", func(ctx context.Context) error {
			return errors.Join(taken.after(2, "two", nil)(ctx), ctx.Err())
		})
		return nil
	})
	wantIs(t, err, nil)
	taken.is(t, "one", "two")
}

func parallelExit(t *testing.T) {
	var taken steps
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("one", func(ctx context.Context) error {
			defer s.Cancel(nil)
			return taken.after(1, "one", nil)(ctx)
		})
		s.Go("two", taken.atTheEnd("two", nil))
		return nil
	})
	wantIs(t, err, nil)
	taken.is(t, "one", "two")
}

func parallelFail(t *testing.T) {
	terminated := errors.New("terminated unexpectedly")
	var taken steps
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("one", taken.after(1, "one", terminated))
		s.Go("two", taken.atTheEnd("two", nil))
		return nil
	})
	wantIs(t, err, terminated)
	if !strings.Contains(err.Error(), "one") {
		t.Errorf("%q does not say which task", err)
	}
	taken.is(t, "one", "two")
}

func parallelError(t *testing.T) {
	var taken steps
	var l ledger
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("one", taken.after(1, "one", errOne))
		s.Go("two", taken.atTheEnd("two", errTwo))
		return nil
	}, scope.OnFailure(l.handle))
	wantIs(t, err, errOne)
	heard(t, &l, errTwo)
	taken.is(t, "one", "two")
}

// The body is the second to fail. parallel drops its error; here it stands
// behind the first in the result.
func parallelInitError(t *testing.T) {
	var taken steps
	var l ledger
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("one", taken.after(1, "one", errOne))
		return taken.atTheEnd("body", errTwo)(ctx)
	}, scope.OnFailure(l.handle))
	wantIs(t, err, errOne)
	wantIs(t, err, errTwo)
	heard(t, &l)
	if one, two := errOne.Error(), errTwo.Error(); strings.Index(err.Error(), one) >
		strings.Index(err.Error(), two) {
		t.Errorf("%q does not begin with the first failure", err)
	}
	taken.is(t, "one", "body")
}

func parallelShutdownNotOK(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("cleans up", tidies(time.Second, errOne))
		s.Go("exits", func(context.Context) error { s.Cancel(nil); return nil })
		return nil
	})
	wantIs(t, err, errOne)
}

func parallelShutdownCancel(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("cleans up", untilCancelled)
		s.Go("exits", func(context.Context) error { s.Cancel(nil); return nil })
		return nil
	})
	wantIs(t, err, nil)
}

// A cancellation of the task's own making is nobody else's.
func parallelOwnCancel(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("cancels", func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx.Err()
		})
		return nil
	})
	wantIs(t, err, context.Canceled)
	if f := (*scope.Failure)(nil); !errors.As(err, &f) {
		t.Errorf("error is %v, want a failure", err)
	}
}

func parallelDaemon(t *testing.T) {
	var taken steps
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Daemon("daemon", taken.atTheEnd("daemon", nil))
		s.Go("task", taken.after(1, "task", nil))
		return nil
	})
	wantIs(t, err, nil)
	taken.is(t, "task", "daemon")
}

func parallelPanicString(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("doomed", panicsDeepDown("oops"))
		return nil
	})
	wantPanic(t, err, "oops")
	p := panicIn(err)
	if p.Error() != "panic: oops" || errors.Unwrap(p) != nil {
		t.Errorf("panic is %q, and wraps %v", p, errors.Unwrap(p))
	}
	lines := strings.Split(p.Stack(), "\n")
	where := func(line string) bool { return strings.Contains(line, "panicsDeepDown") }
	if i := slices.IndexFunc(lines, where); i < 0 || i > 1 {
		t.Errorf("the stack does not begin where the panic was:\n%s", p.Stack())
	}
}
