package peers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/supervisorscope/scope"
)

// A tomb is alive, dying or dead; a long-lived scope is open, closing or ended.
func TestTomb(t *testing.T) {
	runRows(t, []row{
		{origin: "tomb: TestNewTomb", run: tombNew},
		{origin: "tomb: TestGo", run: tombGo},
		{origin: "tomb: TestGoErr", run: tombGoErr},
		{origin: "tomb: TestGoPanic", run: tombGoPanic},
		{origin: "tomb: TestKill", run: tombKill},
		{origin: "tomb: TestKillf", run: tombKillf},
		{origin: "tomb: TestErrDying", run: tombErrDying},
		{origin: "tomb: TestWithContext", run: tombWithContext},
		{origin: "tomb: TestContextNoParent", run: tombForeignContext},
		{origin: "tomb: probe, a task that calls Goexit", run: tombGoexit},
	})
}

func wantState(t *testing.T, s *scope.Scope, want string) {
	t.Helper()
	if got := s.Info().State; got != want {
		t.Errorf("scope is %s, want %s", got, want)
	}
	select {
	case <-s.Done():
		if want != "ended" {
			t.Errorf("Done is closed, the scope %s", want)
		}
	default:
		if want == "ended" {
			t.Error("Done is not closed")
		}
	}
}

func tombNew(t *testing.T) {
	s := scope.Open(t.Context())
	wantState(t, s, "open")
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantState(t, s, "ended")
}

func tombGo(t *testing.T) {
	s := scope.Open(t.Context())
	s.Go("outer", func(ctx context.Context) error {
		s.Go("inner", untilCancelled)
		return untilCancelled(ctx)
	})
	synctest.Wait()
	wantState(t, s, "open")
	s.Cancel(nil)
	wantIs(t, s.Wait(t.Context()), nil)
	wantState(t, s, "ended")
}

// The second error is not the result, but is not lost, as it is in a tomb.
func tombGoErr(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	var l ledger
	s := scope.Open(t.Context(), scope.OnFailure(l.handle))
	s.Go("outer", func(ctx context.Context) error {
		s.Go("inner", returns(first))
		<-ctx.Done()
		return second
	})
	wantIs(t, s.Wait(t.Context()), first)
	wantState(t, s, "ended")
	wantIs(t, errors.Join(l.told()...), second)
}

// A tomb is dead when its last task has ended, whoever meant to start one more,
// and Go panics then. A scope is open until it is told to end, and a refusal is
// an error.
func tombGoPanic(t *testing.T) {
	s := scope.Open(t.Context())
	s.Go("task", nothing)
	wantIs(t, s.Wait(t.Context()), nil)
	wantState(t, s, "open")
	wantIs(t, s.Go("one more", nothing).Wait(t.Context()), nil)
	wantIs(t, s.Drain(t.Context()), nil)
	wantState(t, s, "ended")
	wantIs(t, s.Go("too late", nothing).Err(), scope.ErrClosed)
}

// A tomb that was killed with nil takes the next reason for its own. Here the
// first cause stays, and that of a clean end is one.
func tombKill(t *testing.T) {
	boom := errors.New("boom")
	for _, causes := range [][]error{{nil, boom}, {boom, errors.New("ignored")}} {
		s := scope.Open(t.Context())
		s.Defer("holds the end", func(context.Context) error {
			wantState(t, s, "closing")
			return nil
		})
		for _, cause := range causes {
			s.Cancel(cause)
		}
		wantIs(t, s.Wait(t.Context()), causes[0])
		wantState(t, s, "ended")
	}
}

func tombKillf(t *testing.T) {
	s := scope.Open(t.Context())
	s.Cancel(fmt.Errorf("BO%s", "OM"))
	s.Cancel(errors.New("ignored"))
	if err := s.Wait(t.Context()); err == nil || err.Error() != "BOOM" {
		t.Errorf("error is %v, want BOOM", err)
	}
}

// A task of a tomb says by ErrDying that it ends because it was told to, and
// panics if it was not. Here any task says so by the error or the cause of its
// context; with nobody to tell it to, that is a failure.
func tombErrDying(t *testing.T) {
	cause := errors.New("cause")
	var l ledger
	s := scope.Open(t.Context(), scope.OnFailure(l.handle))
	own := s.Go("cause", func(ctx context.Context) error {
		<-ctx.Done()
		return context.Cause(ctx)
	})
	s.Cancel(cause)
	wantIs(t, s.Wait(t.Context()), cause)
	wantIs(t, own.Err(), scope.ErrCancelled)
	if told := l.told(); told != nil {
		t.Errorf("told of %v", told)
	}

	s = scope.Open(t.Context())
	s.Go("nobody told it", returns(context.Canceled))
	err := s.Wait(t.Context())
	if f := (*scope.Failure)(nil); !errors.As(err, &f) {
		t.Errorf("error is %v, want a failure", err)
	}
	wantIs(t, err, context.Canceled)
}

type contextKey struct{}

func tombWithContext(t *testing.T) {
	parent, cancel := context.WithCancel(context.WithValue(t.Context(), contextKey{}, "parent"))
	s := scope.Open(parent)
	s.Go("task", func(ctx context.Context) error {
		if ctx.Value(contextKey{}) != "parent" {
			t.Error("the value of the parent is missing")
		}
		wantIs(t, ctx.Err(), nil)
		below, cancel := context.WithCancel(ctx)
		cancel() // of a context below, which leaves those above alone
		wantIs(t, below.Err(), context.Canceled)
		wantIs(t, ctx.Err(), nil)
		return untilCancelled(ctx)
	})
	synctest.Wait()
	wantState(t, s, "open")
	cancel()
	wantIs(t, s.Wait(t.Context()), context.Canceled)
	wantState(t, s, "ended")
	_, err := s.TryGo("too late", nothing)
	wantIs(t, err, scope.ErrClosed)
	wantIs(t, err, context.Canceled)
}

// Context(parent) of a tomb makes a context that ends with either. Do runs a task
// with one, and there is none to be had after the end.
func tombForeignContext(t *testing.T) {
	foreign := func() (context.Context, context.CancelFunc) {
		return context.WithCancel(context.WithValue(t.Context(), contextKey{}, "foreign"))
	}
	s := scope.Open(t.Context())
	inside := make(chan struct{})
	serve := func(ctx context.Context) error {
		if ctx.Value(contextKey{}) != "foreign" {
			t.Error("the value of the foreign context is missing")
		}
		close(inside)
		return untilCancelled(ctx)
	}
	ctx, cancel := foreign()
	go func() { <-inside; cancel() }()
	wantIs(t, s.Do(ctx, "ends with its caller", serve), context.Canceled)
	wantState(t, s, "open")

	ctx, cancel = foreign()
	defer cancel()
	inside = make(chan struct{})
	go func() { <-inside; s.Cancel(nil) }()
	wantIs(t, s.Do(ctx, "ends with the scope", serve), context.Canceled)
	wantIs(t, ctx.Err(), nil)
	wantIs(t, s.Do(ctx, "too late", nothing), scope.ErrClosed)
}

// In tomb, oklog/run, nursery, pond and parallel nobody hears of it, and who
// waits waits for ever.
func tombGoexit(t *testing.T) {
	s := scope.Open(t.Context())
	task := s.Go("exits", func(context.Context) error { exit(); return nil })
	wantIs(t, s.Wait(t.Context()), scope.ErrGoexit)
	wantIs(t, task.Err(), scope.ErrGoexit)
	wantState(t, s, "ended")
}
