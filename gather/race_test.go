package gather_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// Row 164: the first success wins, failures before it do not count, and the losers
// are cancelled and over when Race returns.
// Guarantee 1.
func TestRace_FirstSuccessWins(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		var cause error
		got, err := gather.Race(l.ctx,
			l.after(0, 0, errBoom), l.after(3*time.Second, 2, nil), l.after(2*time.Second, 3, nil),
			func(ctx context.Context) (int, error) {
				defer func() { cause = context.Cause(ctx) }()
				return l.until(2*time.Second, nil)(ctx)
			})
		l.over()
		if got != 3 || err != nil {
			t.Errorf("Race() = %v, %v", got, err)
		}
		l.took(begun, 4*time.Second) // the winner, and the clean-up of the last
		l.failures(0)
		if cause == nil || !strings.Contains(cause.Error(), "won the race") {
			t.Errorf("the losers' cause is %v", cause)
		}
	})
}

// Row 164: no functions.
func TestRace_OfNothing(t *testing.T) {
	if got, err := gather.Race[int](bg); got != 0 || !errors.Is(err, gather.ErrEmpty) {
		t.Errorf("Race() = %v, %v", got, err)
	}
}

// Row 164: if none succeeds, all the failures are returned, in order.
func TestRace_AllFail(t *testing.T) {
	inLab(t, func(l *lab) {
		errLate := errors.New("late")
		_, err := gather.Race(l.ctx, l.after(time.Second, 0, errLate), l.after(0, 0, errBoom),
			l.exits(0))
		l.over()
		l.is(err, errLate)
		l.is(err, errBoom)
		l.is(err, scope.ErrGoexit)
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != 3 || !strings.HasSuffix(lines[0], ": late") {
			t.Errorf("Race() = %q", lines)
		}
		l.failures(0)
	})
}

// A value is a value, but what should never have happened is not dropped with the
// errors of the losers.
func TestRace_PanicsOfLosersReachTheHandler(t *testing.T) {
	inLab(t, func(l *lab) {
		_, err := gather.Race(l.ctx, l.panics(0, "before"), l.after(time.Second, 1, nil),
			l.panics(2*time.Second, "after"), l.exits(0), l.until(0, errBoom))
		if err != nil {
			t.Error(err)
		}
		l.over()
		l.failures(3)
	})
}

// The second to succeed, at the same instant or in its clean-up, has lost.
func TestRace_OneWins(t *testing.T) {
	inLab(t, func(l *lab) {
		got, err := gather.Race(l.ctx, func(ctx context.Context) (int, error) {
			_, _ = l.until(time.Second, nil)(ctx)
			return 1, nil
		}, l.after(time.Second, 2, nil))
		if got != 2 || err != nil {
			t.Errorf("Race() = %v, %v", got, err)
		}
	})
}

func TestRace_TellsOfItsContext(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx, cancel := context.WithCancelCause(l.ctx)
		time.AfterFunc(2*time.Second, func() { cancel(errBoom) })
		errEarly := errors.New("early")
		_, err := gather.Race(ctx, l.until(time.Second, nil), l.until(0, nil),
			l.after(time.Second, 0, errEarly))
		l.over()
		l.is(err, errEarly)
		l.is(err, errBoom)
		if n := strings.Count(err.Error(), "boom"); n != 1 {
			t.Errorf("Race() = %q, want the cause once", err)
		}

		l.calls.Store(0)
		_, err = gather.Race(ctx, l.after(0, 1, nil))
		l.is(err, errBoom)
		if l.calls.Load() != 0 {
			t.Error("a function was called with a context that was done")
		}
		l.failures(0)
	})
}

// A function that somebody cancels alone has failed like the others.
func TestRace_CancelOfOne(t *testing.T) {
	inLab(t, func(l *lab) {
		_, err := gather.Race(l.ctx, func(ctx context.Context) (int, error) {
			scope.TaskFrom(ctx).Cancel(errBoom)
			return l.until(0, nil)(ctx)
		})
		l.is(err, scope.ErrCancelled)
		l.is(err, errBoom)
	})
}

func TestRace_ValueSurvivesTheCancellation(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx, cancel := context.WithCancel(l.ctx)
		got, err := gather.Race(ctx, func(ctx context.Context) (int, error) {
			cancel()
			_, _ = l.until(0, nil)(ctx)
			return 7, nil
		})
		if got != 7 || err != nil {
			t.Errorf("Race() = %v, %v", got, err)
		}
	})
}

// Fatal goes before a value that is there.
func TestRace_FatalEndsIt(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, d := range []time.Duration{time.Millisecond, 2 * time.Second} {
			fatal := func(context.Context) (int, error) {
				time.Sleep(d)
				return 0, scope.Fatal(errBoom)
			}
			got, err := gather.Race(l.ctx, fatal, l.after(time.Second, 1, nil), l.until(0, nil))
			l.over()
			if got != 0 || !scope.IsFatal(err) || strings.Count(err.Error(), "boom") != 1 {
				t.Errorf("Race() = %v, %v", got, err)
			}
		}
		l.failures(0)
	})
}
