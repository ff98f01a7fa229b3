package peers_test

import (
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// aiotools' gather_safe is our gather.Settled, its race gather.Race, and its
// as_completed_safe gather.Completed.

type computation = func(context.Context) (int, error)

// job is a computation of some seconds that notes how it ended. It takes a moment
// to clean up when it is cancelled.
func (s *steps) job(seconds float64, value int, err error) computation {
	return func(ctx context.Context) (int, error) {
		d := time.Duration(seconds * float64(time.Second))
		if stopped := pass(ctx, d); stopped != nil {
			time.Sleep(100 * time.Millisecond)
			s.add("cancelled")
			return 0, stopped
		}
		s.add("done")
		return value, err
	}
}

// settled checks one result; a nil err wants a value.
func settled(t *testing.T, r gather.Result[int], value int, err error) {
	t.Helper()
	is(t, "Err", r.Err, err)
	same(t, "Value", r.Value, value)
}

func TestAiotools_Gather(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_gather_safe", run: func(t *testing.T) {
			var done steps
			results := gather.Settled(t.Context(),
				done.job(3, 3, nil), done.job(2, 2, nil), done.job(1, 1, nil))
			for i, want := range []int{3, 2, 1} {
				settled(t, results[i], want, nil)
			}
		}},
		{origin: "aiotools: test_gather_safe_partial_failure", run: func(t *testing.T) {
			var done steps
			results := gather.Settled(t.Context(),
				done.job(3, 3, nil), done.job(2, 0, errOne), done.job(1, 1, nil))
			settled(t, results[0], 3, nil)
			settled(t, results[1], 0, errOne)
			settled(t, results[2], 1, nil)
			done.is(t, "done", "done", "done")
		}},
		// With the peer what came in time is lost. Here it is in its place.
		{origin: "aiotools: test_gather_safe_timeout", run: func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
			defer cancel()
			var done steps
			results := gather.Settled(ctx,
				done.job(1, 1, nil), done.job(2, 0, errOne), done.job(3, 3, nil),
				done.job(4, 4, nil), done.job(5, 0, errOne), done.job(6, 0, errOne))
			done.is(t, "done", "done", "done", "cancelled", "cancelled", "cancelled")
			settled(t, results[0], 1, nil)
			settled(t, results[1], 0, errOne)
			settled(t, results[2], 3, nil)
			for _, r := range results[3:] {
				is(t, "Err", r.Err, scope.ErrCancelled, context.DeadlineExceeded)
			}
		}},
	})
}

// Race is the peer's race with continue_on_error: who fails has not won. Without,
// the peer's race is lost by the first error.
func TestAiotools_Race(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_race_partial_failure", run: func(t *testing.T) {
			var done steps
			value, err := gather.Race(t.Context(),
				done.job(1, 1, nil), done.job(3, 0, errOne), done.job(5, 5, nil))
			is(t, "Race()", err, nil)
			same(t, "value", value, 1)
			done.is(t, "done", "cancelled", "cancelled")
		}},
		{
			origin: "aiotools: test_race_partial_failure, the first to end has failed",
			run: func(t *testing.T) {
				var done steps
				value, err := gather.Race(t.Context(),
					done.job(3, 0, errOne), done.job(4, 4, nil), done.job(5, 5, nil))
				is(t, "Race()", err, nil)
				same(t, "value", value, 4)
				done.is(t, "done", "done", "cancelled")
			},
		},
		{origin: "aiotools: test_race_continue_on_error", run: func(t *testing.T) {
			var done steps
			value, err := gather.Race(t.Context(),
				done.job(3, 0, errOne), done.job(3.5, 0, errTwo), done.job(4, 4, nil),
				done.job(4.5, 0, errThree), done.job(5, 5, nil))
			is(t, "Race()", err, nil)
			same(t, "value", value, 4)
			done.is(t, "done", "done", "done", "cancelled", "cancelled")
		}},
		{origin: "aiotools: test_race_empty_coro_list", run: func(t *testing.T) {
			_, err := gather.Race[int](t.Context())
			is(t, "Race()", err, gather.ErrEmpty)
		}},
		{
			origin: "aiotools: test_race_all_failure_with_continue_on_error",
			run: func(t *testing.T) {
				var done steps
				_, err := gather.Race(t.Context(),
					done.job(1, 0, errOne), done.job(3, 0, errTwo), done.job(5, 0, errThree))
				is(t, "Race()", err, errOne, errTwo, errThree)
				done.is(t, "done", "done", "done")
			},
		},
	})
}

// completed yields the results of jobs as they come.
func completed(ctx context.Context, jobs ...computation) iter.Seq2[int, error] {
	call := func(ctx context.Context, f computation) (int, error) { return f(ctx) }
	return func(yield func(int, error) bool) {
		for _, r := range gather.Completed(ctx, len(jobs), slices.Values(jobs), call) {
			if !yield(r.Value, r.Err) {
				return
			}
		}
	}
}

func TestAiotools_AsCompleted(t *testing.T) {
	runRows(t, []row{
		{origin: "aiotools: test_as_completed_safe", run: func(t *testing.T) {
			var done steps
			values := collect(t, completed(t.Context(),
				done.job(3, 1, nil), done.job(2, 2, nil), done.job(1, 3, nil)), nil, nil, nil)
			same(t, "in order of completion", slices.Equal(values, []int{3, 2, 1}), true)
		}},
		{origin: "aiotools: test_as_completed_safe_partial_failure", run: func(t *testing.T) {
			var done steps
			values := collect(t, completed(t.Context(), done.job(1, 1, nil),
				done.job(2, 0, errOne), done.job(3, 3, nil), done.job(4, 0, errTwo)),
				nil, errOne, nil, errTwo)
			same(t, "in order of completion", slices.Equal(values, []int{1, 0, 3, 0}), true)
		}},
		{origin: "aiotools: test_as_completed_safe_immediate_failures", run: func(t *testing.T) {
			var done steps
			collect(t, completed(t.Context(),
				done.job(0, 0, errOne), done.job(0, 0, errOne), done.job(0, 0, errOne)),
				errOne, errOne, errOne)
			done.is(t, "done", "done", "done")
		}},
		// With the peer the loop is interrupted. Here it is told of each job that
		// was cancelled, and whether it goes on is its own affair.
		{origin: "aiotools: test_as_completed_safe_timeout_vanilla", run: func(t *testing.T) {
			interruptedLoop(t, 0)
		}},
		{origin: "aiotools: test_as_completed_safe_timeout_in_middle", run: func(t *testing.T) {
			interruptedLoop(t, time.Second)
		}},
		{origin: "aiotools: test_as_completed_safe_cancel_from_body", run: leftLoop},
		// With the peer, whoever leaves the loop and has not closed the generator
		// leaves jobs behind. Here a loop cannot be left without that.
		{
			origin: "aiotools: test_as_completed_safe_error_from_body_without_aclosing",
			run:    leftLoop,
		},
	})
}

// collect returns the values of results and checks their errors.
func collect(t *testing.T, results iter.Seq2[int, error], want ...error) (values []int) {
	t.Helper()
	for value, err := range results {
		if len(values) < len(want) {
			is(t, "error", err, want[len(values)])
		}
		values = append(values, value)
	}
	same(t, "results", len(values), len(want))
	return values
}

// interruptedLoop loops over results until after a timeout. Each round takes some
// time.
func interruptedLoop(t *testing.T, takes time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var done steps
	slowly := func(yield func(int, error) bool) {
		for value, err := range completed(ctx,
			done.job(1, 1, nil), done.job(2, 2, nil), done.job(3, 3, nil)) {
			_ = pass(ctx, takes)
			if !yield(value, err) {
				return
			}
		}
	}
	values := collect(t, slowly, nil, context.DeadlineExceeded, context.DeadlineExceeded)
	same(t, "values in time", slices.Equal(values, []int{1, 0, 0}), true)
	done.is(t, "done", "cancelled", "cancelled")
}

// leftLoop leaves a loop over results after the second one.
func leftLoop(t *testing.T) {
	t.Helper()
	var done steps
	sum := 0
	for value, err := range completed(t.Context(),
		done.job(1, 1, nil), done.job(2, 2, nil), done.job(3, 3, nil)) {
		is(t, "error", err, nil)
		if sum += value; sum == 3 {
			break
		}
	}
	done.is(t, "done", "done", "cancelled")
}
