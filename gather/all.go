package gather

import (
	"context"
	"sync/atomic"

	"github.com/supervisorscope/scope"
)

// All calls fs, all at the same time, and returns their values in the order of
// fs.
//
// It fails fast: the first failure cancels the other functions and is returned,
// when all of them have ended, as a [*scope.Failure]. There are no values then;
// [Settled] keeps those. Failures that come later go to the handler. If ctx is
// cancelled, All returns its cause; if a function has cancelled the scope of the
// call without one, and a value is missing for that, [scope.ErrCancelled]. All of
// nothing is an empty slice.
func All[T any](ctx context.Context, fs ...func(context.Context) (T, error)) ([]T, error) {
	mustHave(fs)
	values := make([]T, len(fs))
	var have atomic.Int64
	err := scope.Run(ctx, func(all context.Context, s *scope.Scope) error {
		for i, f := range fs {
			s.Go(nameOf(f).at(i), func(ctx context.Context) (err error) {
				values[i], err = f(ctx)
				if err == nil || all.Err() == nil {
					have.Add(1)
				}
				return err
			})
		}
		return nil
	}, scope.Name("gather.All"))
	return allOf(values, have.Load(), err)
}

// Map calls f for each of in, at most n at a time, and returns the values in the
// order of in. The calls begin in that order.
//
// It fails fast, as [All] does: the first failure cancels the calls that are in
// progress, no others begin, and it is returned when all have ended. To keep what
// there is, range over [Ordered].
func Map[In, Out any](
	ctx context.Context, n int, in []In, f func(context.Context, In) (Out, error),
) ([]Out, error) {
	mustLimit(n)
	mustCall(f == nil)
	values := make([]Out, len(in))
	var have atomic.Int64
	name := nameOf(f)
	err := scope.Run(ctx, func(all context.Context, s *scope.Scope) error {
		// Not a Limit of the scope, which would refuse what f itself starts in it.
		slots := make(chan struct{}, n)
		for i, v := range in {
			select {
			case slots <- struct{}{}:
			case <-all.Done():
				return nil // Run returns why
			}
			s.Go(name.at(i), func(ctx context.Context) (err error) {
				values[i], err = f(ctx, v)
				if err == nil || all.Err() == nil {
					have.Add(1)
				}
				// A call that has failed keeps its slot: another one would begin before
				// s is cancelled.
				if err == nil || ctx.Err() != nil {
					<-slots
				}
				return err
			})
		}
		return nil
	}, scope.Name("gather.Map"))
	return allOf(values, have.Load(), err)
}

// allOf returns values, of which n are there or were given up one by one, unless
// the call ended with err.
func allOf[T any](values []T, n int64, err error) ([]T, error) {
	if err == nil && n < int64(len(values)) {
		// A function has cancelled the scope of the call without a reason: a clean
		// end of that, but not with every value.
		err = scope.ErrCancelled
	}
	if err != nil {
		return nil, err
	}
	return values, nil
}
