package peers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// The four pools of conc are one type here: tasks that return an error, and
// futures for those that return more.

func TestConc_pool(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: pool.ExamplePool", run: concAllRun},
		{origin: "conc: pool.TestPool/basic", run: concAllRun},
		{origin: "conc: pool.TestPool/limit", run: concLimit},
		{origin: "conc: pool.TestPool/propagate_panic", run: concPanicIsReturned},
		{origin: "conc: pool.TestPool/panics_do_not_exhaust_goroutines", run: concPanicsGiveBack},
		{origin: "conc: pool.TestPool/panics_on_invalid_WithMaxGoroutines", run: errgroupNoLimit},
		{origin: "conc: pool.TestPool/returns_correct_MaxGoroutines", run: concLimitIsShown},
		{origin: "conc: pool.TestPool/is_reusable", run: concReuse},

		{origin: "conc: pool.ExampleErrorPool", run: concError},
		{
			origin: "conc: pool.TestErrorPool/wait_returns_no_error_if_no_errors",
			run:    concNoError,
		},
		{origin: "conc: pool.TestErrorPool/wait_error_if_func_returns_error", run: concError},
		{
			origin: "conc: pool.TestErrorPool/wait_error_is_all_returned_errors",
			run:    concAllErrors,
		},
		{origin: "conc: pool.TestErrorPool/propagates_panics", run: concPanicIsReturned},
		{origin: "conc: pool.TestErrorPool/limit", run: concLimit},
		{origin: "conc: pool.TestErrorPool/reuse", run: concReuseAfterErrors},
	})
}

func TestConc_contextPool(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: pool.ExampleContextPool_WithCancelOnError", run: concCancelOnError},
		{
			origin: "conc: pool.TestContextPool/wait_returns_no_error_if_no_errors",
			run:    concNoError,
		},
		{
			origin: "conc: pool.TestContextPool/wait_errors_if_func_returns_error",
			run:    concError,
		},
		{
			origin: "conc: pool.TestContextPool/wait_error_is_all_returned_errors",
			run:    concAllErrors,
		},
		{
			origin: "conc: pool.TestContextPool/context_error_propagates/canceled",
			run:    concParentCancelled,
		},
		{
			origin: "conc: pool.TestContextPool/context_error_propagates/timed_out",
			run:    concParentTimedOut,
		},
		{
			origin: "conc: pool.TestContextPool/context_error_propagates/return_before_timed_out",
			run:    concEndsBeforeItsTime,
		},
		{origin: "conc: pool.TestContextPool/WithCancelOnError", run: concCancelOnError},
		{origin: "conc: pool.TestContextPool/no_WithCancelOnError", run: concNoCancelOnError},
		{origin: "conc: pool.TestContextPool/WithFirstError", run: concFirstError},
		{origin: "conc: pool.TestContextPool/WithFailFast", run: concCancelOnError},
		{origin: "conc: pool.TestContextPool/WithCancelOnError_and_panic", run: concCancelOnPanic},
		{origin: "conc: pool.TestContextPool/limit", run: concLimit},
	})
}

func TestConc_resultPool(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: pool.ExampleResultPool", run: concResults},
		{origin: "conc: pool.TestResultGroup/basic", run: concResults},
		{origin: "conc: pool.TestResultGroup/deterministic_order", run: concResults},
		{origin: "conc: pool.TestResultGroup/limit", run: concLimit},
		{origin: "conc: pool.TestResultGroup/reuse", run: concResultsOfRounds},
		{
			origin: "conc: pool.TestResultErrorPool/wait_returns_no_error_if_no_errors",
			run:    concResults,
		},
		{
			origin: "conc: pool.TestResultErrorPool/wait_error_if_func_returns_error",
			run:    concErroredResult,
		},
		{origin: "conc: pool.TestResultErrorPool/WithCollectErrored", run: concErroredResult},
		{origin: "conc: pool.TestResultErrorPool/WithFirstError", run: concFirstError},
		{
			origin: "conc: pool.TestResultErrorPool/wait_error_is_all_returned_errors",
			run:    concEachItsResult,
		},
		{origin: "conc: pool.TestResultErrorPool/limit", run: concLimit},
		{origin: "conc: pool.TestResultErrorPool/reuse", run: concResultsOfRounds},
		{
			origin: "conc: pool.TestResultContextPool/wait_returns_no_error_if_no_errors",
			run:    concResults,
		},
		{
			origin: "conc: pool.TestResultContextPool/wait_error_if_func_returns_error",
			run:    concErroredResult,
		},
		{
			origin: "conc: pool.TestResultContextPool/wait_error_is_all_returned_errors",
			run:    concEachItsResult,
		},
		{
			origin: "conc: pool.TestResultContextPool/context_cancel_propagates",
			run:    concResultCancelled,
		},
		{origin: "conc: pool.TestResultContextPool/WithCancelOnError", run: concResultFailFast},
		{origin: "conc: pool.TestResultContextPool/WithFailFast", run: concResultFailFast},
		{
			origin: "conc: pool.TestResultContextPool/WithCancelOnError_and_panic",
			run:    concResultPanic,
		},
		{origin: "conc: pool.TestResultContextPool/no_WithCancelOnError", run: concEachItsResult},
		{origin: "conc: pool.TestResultContextPool/WithCollectErrored", run: concErroredResult},
		{origin: "conc: pool.TestResultContextPool/WithFirstError", run: concFirstError},
		{origin: "conc: pool.TestResultContextPool/limit", run: concLimit},
		{origin: "conc: pool.TestResultContextPool/reuse", run: concResultsOfRounds},
	})
}

// The limit is kept and reached, and the results stand in the order of the
// calls.
func concLimit(t *testing.T) {
	for _, limit := range []int{1, 10, 100} {
		var g gauge
		futures := make([]*scope.Future[int], 10*limit)
		err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			for n := range futures {
				futures[n] = scope.Async(s, "task", func(context.Context) (int, error) {
					g.enter()
					defer g.leave()
					time.Sleep(time.Millisecond)
					return n, nil
				})
			}
			return nil
		}, scope.Limit(limit))
		wantIs(t, err, nil)
		if g.peak != limit || g.inside != 0 {
			t.Errorf("%d at a time, %d left, want %d and 0", g.peak, g.inside, limit)
		}
		for n, future := range futures {
			if got, err := future.Result(); got != n || err != nil {
				t.Errorf("result %d is %d, %v", n, got, err)
			}
		}
	}
}

func concPanicsGiveBack(t *testing.T) {
	var l ledger
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range 10 {
			s.Go("panics", panics(42))
		}
		return nil
	}, scope.Limit(2), scope.OnFailure(l.handle))
	wantIs(t, err, nil)
	if told := l.told(); len(told) != 10 {
		t.Errorf("told of %d panics, want 10", len(told))
	}
}

func concLimitIsShown(t *testing.T) {
	s := scope.Open(t.Context(), scope.Limit(42))
	if got := s.Info().Limit; got != 42 {
		t.Errorf("Limit is %d, want 42", got)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// The released version of conc panics in the second round.
func concReuse(t *testing.T) {
	var g gauge
	s := scope.Open(t.Context())
	for round := 1; round <= 2; round++ {
		for range 10 {
			s.Go("task", func(context.Context) error { g.enter(); return nil })
		}
		wantIs(t, s.Wait(t.Context()), nil)
		if g.total != 10*round {
			t.Errorf("%d have run after round %d", g.total, round)
		}
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func concNoError(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", nothing)
		return nil
	})
	wantIs(t, err, nil)
}

func concError(t *testing.T) {
	ohNo := errors.New("oh no")
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", func(ctx context.Context) error { <-ctx.Done(); return nil })
		s.Go("fails", returns(ohNo))
		return nil
	})
	wantIs(t, err, ohNo)
}

// All of them are kept where that is asked for, up to a number; else the later
// ones go to the handler.
func concAllErrors(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	body := func(_ context.Context, s *scope.Scope) error {
		for _, err := range []error{err1, nil, err2} {
			s.Go("task", func(context.Context) error {
				time.Sleep(time.Second) // all are admitted
				return err
			})
		}
		return nil
	}
	err := scope.Run(t.Context(), body, scope.KeepErrors(3))
	wantIs(t, err, err1)
	wantIs(t, err, err2)

	var l ledger
	err = scope.Run(t.Context(), body, scope.OnFailure(l.handle))
	all := errors.Join(append(l.told(), err)...)
	wantIs(t, all, err1)
	wantIs(t, all, err2)
	if len(l.told()) != 1 {
		t.Errorf("told of %v, want one", l.told())
	}
}

// In the second round nothing is left of the errors of the first.
func concReuseAfterErrors(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(l.handle))
	for round, err := range []error{err1, err2} {
		s.Go("task", returns(err))
		wantIs(t, s.Wait(t.Context()), nil)
		if told := l.told(); len(told) != round+1 {
			t.Fatalf("told of %v after round %d", told, round+1)
		} else {
			wantIs(t, told[round], err)
		}
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func concParentCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("task", untilCancelled)
		cancel()
		return nil
	})
	wantIs(t, err, context.Canceled)
}

func concParentTimedOut(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("task", untilCancelled)
		return nil
	})
	wantIs(t, err, context.DeadlineExceeded)
}

func concEndsBeforeItsTime(t *testing.T) {
	start := time.Now()
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
				return nil
			}
		})
		return nil
	}, scope.Timeout(time.Second))
	wantIs(t, err, nil)
	if took := time.Since(start); took != time.Millisecond {
		t.Errorf("took %v, want 1ms", took)
	}
}

// conc joins the sibling's context.Canceled to the failure, unless it is told to
// fail fast. Here an echo of the cancellation is no failure.
func concCancelOnError(t *testing.T) {
	ohNo := errors.New("I cancel all others")
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("sibling", untilCancelled)
		s.Go("fails", returns(ohNo))
		return nil
	}, scope.KeepErrors(5))
	wantIs(t, err, ohNo)
	if errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, with an echo", err)
	}
}

// Without it a pool is what is supervised here: the sibling ends in its own time.
func concNoCancelOnError(t *testing.T) {
	err1 := errors.New("1")
	var l ledger
	var sibling *scope.Task
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		sibling = s.Go("sibling", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Millisecond):
				return nil
			}
		})
		s.Go("fails", returns(err1))
		return nil
	}, scope.OnFailure(l.handle))
	wantIs(t, err, nil)
	wantIs(t, sibling.Err(), nil)
	wantIs(t, errors.Join(l.told()...), err1)
}

// The first in time, whichever was started first. The second is not lost.
func concFirstError(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	var l ledger
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("second", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(10 * time.Millisecond)
			return err2
		})
		s.Go("first", returns(err1))
		return nil
	}, scope.OnFailure(l.handle))
	wantIs(t, err, err1)
	if errors.Is(err, err2) {
		t.Errorf("error is %v", err)
	}
	wantIs(t, errors.Join(l.told()...), err2)
}

func concCancelOnPanic(t *testing.T) {
	var siblings []*scope.Task
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		siblings = []*scope.Task{s.Go("sibling", untilCancelled), s.Go("sibling", untilCancelled)}
		s.Go("panics", panics("abort!"))
		return nil
	})
	wantPanic(t, err, "abort!")
	for _, sibling := range siblings {
		wantIs(t, sibling.Err(), scope.ErrCancelled)
	}
}

// The released version of conc returns results in the order of the ends.
func concResults(t *testing.T) {
	futures := make([]*scope.Future[int], 100)
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for n := range futures {
			futures[n] = scope.Async(s, "task", func(context.Context) (int, error) {
				time.Sleep(rand.N(100 * time.Millisecond))
				return 2 * n, nil
			})
		}
		return nil
	})
	wantIs(t, err, nil)
	for n, future := range futures {
		if got, err := future.Result(); got != 2*n || err != nil {
			t.Errorf("result %d is %d, %v", n, got, err)
		}
	}
}

func concResultsOfRounds(t *testing.T) {
	boom := errors.New("boom")
	s := scope.OpenSupervised(t.Context())
	for n, err := range []error{nil, boom, nil} {
		future := scope.Async(s, "task", func(context.Context) (int, error) { return n, err })
		wantIs(t, s.Wait(t.Context()), nil)
		got, failure := future.Result()
		wantIs(t, failure, err)
		if err == nil && got != n {
			t.Errorf("result is %d, want %d", got, n)
		}
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// conc collects the value that came with an error if it is asked to. Here who
// fails has none.
func concErroredResult(t *testing.T) {
	err1 := errors.New("1")
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		got, err := scope.Async(s, "task", func(context.Context) (int, error) {
			return 7, err1
		}).Wait(ctx)
		wantIs(t, err, err1)
		if got != 0 {
			t.Errorf("result is %d", got)
		}
		return nil
	})
	wantIs(t, err, err1)
}

func concEachItsResult(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		var futures []*scope.Future[string]
		for _, err := range []error{err1, nil, err2} {
			futures = append(futures, scope.Async(s, "task",
				func(context.Context) (string, error) { return fmt.Sprint(err), err }))
		}
		for n, want := range []error{err1, nil, err2} {
			got, err := futures[n].Wait(ctx)
			wantIs(t, err, want)
			if want == nil && got != "<nil>" {
				t.Errorf("result is %q", got)
			}
		}
		return nil
	})
	wantIs(t, err, nil)
}

func concResultCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var future *scope.Future[int]
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		future = scope.Async(s, "task", func(ctx context.Context) (int, error) {
			return 0, untilCancelled(ctx)
		})
		cancel()
		return nil
	})
	wantIs(t, err, context.Canceled)
	_, err = future.Result()
	wantIs(t, err, scope.ErrCancelled)
	wantIs(t, err, context.Canceled)
}

func concResultFailFast(t *testing.T) {
	err1 := errors.New("1")
	var future *scope.Future[int]
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		future = scope.Async(s, "sibling", func(ctx context.Context) (int, error) {
			return 1, untilCancelled(ctx)
		})
		scope.Async(s, "fails", func(context.Context) (int, error) { return 0, err1 })
		return nil
	})
	wantIs(t, err, err1)
	if errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, with an echo", err)
	}
	got, err := future.Result()
	wantIs(t, err, scope.ErrCancelled)
	if got != 0 {
		t.Errorf("the cancelled one has a result, %d", got)
	}
}

func concResultPanic(t *testing.T) {
	var siblings []*scope.Future[int]
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range 2 {
			siblings = append(siblings, scope.Async(s, "sibling",
				func(ctx context.Context) (int, error) { return 0, untilCancelled(ctx) }))
		}
		scope.Async(s, "panics", func(context.Context) (int, error) { panic("abort!") })
		return nil
	})
	wantPanic(t, err, "abort!")
	cancelled := func(f *scope.Future[int]) bool { return errors.Is(f.Err(), scope.ErrCancelled) }
	if len(siblings) != 2 || !slices.ContainsFunc(siblings, cancelled) ||
		slices.ContainsFunc(siblings, func(f *scope.Future[int]) bool { return !cancelled(f) }) {
		t.Error("a sibling was not cancelled")
	}
}
