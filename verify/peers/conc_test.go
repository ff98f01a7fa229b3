package peers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// conc lets a panic go on in who calls Wait. Here it is the failure of the task,
// which a fail-fast scope returns, and of which a supervised one tells.

func TestConc_waitGroup(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: ExampleWaitGroup", run: concAllRun},
		{origin: "conc: ExampleWaitGroup_WaitAndRecover", run: concPanicIsCaught},
		{origin: "conc: TestWaitGroup/all_spawned_run", run: concAllRun},
		{origin: "conc: TestWaitGroup/panic/is_propagated", run: concPanicIsReturned},
		{origin: "conc: TestWaitGroup/panic/one_is_propagated", run: concTwoPanics},
		{
			origin: "conc: TestWaitGroup/panic/non-panics_do_not_overwrite_panic",
			run:    concPanicIsReturned,
		},
		{
			origin: "conc: TestWaitGroup/panic/non-panics_run_successfully",
			run:    concOthersRun,
		},
		{
			origin: "conc: TestWaitGroup/panic/is_caught_by_waitandrecover",
			run:    concPanicIsCaught,
		},
		{
			origin: "conc: TestWaitGroup/panic/one_is_caught_by_waitandrecover",
			run:    concTwoPanics,
		},
		{
			origin: "conc: TestWaitGroup/panic/nonpanics_run_successfully_with_waitandrecover",
			run:    concOthersRun,
		},
	})
}

func TestConc_panics(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: panics.ExampleCatcher", run: concOthersRun},
		{origin: "conc: panics.ExampleCatcher_error", run: concPanicError},
		{origin: "conc: panics.TestCatcher/error", run: concPanicError},
		{origin: "conc: panics.TestCatcher/not_error", run: concPanicNoError},
		{origin: "conc: panics.TestCatcher/repanic_panics", run: concDoPanics},
		{
			origin: "conc: panics.TestCatcher/repanic_does_not_panic_without_child_panic",
			run:    concDoDoesNotPanic,
		},
		{origin: "conc: panics.TestCatcher/is_goroutine_safe", run: concOneOfAHundred},
		{origin: "conc: panics.TestRecoveredAsError/as_error_is_nil", run: concNilError},
		{origin: "conc: panics.TestRecoveredAsError/as_error_is_not_nil", run: concPanicIsCaught},
		{origin: "conc: panics.TestTry/panics", run: concPanicError},
		{origin: "conc: panics.TestTry/no_panic", run: concNilError},
	})
}

func concAllRun(t *testing.T) {
	var g gauge
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range 100 {
			s.Go("task", func(context.Context) error { g.enter(); return nil })
		}
		return nil
	})
	wantIs(t, err, nil)
	if g.total != 100 {
		t.Errorf("%d of 100 have run", g.total)
	}
}

// The ten others are admitted before the panic, and end after it.
func concPanicIsReturned(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range 10 {
			s.Go("other", func(ctx context.Context) error { <-ctx.Done(); return nil })
		}
		s.Go("panics", panics("super bad thing"))
		return nil
	})
	wantPanic(t, err, "super bad thing")
}

// conc keeps one of two and drops the other. Here both are told.
func concTwoPanics(t *testing.T) {
	var l ledger
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for _, value := range []string{"bad", "worse"} {
			s.Go("panics", func(context.Context) error {
				time.Sleep(time.Second) // both are admitted
				panic(value)
			})
		}
		return nil
	}, scope.OnFailure(l.handle))
	told := l.told()
	if len(told) != 1 {
		t.Fatalf("the handler was told of %v, want one panic", told)
	}
	texts := []string{panicIn(err).Error(), panicIn(told[0]).Error()}
	slices.Sort(texts)
	if !slices.Equal(texts, []string{"panic: bad", "panic: worse"}) {
		t.Errorf("panics are %q", texts)
	}
}

func concPanicIsCaught(t *testing.T) {
	err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		_, err := scope.Async(s, "panics", func(context.Context) (int, error) {
			panic("super bad thing")
		}).Wait(ctx)
		wantPanic(t, err, "super bad thing")
		return nil
	}, scope.OnFailure(scope.Ignore))
	wantIs(t, err, nil)
}

func concOthersRun(t *testing.T) {
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(l.handle))
	for _, f := range []func(context.Context) error{nothing, panics("abort!"), nothing} {
		s.Go("task", f)
	}
	wantIs(t, s.Wait(t.Context()), nil)
	if c := s.Info().Counts; c.OK != 2 || c.Panicked != 1 {
		t.Errorf("%d went well, %d panicked, want 2 and 1", c.OK, c.Panicked)
	}
	wantPanic(t, errors.Join(l.told()...), "abort!")
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// The text is the message alone, without the stack, which %+v adds.
func concPanicError(t *testing.T) {
	sos := fmt.Errorf("SOS: %w", io.ErrUnexpectedEOF)
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", panicsDeepDown(sos))
		return nil
	})
	wantPanic(t, err, sos)
	p := panicIn(err)
	wantIs(t, err, sos)
	wantIs(t, err, io.ErrUnexpectedEOF)
	if errors.Unwrap(p) != sos {
		t.Errorf("Unwrap is %v, want %v", errors.Unwrap(p), sos)
	}
	if text := err.Error(); !strings.Contains(text, "SOS") || strings.Contains(text, "goroutine") {
		t.Errorf("text is %q", text)
	}
	if text := fmt.Sprintf("%+v", err); !strings.Contains(text, "panicsDeepDown") {
		t.Errorf("%%+v has no stack: %q", text)
	}
}

func concPanicNoError(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", panics("definitely not an error"))
		return nil
	})
	wantPanic(t, err, "definitely not an error")
	p := panicIn(err)
	if errors.Unwrap(p) != nil || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v leads to an error", err)
	}
}

// Where the caller runs the task itself, the panic is the caller's.
func concDoPanics(t *testing.T) {
	s := scope.Open(t.Context())
	value := recovered(func() { _ = s.Do(t.Context(), "task", panics("SOS")) })
	if value != "SOS" {
		t.Errorf("panic is %v", value)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func concDoDoesNotPanic(t *testing.T) {
	s := scope.Open(t.Context())
	value := recovered(func() { wantIs(t, s.Do(t.Context(), "task", nothing), nil) })
	if value != nil {
		t.Errorf("panic is %v", value)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func concOneOfAHundred(t *testing.T) {
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(l.handle))
	var wg sync.WaitGroup
	for n := range 100 {
		wg.Go(func() {
			s.Go("task", func(context.Context) error {
				if n == 50 {
					panic("50")
				}
				return nil
			})
		})
	}
	wg.Wait()
	wantIs(t, s.Shutdown(t.Context()), nil)
	told := l.told()
	if len(told) != 1 {
		t.Fatalf("told of %v, want one", told)
	}
	wantPanic(t, told[0], "50")
}

// It is nil, not a nil pointer in an error.
func concNilError(t *testing.T) {
	s := scope.Open(t.Context())
	task := s.Go("task", nothing)
	wantIs(t, task.Wait(t.Context()), nil)
	if err := task.Err(); err != nil {
		t.Errorf("Err() = %#v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %#v", err)
	}
}

// In conc an unlimited pool hands a new task to a worker that another Go has
// just started, and which may be busy for ever. Here no task waits for another
// one to be started.
func TestConc_defects(t *testing.T) {
	runRowsLive(t, []row{{origin: "conc: #112, Go waits for nobody", run: func(t *testing.T) {
		const tasks = 500
		var all, spawners sync.WaitGroup
		all.Add(tasks)
		s := scope.Open(t.Context())
		for range tasks {
			spawners.Go(func() {
				s.Go("meets all the others", func(context.Context) error {
					all.Done()
					all.Wait()
					return nil
				})
			})
		}
		spawners.Wait()
		wantIs(t, s.Drain(t.Context()), nil)
	}}})
}
