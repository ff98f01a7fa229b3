package gather_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// Row 162: values and errors stand in their places, whatever a function does the
// others go on, and no handler is told.
// Guarantee 3. Guarantee 5.
func TestSettled_KeepsErrorsInPlace(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		got := gather.Settled(l.ctx,
			l.after(3*time.Second, 1, nil), l.after(0, 2, errBoom), l.panics(time.Second, errBoom),
			l.exits(time.Second), l.after(2*time.Second, 5, nil),
			func(context.Context) (int, error) { return 6, context.Canceled })
		l.took(begun, 3*time.Second)
		l.over()
		l.failures(0)
		wants := []struct {
			value int
			err   error
		}{
			{1, nil}, {0, errBoom}, {0, errBoom}, {0, scope.ErrGoexit}, {5, nil},
			{0, context.Canceled},
		}
		for i, want := range wants {
			if got[i].Value != want.value || !errors.Is(got[i].Err, want.err) {
				t.Errorf("result %d is %+v, want %v", i, got[i], want)
			}
			var f *scope.Failure
			if failed := errors.As(got[i].Err, &f); failed != (want.err != nil) {
				t.Errorf("result %d is a failure: %v", i, failed)
			}
		}
		var p *scope.PanicError
		if !errors.As(got[2].Err, &p) || p.Stack() == "" {
			t.Errorf("the panic is %v", got[2].Err)
		}
		if n := len(gather.Settled[int](l.ctx)); n != 0 {
			t.Errorf("Settled() of nothing has %d results", n)
		}
	})
}

// If the context is cancelled, what was there is kept, and the rest says why.
func TestSettled_TellsOfItsContext(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx, cancel := context.WithCancelCause(l.ctx)
		time.AfterFunc(2*time.Second, func() { cancel(errBoom) })
		fs := []fn{
			l.after(time.Second, 1, nil), l.until(time.Second, nil),
			l.until(time.Second, errors.New("clean-up")),
		}
		got := gather.Settled(ctx, fs...)
		l.over()
		if got[0] != (gather.Result[int]{Value: 1}) {
			t.Errorf("the value that was there is %+v", got[0])
		}
		l.is(got[1].Err, scope.ErrCancelled)
		l.is(got[1].Err, errBoom)
		var f *scope.Failure
		if !errors.As(got[2].Err, &f) || f.Cause != errBoom {
			t.Errorf("the failure under the cancellation is %v", got[2].Err)
		}

		l.calls.Store(0)
		for i, r := range gather.Settled(ctx, fs...) {
			if !errors.Is(r.Err, scope.ErrClosed) || !errors.Is(r.Err, errBoom) {
				t.Errorf("result %d with a context that is done is %v", i, r.Err)
			}
		}
		if n := l.calls.Load(); n != 0 {
			t.Errorf("%d functions were called with a context that was done", n)
		}
		l.failures(0)
	})
}

func TestSettled_FatalEndsIt(t *testing.T) {
	inLab(t, func(l *lab) {
		got := gather.Settled(l.ctx, l.until(0, nil), l.after(0, 0, scope.Fatal(errBoom)))
		l.over()
		l.is(got[0].Err, scope.ErrCancelled)
		if !scope.IsFatal(got[1].Err) || scope.IsFatal(got[0].Err) {
			t.Errorf("results are %v", got)
		}
		l.failures(0)

		// A task that a function has started besides has no place in the results.
		got = gather.Settled(l.ctx, func(ctx context.Context) (int, error) {
			fatal := func(context.Context) error { return scope.Fatal(errBoom) }
			scope.From(ctx).Go("besides", fatal)
			return l.after(0, 1, nil)(ctx)
		})
		if got[0].Err != nil {
			t.Errorf("results are %v", got)
		}
		l.failures(1)
	})
}

// The failure that cancels the scope around is that one's to tell.
func TestSettled_FailureAboveIsNotItsOwn(t *testing.T) {
	inLab(t, func(l *lab) {
		var got []gather.Result[int]
		err := scope.Run(l.ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("fails", func(context.Context) error {
				time.Sleep(time.Second)
				return scope.Fatal(errBoom)
			})
			got = gather.Settled(ctx, l.until(0, nil))
			return nil
		}, scope.Contain())
		l.is(err, errBoom)
		l.is(got[0].Err, scope.ErrCancelled)
		l.failures(0)
	})
}
