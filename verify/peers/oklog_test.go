package peers_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// An actor of oklog/run has a second function, which interrupts the first. Here
// that is what its context does, or context.AfterFunc where an API has none.
func TestOklog(t *testing.T) {
	runRows(t, []row{
		{origin: "oklog: ExampleGroup_Add_basic", run: oklogBasic},
		{origin: "oklog: ExampleGroup_Add_context", run: oklogContext},
		{origin: "oklog: TestZero", run: oklogZero},
		{origin: "oklog: TestOne", run: oklogOne},
		{origin: "oklog: TestMany", run: oklogMany},
		{origin: "oklog: TestContextHandler", run: oklogContext},
		{origin: "oklog: TestSignalError", run: oklogSignal},
		{origin: "oklog: TestSignalHandlerNil", run: oklogNoSignal},
		{origin: "oklog: probe, an actor that has done its work", run: oklogNilEndsNobody},
		{origin: "oklog: TestMany, an actor that ends all without an error", run: oklogEndsAll},
	})
	runRowsLive(t, []row{{origin: "oklog: ExampleGroup_Add_listener", run: oklogListener}})
}

// An interrupt function is called also for an actor that has returned. A context
// calls nobody.
func oklogBasic(t *testing.T) {
	teardown := errors.New("immediate teardown")
	var order []string
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("first", func(ctx context.Context) error {
			select {
			case <-time.After(time.Second):
				order = append(order, "time elapsed")
			case <-ctx.Done():
				order = append(order, "interrupted")
				wantIs(t, context.Cause(ctx), teardown)
			}
			return nil
		})
		s.Go("second", returns(teardown))
		return nil
	})
	wantIs(t, err, teardown)
	if !slices.Equal(order, []string{"interrupted"}) {
		t.Errorf("order is %q", order)
	}
}

func oklogContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("actor", untilCancelled)
		return nil
	})
	wantIs(t, err, context.Canceled)
}

func oklogListener(t *testing.T) {
	teardown := errors.New("immediate teardown")
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.Go("serve", func(ctx context.Context) error {
			defer context.AfterFunc(ctx, func() { _ = ln.Close() })()
			server := &http.Server{ReadHeaderTimeout: time.Second}
			if err := server.Serve(ln); ctx.Err() == nil {
				return err
			}
			return nil
		})
		s.Go("fails", returns(teardown))
		return nil
	})
	wantIs(t, err, teardown)
}

func oklogZero(t *testing.T) {
	start := time.Now()
	wantIs(t, scope.Run(t.Context(), func(context.Context, *scope.Scope) error { return nil }), nil)
	if took := time.Since(start); took != 0 {
		t.Errorf("took %v", took)
	}
}

func oklogOne(t *testing.T) {
	foobar := errors.New("foobar")
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("actor", returns(foobar))
		return nil
	})
	wantIs(t, err, foobar)
}

func oklogMany(t *testing.T) {
	interrupt := errors.New("interrupt")
	ended := false
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("waits", func(ctx context.Context) error { <-ctx.Done(); ended = true; return nil })
		s.Go("fails", returns(interrupt))
		return nil
	})
	wantIs(t, err, interrupt)
	if !ended {
		t.Error("Run did not wait for the other actor")
	}
}

// A signalError says which signal ended the program.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return "received " + e.signal.String() }

// What comes with the cancellation from outside is the result, as it is.
func oklogSignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("actor", untilCancelled)
		cancel(&signalError{signal: os.Interrupt})
		return nil
	})
	var got *signalError
	if !errors.As(err, &got) || got.signal != os.Interrupt {
		t.Errorf("error is %v, want the signal", err)
	}
}

// Nothing happens, and then the program ends for another reason.
func oklogNoSignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Daemon("signals", func(ctx context.Context) error {
			select {
			case sig := <-make(chan os.Signal):
				return &signalError{signal: sig}
			case <-ctx.Done():
				return nil
			}
		})
		time.AfterFunc(time.Hour, cancel)
		s.Go("actor", untilCancelled)
		return nil
	})
	wantIs(t, err, context.Canceled)
	if got := (*signalError)(nil); errors.As(err, &got) {
		t.Errorf("error is %v", err)
	}
}

// In oklog/run any return ends all, and a service that had nothing to do took the
// others with it. Here nil is the end of one task.
func oklogNilEndsNobody(t *testing.T) {
	start := time.Now()
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("has nothing to do", nothing)
		s.Go("works", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return nil
			}
		})
		return nil
	})
	wantIs(t, err, nil)
	if took := time.Since(start); took != time.Hour {
		t.Errorf("took %v, want 1h", took)
	}
}

// Who is to end all says so.
func oklogEndsAll(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("serves", untilCancelled)
		s.Go("leads", func(context.Context) error {
			time.Sleep(time.Minute)
			s.Cancel(nil)
			return nil
		})
		return nil
	})
	wantIs(t, err, nil)
}
