package gather

import (
	"context"

	"github.com/supervisorscope/scope"
)

// A call is a function that was started as a task of a supervised scope, or
// refused.
type call[T any] struct {
	future  *scope.Future[T]
	refusal error // why there is no future
}

// begin starts f as a task of s, whose body's context is ctx. Its failure is told
// to who asks for the result, and to the handler only if nobody does.
func begin[T any](
	ctx context.Context, s *scope.Scope, name string, f func(context.Context) (T, error),
) call[T] {
	if ctx.Err() != nil {
		// TryGo tells nobody else that it refuses; of a refused Async the handler
		// hears, too.
		if _, err := s.TryGo(name, nothing); err != nil {
			return call[T]{refusal: err}
		}
	}
	future := scope.Async(s, name, f)
	select {
	case <-future.Done():
		if future.Info().State == "refused" { // s was closed in between
			return call[T]{refusal: future.Err()}
		}
	default:
	}
	return call[T]{future: future}
}

func nothing(context.Context) error { return nil }

// result waits for the end of the task, also if ctx is done: then it is on its
// way.
func (c call[T]) result(ctx context.Context) Result[T] {
	if c.future == nil {
		return Result[T]{Err: c.refusal}
	}
	v, err := c.future.Wait(context.WithoutCancel(ctx))
	return Result[T]{Value: v, Err: err}
}

// failureOf returns err, how a task has ended, if that is its failure, or nil. The
// error of one that was cancelled may wrap the failure of another.
func failureOf(err error) *scope.Failure {
	f, _ := err.(*scope.Failure) //nolint:errorlint // this very value is meant
	return f
}

// fatalOf returns the fatal failure that brought down a supervised scope, or nil.
// err is its result and ctx what it was opened with.
func fatalOf(ctx context.Context, err error) *scope.Failure {
	f := failureOf(err)
	if f == failureOf(context.Cause(ctx)) {
		return nil // it has cancelled ctx, and belongs to a scope above
	}
	return f
}
