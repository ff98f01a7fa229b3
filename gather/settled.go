package gather

import (
	"context"
	"slices"

	"github.com/supervisorscope/scope"
)

// A Result is the outcome of one function.
type Result[T any] struct {
	// Value is what the function returned, or the zero value if Err is set.
	Value T
	// Err is nil if the function returned no error. If it failed it is a
	// [*scope.Failure]. If it was cancelled, it Is [scope.ErrCancelled] and the
	// cause; if it was never called, because ctx was done, [scope.ErrClosed] and
	// the cause.
	Err error
}

// Settled calls fs, all at the same time, and returns their outcomes in the order
// of fs, when all of them have ended. A failure leaves the other functions alone
// and stands in the place of its function, and so does a panic; no handler is told
// of it. If ctx is cancelled, the results say so.
func Settled[T any](ctx context.Context, fs ...func(context.Context) (T, error)) []Result[T] {
	mustHave(fs)
	results := make([]Result[T], len(fs))
	err := scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
		calls := make([]call[T], len(fs))
		for i, f := range fs {
			calls[i] = begin(ctx, s, nameOf(f).at(i), f)
		}
		for i, c := range calls {
			results[i] = c.result(ctx)
		}
		return nil
	}, scope.Name("gather.Settled"))
	f := fatalOf(ctx, err)
	told := func(r Result[T]) bool { return failureOf(r.Err) == f }
	if f != nil && !slices.ContainsFunc(results, told) {
		scope.Report(ctx, f) // of a task that a function has started
	}
	return results
}
