package peers_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/supervisorscope/scope"
)

// What the rows have in common. All of them are made anew for each row, so that
// bubbles share nothing.

// nothing is a task that ends at once.
func nothing(context.Context) error { return nil }

// untilCancelled is a task that waits for its end and answers as one should.
func untilCancelled(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// returns is a task that ends at once with err.
func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// panics is a task that panics with value.
func panics(value any) func(context.Context) error {
	return func(context.Context) error { panic(value) }
}

// recovered calls f and returns what it panicked with, or nil.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// panicIn returns the panic in err's tree, or nil.
func panicIn(err error) *scope.PanicError {
	var p *scope.PanicError
	errors.As(err, &p)
	return p
}

// wantPanic fails t unless err has a panic with value in its tree.
func wantPanic(t *testing.T, err error, value any) {
	t.Helper()
	if p := panicIn(err); p == nil || p.Value != value {
		t.Fatalf("error is %v, want a panic with %v", err, value)
	}
}

// wantIs fails t unless err Is want; with a nil want, unless err is nil.
func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// A gauge counts who is inside, and remembers the highest number.
type gauge struct {
	mu sync.Mutex

	inside, peak, total int
}

func (g *gauge) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside++
	g.total++
	g.peak = max(g.peak, g.inside)
}

func (g *gauge) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
}

// entered returns how often somebody came in.
func (g *gauge) entered() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}

// A ledger is a handler that keeps what it is told.
type ledger struct {
	mu sync.Mutex

	failures []*scope.Failure
}

func (l *ledger) handle(_ context.Context, f *scope.Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, f)
}

// told returns the errors that the handler was given so far.
func (l *ledger) told() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, f := range l.failures {
		errs = append(errs, f.Err)
	}
	return errs
}

// exit ends the goroutine, as t.FailNow does.
func exit() { runtime.Goexit() }
