package peers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// arunsworld/nursery has a function for each way to end: when all have ended,
// when the first has, after a time, with a context. Here these are a scope, in
// which somebody calls Cancel(nil), MoveOnAfter, and the context of Run.
func TestNursery(t *testing.T) {
	runRows(t, []row{
		{origin: "nursery: Example", run: nurseryPubSub},
		{origin: "nursery: ExampleConcurrentJob", run: nurseryLongest},
		{
			origin: "nursery: TestRunMultipleCopiesConcurrently/producer_and_consumers",
			run:    nurseryPubSub,
		},
	})
}

func TestNursery_concurrently(t *testing.T) {
	runRows(t, []row{
		{origin: "nursery: TestRunConcurrently/we_wait_for_the_longest", run: nurseryLongest},
		{origin: "nursery: TestRunConcurrently/all_jobs_are_cleaned_up", run: nurseryCleanUp},
		{origin: "nursery: TestRunConcurrently/bail_early", run: nurseryBail(false)},
		{origin: "nursery: TestRunConcurrently/multiple_errors", run: nurseryErrors(false)},
		{
			origin: "nursery: TestRunConcurrentlyWithContext/parent_context_cancellation",
			run:    nurseryParent,
		},
		{
			origin: "nursery: TestRunConcurrentlyWithTimeout/timeout_stops",
			run:    nurseryTimeout(false),
		},
		{
			origin: "nursery: TestRunConcurrentlyWithTimeout/jobs_finish_before_timeout",
			run:    nurseryInTime(false),
		},
		{
			origin: "nursery: TestRunConcurrentlyWithTimeout/bail_early",
			run:    nurseryBail(false, scope.MoveOnAfter(time.Second)),
		},
		{
			origin: "nursery: TestRunConcurrentlyWithTimeout/multiple_errors",
			run:    nurseryErrors(false, scope.MoveOnAfter(time.Second)),
		},
	})
}

func TestNursery_untilFirstCompletion(t *testing.T) {
	runRows(t, []row{
		{origin: "nursery: TestRunUntilFirstCompletion/we_wait_for_the_short", run: nurseryFirst},
		{origin: "nursery: TestRunUntilFirstCompletion/bail_early", run: nurseryBail(true)},
		{origin: "nursery: TestRunUntilFirstCompletion/multiple_errors", run: nurseryErrors(true)},
		{
			origin: "nursery: TestRunUntilFirstCompletionWithContext/parent_context_cancellation",
			run:    nurseryParent,
		},
		{
			origin: "nursery: TestRunUntilFirstCompletionWithTimeout/timeout_stops",
			run:    nurseryTimeout(true),
		},
		{
			origin: "nursery: TestRunUntilFirstCompletionWithTimeout/quick_job_finishes",
			run:    nurseryInTime(true),
		},
		{
			origin: "nursery: TestRunUntilFirstCompletionWithTimeout/bail_early",
			run:    nurseryBail(true, scope.MoveOnAfter(time.Second)),
		},
		{
			origin: "nursery: TestRunUntilFirstCompletionWithTimeout/multiple_errors",
			run:    nurseryErrors(true, scope.MoveOnAfter(time.Second)),
		},
	})
}

// jobs runs all jobs, until the first one has ended if that is asked for, and
// returns the error and how long it took.
func jobs(
	ctx context.Context, untilFirst bool, opts []scope.Option,
	all ...func(context.Context) error,
) (time.Duration, error) {
	start := time.Now()
	err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		for _, job := range all {
			s.Go("job", func(ctx context.Context) error {
				err := job(ctx)
				if untilFirst && err == nil {
					s.Cancel(nil)
				}
				return err
			})
		}
		return nil
	}, opts...)
	return time.Since(start), err
}

// takes is a job that ends with err after d, or with its context.
func takes(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(d):
			return err
		}
	}
}

func wantTook(t *testing.T, took, want time.Duration) {
	t.Helper()
	if took != want {
		t.Errorf("took %v, want %v", took, want)
	}
}

func nurseryLongest(t *testing.T) {
	const ms = time.Millisecond
	for _, order := range [][]time.Duration{{ms, 5 * ms, 0}, {0, ms, 5 * ms}} {
		var done gauge
		var all []func(context.Context) error
		for _, d := range order {
			all = append(all, func(context.Context) error {
				time.Sleep(d)
				done.enter()
				return nil
			})
		}
		took, err := jobs(t.Context(), false, nil, all...)
		wantIs(t, err, nil)
		wantTook(t, took, 5*ms)
		if done.entered() != 3 {
			t.Errorf("%d of 3 are done", done.entered())
		}
	}
}

// Jobs that do not look at their context are waited for all the same.
func nurseryCleanUp(t *testing.T) {
	boom := errors.New("boom")
	deaf := func(context.Context) error { time.Sleep(5 * time.Millisecond); return nil }
	took, err := jobs(t.Context(), false, nil, deaf, deaf, takes(time.Millisecond, boom), deaf)
	wantIs(t, err, boom)
	wantTook(t, took, 5*time.Millisecond)
}

func nurseryBail(untilFirst bool, opts ...scope.Option) func(*testing.T) {
	return func(t *testing.T) {
		boom := errors.New("boom")
		took, err := jobs(t.Context(), untilFirst, opts,
			takes(2*time.Millisecond, boom), untilCancelled)
		wantIs(t, err, boom)
		wantTook(t, took, 2*time.Millisecond)
	}
}

// A nursery drops the second error. Here the handler has it.
func nurseryErrors(untilFirst bool, opts ...scope.Option) func(*testing.T) {
	return func(t *testing.T) {
		first, second := errors.New("first"), errors.New("second")
		var l ledger
		took, err := jobs(t.Context(), untilFirst, append(opts, scope.OnFailure(l.handle)),
			takes(2*time.Millisecond, first), untilCancelled,
			func(context.Context) error { time.Sleep(4 * time.Millisecond); return second })
		wantIs(t, err, first)
		wantIs(t, errors.Join(l.told()...), second)
		wantTook(t, took, 4*time.Millisecond)
	}
}

func nurseryFirst(t *testing.T) {
	took, err := jobs(t.Context(), true, nil,
		takes(time.Millisecond, nil), takes(500*time.Second, nil))
	wantIs(t, err, nil)
	wantTook(t, took, time.Millisecond)
}

func nurseryTimeout(untilFirst bool) func(*testing.T) {
	return func(t *testing.T) {
		took, err := jobs(t.Context(), untilFirst,
			[]scope.Option{scope.MoveOnAfter(10 * time.Millisecond)},
			untilCancelled, untilCancelled)
		wantIs(t, err, nil)
		wantTook(t, took, 10*time.Millisecond)
	}
}

func nurseryInTime(untilFirst bool) func(*testing.T) {
	return func(t *testing.T) {
		took, err := jobs(t.Context(), untilFirst, []scope.Option{scope.MoveOnAfter(time.Second)},
			takes(5*time.Millisecond, nil), takes(10*time.Millisecond, nil))
		wantIs(t, err, nil)
		if untilFirst {
			wantTook(t, took, 5*time.Millisecond)
		} else {
			wantTook(t, took, 10*time.Millisecond)
		}
	}
}

// A nursery returns nil then. Here the cause is not lost, so that a caller can
// tell work that is done from work that was broken off.
func nurseryParent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	took, err := jobs(ctx, false, nil, untilCancelled, untilCancelled)
	wantIs(t, err, context.DeadlineExceeded)
	wantTook(t, took, 10*time.Millisecond)
}

// One producer, and five consumers in a scope of their own, which share evenly.
func nurseryPubSub(t *testing.T) {
	items := make(chan struct{})
	var mu sync.Mutex
	got := make(map[int]int)
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("producer", func(context.Context) error {
			defer close(items)
			for range 10 {
				items <- struct{}{}
			}
			return nil
		})
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			for id := range 5 {
				s.Go("consumer", func(context.Context) error {
					for range items {
						time.Sleep(10 * time.Millisecond)
						mu.Lock()
						got[id]++
						mu.Unlock()
					}
					return nil
				})
			}
			return nil
		})
	})
	wantIs(t, err, nil)
	for id := range 5 {
		if got[id] != 2 {
			t.Errorf("consumer %d had %d items, want 2", id, got[id])
		}
	}
}
