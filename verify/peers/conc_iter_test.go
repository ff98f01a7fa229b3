package peers_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// conc's loops and streams are calls of package gather.

func TestConc_iter(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: iter.ExampleIterator", run: iterMutates},
		{origin: "conc: iter.TestIterator/safe_for_reuse", run: iterOptionIsNotUsedUp},
		{
			origin: "conc: iter.TestIterator/allows_more_than_defaultMaxGoroutines()",
			run:    iterHasNoDefaultLimit,
		},
		{origin: "conc: iter.TestForEachIdx/empty", run: iterEmpty},
		{origin: "conc: iter.TestForEachIdx/panic_is_propagated", run: iterPanics},
		{origin: "conc: iter.TestForEachIdx/mutating_inputs_is_fine", run: iterMutates},
		{origin: "conc: iter.TestForEachIdx/huge_inputs", run: iterHuge},
		{origin: "conc: iter.TestForEach/empty", run: iterEmpty},
		{origin: "conc: iter.TestForEach/panic_is_propagated", run: iterPanics},
		{origin: "conc: iter.TestForEach/mutating_inputs_is_fine", run: iterMutates},
		{origin: "conc: iter.TestForEach/huge_inputs", run: iterHuge},
		{origin: "conc: iter.ExampleMapper", run: iterMaps},
		{origin: "conc: iter.TestMap/empty", run: iterEmpty},
		{origin: "conc: iter.TestMap/panic_is_propagated", run: iterPanics},
		{
			origin: "conc: iter.TestMap/mutating_inputs_is_fine_though_not_recommended",
			run:    iterMutates,
		},
		{origin: "conc: iter.TestMap/basic_increment", run: iterMaps},
		{origin: "conc: iter.TestMap/huge_inputs", run: iterHuge},
		{origin: "conc: iter.TestMapErr/empty", run: iterEmpty},
		{origin: "conc: iter.TestMapErr/panic_is_propagated", run: iterPanics},
		{
			origin: "conc: iter.TestMapErr/mutating_inputs_is_fine_though_not_recommended",
			run:    iterMutates,
		},
		{origin: "conc: iter.TestMapErr/basic_increment", run: iterMaps},
		{origin: "conc: iter.TestMapErr/error_is_propagated", run: iterOneError},
		{origin: "conc: iter.TestMapErr/multiple_errors_are_propagated", run: iterTwoErrors},
		{origin: "conc: iter.TestMapErr/huge_inputs", run: iterHuge},
	})
}

func TestConc_stream(t *testing.T) {
	runRows(t, []row{
		{origin: "conc: stream.ExampleStream", run: streamKeepsOrder},
		{origin: "conc: stream.TestStream/simple", run: streamKeepsOrder},
		{origin: "conc: stream.TestStream/nil_callback", run: streamWithoutCallback},
		{origin: "conc: stream.TestStream/max_goroutines", run: streamLimit},
		{origin: "conc: stream.TestStream/panic_in_task_is_propagated", run: streamTaskPanics},
		{
			origin: "conc: stream.TestStream/panic_in_callback_is_propagated",
			run:    streamCallbackPanics,
		},
		{
			origin: "conc: stream.TestStream/panic_in_callback_does_not_block_producers",
			run:    streamCallbackPanics,
		},
	})
}

// mapAll calls f for each item, at most eight at a time, and returns the results
// in the items' order, and all errors joined.
func mapAll[T, R any](
	ctx context.Context, items []T, f func(*T) (R, error),
) (results []R, err error) {
	places := func(yield func(*T) bool) {
		for n := range items {
			if !yield(&items[n]) {
				return
			}
		}
	}
	call := func(_ context.Context, item *T) (R, error) { return f(item) }
	for _, result := range gather.Ordered(ctx, 8, places, call) {
		results = append(results, result.Value)
		err = errors.Join(err, result.Err)
	}
	return results, err
}

func increment(n *int) (int, error) { return *n + 1, nil }

func iterMutates(t *testing.T) {
	items := []int{1, 2, 3, 4, 5}
	results, err := mapAll(t.Context(), items, func(n *int) (int, error) { *n++; return 0, nil })
	wantIs(t, err, nil)
	if want := []int{2, 3, 4, 5, 6}; !slices.Equal(items, want) {
		t.Errorf("items are %v, want %v", items, want)
	}
	if !slices.Equal(results, make([]int, 5)) {
		t.Errorf("results are %v", results)
	}
}

func iterMaps(t *testing.T) {
	items := []int{1, 2, 3, 4, 5}
	results, err := mapAll(t.Context(), items, increment)
	wantIs(t, err, nil)
	if want := []int{2, 3, 4, 5, 6}; !slices.Equal(results, want) {
		t.Errorf("results are %v, want %v", results, want)
	}
	if want := []int{1, 2, 3, 4, 5}; !slices.Equal(items, want) {
		t.Errorf("items are %v, want %v", items, want)
	}
}

func iterEmpty(t *testing.T) {
	results, err := mapAll(t.Context(), []int{}, func(*int) (int, error) {
		panic("is never called")
	})
	wantIs(t, err, nil)
	if len(results) != 0 {
		t.Errorf("results are %v", results)
	}
}

func iterPanics(t *testing.T) {
	_, err := mapAll(t.Context(), []int{1}, func(*int) (int, error) {
		panic("super bad thing happened")
	})
	wantPanic(t, err, "super bad thing happened")
}

func iterHuge(t *testing.T) {
	items := make([]int, 10_000)
	results, err := mapAll(t.Context(), items, increment)
	wantIs(t, err, nil)
	if slices.Min(results) != 1 || slices.Max(results) != 1 || len(results) != len(items) {
		t.Errorf("%d results, not all of them 1", len(results))
	}
}

func iterOneError(t *testing.T) {
	err1 := errors.New("1")
	results, err := mapAll(t.Context(), []int{1, 2, 3, 4, 5}, func(n *int) (int, error) {
		if *n == 3 {
			return 0, err1
		}
		return *n + 1, nil
	})
	wantIs(t, err, err1)
	if want := []int{2, 3, 0, 5, 6}; !slices.Equal(results, want) {
		t.Errorf("results are %v, want %v", results, want)
	}
}

func iterTwoErrors(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	results, err := mapAll(t.Context(), []int{1, 2, 3, 4, 5}, func(n *int) (int, error) {
		switch *n {
		case 3:
			return 0, err1
		case 4:
			return 0, err2
		}
		return *n + 1, nil
	})
	wantIs(t, err, err1)
	wantIs(t, err, err2)
	if want := []int{2, 3, 0, 0, 6}; !slices.Equal(results, want) {
		t.Errorf("results are %v, want %v", results, want)
	}
}

// conc once wrote the number of items into the iterator's own limit. An Option
// may be used for many scopes, too.
func iterOptionIsNotUsedUp(t *testing.T) {
	limit := scope.Limit(999)
	for range 2 {
		err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("task", nothing)
			if got := s.Info().Limit; got != 999 {
				t.Errorf("Limit is %d, want 999", got)
			}
			return nil
		}, limit)
		wantIs(t, err, nil)
	}
}

func iterHasNoDefaultLimit(t *testing.T) {
	tasks := 4 * runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	all.Add(tasks)
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range tasks {
			s.Go("meets all the others", func(context.Context) error {
				all.Done()
				all.Wait()
				return nil
			})
		}
		return nil
	})
	wantIs(t, err, nil)
}

// inOrder runs the tasks, at most five at a time, and calls what they return one
// after the other, in the order of the tasks.
func inOrder(ctx context.Context, tasks []func() func()) error {
	run := func(_ context.Context, task func() func()) (func(), error) { return task(), nil }
	for _, result := range gather.Ordered(ctx, 5, slices.Values(tasks), run) {
		if result.Err != nil {
			return result.Err
		}
		if callback := result.Value; callback != nil {
			callback()
		}
	}
	return nil
}

func streamKeepsOrder(t *testing.T) {
	var got []int
	var tasks []func() func()
	durations := []int{20, 52, 16, 45, 4, 80}
	for _, d := range durations {
		tasks = append(tasks, func() func() {
			time.Sleep(time.Duration(d) * time.Millisecond)
			return func() { got = append(got, d) }
		})
	}
	wantIs(t, inOrder(t.Context(), tasks), nil)
	if !slices.Equal(got, durations) {
		t.Errorf("order is %v, want %v", got, durations)
	}
}

func streamWithoutCallback(t *testing.T) {
	var g gauge
	tasks := slices.Repeat([]func() func(){func() func() { g.enter(); return nil }}, 5)
	wantIs(t, inOrder(t.Context(), tasks), nil)
	if g.total != 5 {
		t.Errorf("%d of 5 have run", g.total)
	}
}

func streamLimit(t *testing.T) {
	var tasks, callbacks gauge
	stay := func(g *gauge) {
		g.enter()
		defer g.leave()
		time.Sleep(time.Millisecond)
	}
	task := func() func() {
		stay(&tasks)
		return func() { stay(&callbacks) }
	}
	wantIs(t, inOrder(t.Context(), slices.Repeat([]func() func(){task}, 50)), nil)
	if tasks.peak > 5 || callbacks.peak != 1 || callbacks.total != 50 {
		t.Errorf("%d tasks and %d callbacks at a time, want 5 and 1; %d callbacks of 50",
			tasks.peak, callbacks.peak, callbacks.total)
	}
}

func streamTaskPanics(t *testing.T) {
	err := inOrder(t.Context(), []func() func(){func() func() { panic("in the task") }})
	wantPanic(t, err, "in the task")
}

// The callback is called by the loop, and its panic is the caller's. Those who
// come after it are not started, or are cancelled.
func streamCallbackPanics(t *testing.T) {
	tasks := []func() func(){func() func() { return func() { panic("in the callback") } }}
	for range 100 {
		tasks = append(tasks, func() func() { return func() {} })
	}
	value := recovered(func() { _ = inOrder(t.Context(), tasks) })
	if value != "in the callback" {
		t.Errorf("panic is %v", value)
	}
}
