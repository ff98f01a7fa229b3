package scope_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A claimError says that it Is context.Canceled, whatever it wraps.
type claimError struct{ err error }

func (e claimError) Error() string        { return "claims to be cancelled" }
func (e claimError) Is(target error) bool { return target == context.Canceled }
func (e claimError) Unwrap() error        { return e.err }

// An manyErrors cannot be compared.
type manyErrors []error

func (e manyErrors) Error() string   { return "list of errors" }
func (e manyErrors) Unwrap() []error { return e }

// A fieldError reads a field in its methods, and so panics as a typed nil.
type fieldError struct{ err error }

func (e *fieldError) Error() string { return e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// An angryError panics when it is asked what it is.
type angryError struct{}

func (angryError) Error() string { panic("Error called") }
func (angryError) Is(error) bool { panic("Is called") }
func (angryError) As(any) bool   { panic("As called") }

// An echoCase is what a task returns once it has been cancelled with cause.
type echoCase struct {
	name  string
	cause error // nil for context.Canceled
	err   func(ctx context.Context) error
}

// give returns err whatever the context.
func give(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func dial(ctx context.Context) error {
	_, err := new(net.Dialer).DialContext(ctx, "tcp", "127.0.0.1:1")
	return err
}

func echoes() []echoCase {
	both := func(ctx context.Context) error {
		return fmt.Errorf("%w because of %w", ctx.Err(), context.Cause(ctx))
	}
	wrapped := fmt.Errorf("maintenance: %w", errDisk)
	list := manyErrors{errDisk}
	return []echoCase{
		{name: "Err", err: func(ctx context.Context) error { return ctx.Err() }},
		{name: "Cause", err: context.Cause},
		{name: "wrapped", err: give(fmt.Errorf("read: %w", context.Canceled))},
		{name: "url.Error", err: give(&url.Error{Op: "Get", URL: "/", Err: context.Canceled})},
		{name: "net.OpError", err: dial}, // its leaf is an error of package net
		{name: "leaf with an Is method", err: give(claimError{})},
		{name: "Join", err: give(errors.Join(context.Canceled, context.Canceled))},
		{name: "list", err: give(manyErrors{context.Canceled})},
		{name: "both of Canceled", err: both},
		{name: "Err of a cause", cause: errDisk, err: obedient},
		{name: "custom cause", cause: errDisk, err: context.Cause},
		{name: "wrapped cause", cause: errDisk, err: give(fmt.Errorf("read: %w", errDisk))},
		{name: "both of a cause", cause: errDisk, err: both},
		{name: "cause that wraps", cause: wrapped, err: give(wrapped)},
		{name: "uncomparable cause", cause: list, err: context.Cause},
		{name: "wrapped uncomparable cause", cause: list, err: func(ctx context.Context) error {
			return fmt.Errorf("read: %w", context.Cause(ctx))
		}},
	}
}

func realErrors() []echoCase {
	wrapped := fmt.Errorf("maintenance: %w", errDisk)
	var typedNil *fieldError
	return []echoCase{
		{name: "unrelated", err: give(errDisk)},
		{name: "Join after", err: give(errors.Join(context.Canceled, errDisk))},
		{name: "Join before", err: give(errors.Join(errDisk, context.Canceled))},
		{name: "two %w", err: give(fmt.Errorf("%w, then %w", context.Canceled, errDisk))},
		{name: "wrapped Join", err: give(
			fmt.Errorf("close: %w", errors.Join(context.Canceled, errDisk)))},
		{name: "Is method above a real error", err: give(claimError{err: errDisk})},
		{name: "Is method above a Join", err: give(
			claimError{err: errors.Join(context.Canceled, errDisk)})},
		{name: "list", err: give(manyErrors{context.Canceled, errDisk})},
		{name: "empty list", err: give(manyErrors{})},
		{name: "somebody's deadline", err: give(context.DeadlineExceeded)},
		{name: "own Cancel's leaf", cause: wrapped, err: give(errDisk)},
		{name: "other error beside the cause", cause: errDisk,
			err: give(errors.Join(errDisk, errors.New("flush")))},
		{name: "same text as the cause", cause: errDisk, err: give(errors.New(errDisk.Error()))},
		{name: "other list", cause: manyErrors{errDisk}, err: give(manyErrors{errors.New("x")})},
		{name: "typed nil", err: give(typedNil)},
		{name: "wrapped typed nil", err: give(fmt.Errorf("%d: %w", 1, typedNil))},
		{name: "methods that panic", err: give(angryError{})},
		{name: "joined methods that panic", err: give(errors.Join(context.Canceled, angryError{}))},
	}
}

// Rows 104 and 108.
func TestTask_EchoIsNoFailure(t *testing.T) {
	forEachCancel(t, echoes(), func(t *trial, task *scope.Task) {
		if got := task.Info().State; got != "cancelled" {
			t.Errorf("state = %q, want cancelled; Err() = %v", got, task.Err())
		}
		if got := t.in.failures(); len(got) > 0 {
			t.Errorf("handler got %v, want nothing", got)
		}
	})
}

// Rows 105, 106 and 108.
func TestTask_RealErrorUnderACancellationIsAFailure(t *testing.T) {
	forEachCancel(t, realErrors(), func(t *trial, task *scope.Task) {
		if got := task.Info().State; got != "failed" {
			t.Errorf("state = %q, want failed; Err() = %v", got, task.Err())
		}
		if f := t.failure(); f.Cause == nil {
			t.Errorf("Cause of the failure = nil, want why the task was cancelled")
		}
	})
}

// forEachCancel runs each case in each form and policy, with a Cancel of the
// task and with one of the scope, and has the ended task checked.
func forEachCancel(t *testing.T, cases []echoCase, check func(t *trial, task *scope.Task)) {
	t.Helper()
	for name, cancel := range map[string]func(s *scope.Scope, task *scope.Task, cause error){
		"Task.Cancel":  func(_ *scope.Scope, task *scope.Task, cause error) { task.Cancel(cause) },
		"Scope.Cancel": func(s *scope.Scope, _ *scope.Task, cause error) { s.Cancel(cause) },
	} {
		for _, c := range cases {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				inAnyScope(t, func(t *trial) {
					task := t.s.Go("task", func(ctx context.Context) error {
						<-ctx.Done()
						return c.err(ctx)
					})
					synctest.Wait()
					cancel(t.s, task, c.cause)
					<-task.Done()
					check(t, task)
				})
			})
		}
	}
}

// Rows 104, 105, 106 and 108. The body's error is judged in the same way.
func TestRun_EchoOrFailureOfTheBody(t *testing.T) {
	for _, run := range lexicals() {
		result := func(c echoCase) (got, returned error) {
			got = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				s.Cancel(c.cause)
				returned = c.err(ctx)
				return returned
			})
			return got, returned
		}
		// Texts are compared, since some of the errors cannot be.
		for _, c := range echoes() {
			if got, _ := result(c); fmt.Sprint(got) != fmt.Sprint(c.cause) {
				t.Errorf("%s: result = %v, want %v", c.name, got, c.cause)
			}
		}
		for _, c := range realErrors() {
			if got, returned := result(c); got == nil || fmt.Sprint(got) != fmt.Sprint(returned) {
				t.Errorf("%s: result = %v, want the body's %v", c.name, got, returned)
			}
		}
	}
}

// Row 103.
func TestTask_ForeignCancellationIsAFailure(t *testing.T) {
	foreign := map[string]func(context.Context) error{
		"Canceled":         give(context.Canceled),
		"wrapped":          give(fmt.Errorf("read: %w", context.Canceled)),
		"DeadlineExceeded": give(context.DeadlineExceeded),
		"own inner context": func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			return obedient(ctx)
		},
		"dial": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return dial(ctx)
		},
	}
	for name, f := range foreign {
		inAnyScope(t, func(t *trial) {
			task := t.s.Go(name, f)
			<-task.Done()
			if got := task.Info().State; got != "failed" {
				t.Errorf("%s: state = %q, want failed", name, got)
			}
			failure := t.failure()
			if failure.Cause != nil || failure.Task.Name != name {
				t.Errorf("%s: failure of %q with cause %v, want %q, nil",
					name, failure.Task.Name, failure.Cause, name)
			}
		})
	}
}

// Row 103.
func TestRun_ForeignCancellationOfTheBodyIsAFailure(t *testing.T) {
	for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
		body := func(context.Context, *scope.Scope) error { return want }
		for _, run := range lexicals() {
			if got := run(t.Context(), body); !errors.Is(got, want) {
				t.Errorf("result = %v, want %v", got, want)
			}
		}
	}
}

// Row 107.
func TestTask_DeadlineOfTheScopeIsNoFailure(t *testing.T) {
	returns := map[string]func(context.Context) error{
		"Err":              obedient,
		"DeadlineExceeded": give(context.DeadlineExceeded),
		"Cause":            context.Cause,
		"wrapped":          give(fmt.Errorf("read: %w", context.DeadlineExceeded)),
		"Canceled":         give(context.Canceled), // of a context of its own, below ctx
		"dial":             dial,                   // says so by an Is method
	}
	check := func(t *trial) {
		s, in := t.s, t.in
		for name, f := range returns {
			s.Go(name, func(ctx context.Context) error {
				<-ctx.Done()
				if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
					t.Errorf("Err() = %v, want DeadlineExceeded", ctx.Err())
				}
				return f(ctx)
			})
		}
		if err := s.Wait(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait() = %v, want DeadlineExceeded", err)
		}
		if got := s.Info().Counts.Cancelled; got != uint64(len(returns)) || len(in.failures()) > 0 {
			t.Errorf("%d tasks of %d cancelled, failures %v", got, len(returns), in.failures())
		}
	}
	t.Run("own", func(t *testing.T) {
		inAnyScope(t, check, scope.Timeout(time.Minute))
	})
	t.Run("inherited", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, open := range openers() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var in inbox
				check(&trial{T: t, ctx: ctx, s: open(ctx, scope.OnFailure(in.handle)), in: &in})
			}
		})
	})
}

// A failureCount is a Handler that counts, by whether the failure came under a
// cancellation.
type failureCount struct{ live, cancelled atomic.Int32 }

func (n *failureCount) handle(_ context.Context, f *scope.Failure) {
	if f.Cause == nil {
		n.live.Add(1)
	} else {
		n.cancelled.Add(1)
	}
}

// raceWithCancel lets two tasks return err while the scope is cancelled, and
// returns the result. Every other time Cancel comes a little later.
func raceWithCancel(s *scope.Scope, err error, later bool) error {
	gate := make(chan struct{})
	for range 2 {
		s.Go("", func(context.Context) error { <-gate; return err })
	}
	close(gate)
	if later {
		runtime.Gosched()
	}
	s.Cancel(nil)
	return s.Wait(context.Background())
}

// Row 109.
func TestScope_ErrorAtTheInstantOfCancelIsKnownOnce(t *testing.T) {
	for _, open := range openers() {
		var n failureCount
		for i := range stressRounds(t) {
			before := n.live.Load() + n.cancelled.Load()
			s := open(context.Background(), scope.OnFailure(n.handle))
			var f *scope.Failure
			if err := raceWithCancel(s, errDisk, i%2 == 0); errors.As(err, &f) {
				n.handle(t.Context(), f)
			} else if err != nil || s.Info().Policy == "fail-fast" {
				t.Fatalf("result of the %s scope = %v", s.Info().Policy, err)
			}
			if got := n.live.Load() + n.cancelled.Load() - before; got != 2 {
				t.Fatalf("%d of 2 failures are known", got)
			}
		}
		if n.live.Load() == 0 || n.cancelled.Load() == 0 {
			t.Errorf("%d failures before and %d after Cancel, want some of both",
				n.live.Load(), n.cancelled.Load())
		}
	}
}

// Row 109.
func TestScope_CanceledAtTheInstantOfCancelIsOneOrTheOther(t *testing.T) {
	var n failureCount
	var failed, cancelled uint64
	for i := range stressRounds(t) {
		s := scope.OpenSupervised(context.Background(), scope.OnFailure(n.handle))
		if err := raceWithCancel(s, context.Canceled, i%2 == 0); err != nil {
			t.Fatalf("Wait() = %v, want nil", err)
		}
		c := s.Info().Counts
		if c.Failed+c.Cancelled != 2 {
			t.Fatalf("counts %+v, want 2 failed or cancelled", c)
		}
		failed += c.Failed
		cancelled += c.Cancelled
	}
	if got := uint64(n.live.Load() + n.cancelled.Load()); got != failed {
		t.Errorf("handler was called %d times for %d failures", got, failed)
	}
	if failed == 0 || cancelled == 0 {
		t.Errorf("%d failed, %d cancelled, want some of both", failed, cancelled)
	}
}

// A task whose nested scope has failed has a failure of its own, also if the
// error in it is by chance the cause of the cancellation.
func TestTask_FailureFromBelowIsNoEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
		s.Go("outer", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("inner", func(ctx context.Context) error {
					<-ctx.Done()
					runtime.Goexit()
					return nil
				})
				return nil
			})
		})
		synctest.Wait()
		s.Cancel(scope.ErrGoexit)
		_ = s.Wait(t.Context())
		if got := in.failures(); len(got) != 1 || !errors.Is(got[0], scope.ErrGoexit) {
			t.Errorf("the handler got %v, want the failure of inner", got)
		}
	})
}
