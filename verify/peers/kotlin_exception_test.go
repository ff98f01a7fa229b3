package peers_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// What the peer attaches to the first exception as suppressed ones goes here to
// the handler, one by one, or stands beside the first in the result.
func TestKotlin_ExceptionHandling(t *testing.T) {
	runRows(t, []row{
		{
			origin: "kotlin: JobExceptionHandlingTest.testExceptionOnChildCancellation",
			run: func(t *testing.T) {
				s := scope.Open(t.Context())
				s.Go("child", cancelsAbove(s, nil))
				is(t, "Wait()", s.Wait(t.Context()), errTwo)
			},
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testExceptionOnChildCancellationWithCause",
			run: func(t *testing.T) {
				s := scope.Open(t.Context())
				s.Go("child", cancelsAbove(s, errOne))
				err := s.Wait(t.Context())
				is(t, "Wait()", err, errTwo)
				var f *scope.Failure
				same(t, "is a Failure", errors.As(err, &f), true)
				same(t, "its cause", f.Cause, errOne)
			},
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testMultipleChildrenThrowAtomically",
			run: func(t *testing.T) {
				h := &ledger{}
				s := scope.Open(t.Context(), scope.OnFailure(h.handle))
				s.Go("child", func(ctx context.Context) error {
					return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
						s.Go("a", deaf(time.Second, errOne))
						s.Go("b", deaf(2*time.Second, errTwo))
						s.Go("c", deaf(3*time.Second, errThree))
						return untilCancelled(ctx)
					})
				})
				is(t, "Wait()", s.Wait(t.Context()), errOne)
				heard(t, h, errTwo, errThree)
			},
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testMultipleChildrenAndParentThrowsAtomic",
			run: func(t *testing.T) {
				h := &ledger{}
				err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("a", deaf(time.Second, errTwo))
					s.Go("b", deaf(time.Second, errThree))
					return errOne
				}, scope.OnFailure(h.handle))
				same(t, "Run()", err, errOne)
				heard(t, h, errTwo, errThree)
			},
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testExceptionIsNotReported",
			run:    func(t *testing.T) { failsBelow(t, 1) },
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testExceptionIsNotReportedTripleChain",
			run:    func(t *testing.T) { failsBelow(t, 3) },
		},
		{
			origin: "kotlin: JobExceptionHandlingTest.testAttachToCancelledJob",
			run: func(t *testing.T) {
				s := scope.Open(t.Context())
				s.Go("fails", returns(errOne))
				synctest.Wait()
				_, err := s.TryGo("late", nothing)
				is(t, "TryGo()", err, scope.ErrClosed, errOne)
				is(t, "Wait()", s.Wait(t.Context()), errOne)
			},
		},
		// An exception whose hash code throws is here an error that cannot be
		// compared.
		{origin: "kotlin: JobExceptionHandlingTest.testBadException", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("a", ends(time.Second, badError{"a"}))
				s.Go("b", tidies(0, badError{"b"}))
				return nil
			}, scope.OnFailure(h.handle))
			var bad badError
			same(t, "is a badError", errors.As(err, &bad), true)
			same(t, "errors told", len(h.told()), 1)
		}},
		{
			origin: "kotlin: JobNestedExceptionsTest.testChildThrowsDuringCompletion",
			run: func(t *testing.T) {
				h := &ledger{}
				s := scope.Open(t.Context(), scope.OnFailure(h.handle))
				inner := nested(2*time.Second, errTwo, tidies(5*time.Second, errThree))
				s.Go("outer", nested(time.Second, errOne, inner))
				is(t, "Wait()", s.Wait(t.Context()), errOne)
				heard(t, h, errTwo, errThree)
			},
		},
		// With the peer a child of a Job has its handler called. Here a fail-fast
		// scope returns its first failure, whatever the handler.
		{origin: "kotlin: CoroutineExceptionHandlerTest.testJob", run: func(t *testing.T) {
			h := &ledger{}
			s := scope.Open(t.Context(), scope.OnFailure(h.handle))
			s.Go("fails", returns(errOne))
			is(t, "Wait()", s.Wait(t.Context()), errOne)
			heard(t, h)
		}},
		{
			origin: "kotlin: CoroutineExceptionHandlerTest.testCompletableDeferred",
			run: func(t *testing.T) {
				h := &ledger{}
				s := scope.Open(t.Context(), scope.OnFailure(h.handle))
				fu := scope.Async(s, "parent", func(ctx context.Context) (int, error) {
					return 0, nested(0, nil, returns(errOne))(ctx)
				})
				_, err := fu.Wait(t.Context())
				is(t, "Wait()", err, errOne)
				heard(t, h)
			},
		},
	})
}

// A badError cannot be compared.
type badError []string

func (badError) Error() string { return "bad" }

// cancelsAbove is a task that cancels s, which is above it, while a child of its
// own is at work, which then fails with errTwo.
func cancelsAbove(s *scope.Scope, cause error) func(context.Context) error {
	return func(ctx context.Context) error {
		return scope.Run(ctx, func(ctx context.Context, inner *scope.Scope) error {
			inner.Go("inner child", tidies(0, errTwo))
			time.Sleep(time.Second)
			s.Cancel(cause)
			return untilCancelled(ctx)
		})
	}
}

// failsBelow has a task fail in long-lived scopes nested in a Run.
func failsBelow(t *testing.T, depth int) {
	t.Helper()
	h := &ledger{}
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		f := returns(errOne)
		for range depth {
			below := f
			f = func(ctx context.Context) error {
				inner := scope.Open(ctx)
				inner.Go("child", below)
				return inner.Wait(ctx)
			}
		}
		s.Go("child", f)
		return nil
	}, scope.OnFailure(h.handle))
	is(t, "Run()", err, errOne)
	heard(t, h)
}

// nested is a task with a fail-fast scope in it, which has one child and whose body
// returns err after d.
func nested(
	d time.Duration, err error, child func(context.Context) error,
) func(context.Context) error {
	return func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("child", child)
			time.Sleep(d)
			return err
		})
	}
}

// A scope is cancelled while its body runs, which then returns something. All rows
// are those of withContext; the peer runs them a second time, with async.
func TestKotlin_WithContext(t *testing.T) {
	runRows(t, []row{
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testCancellation",
			run: func(t *testing.T) {
				same(t, "result", cancelledBody(t, nil, errTwo), errTwo)
			},
		},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testCancellationWithException",
			run: func(t *testing.T) {
				same(t, "result", cancelledBody(t, errStop, errTwo), errTwo)
			},
		},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testSameException",
			run: func(t *testing.T) {
				same(t, "result", cancelledBody(t, errStop, errStop), errStop)
			},
		},
		// What a cause wraps is not the cause: it is an error of its own.
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testSameCancellationWithException",
			run: func(t *testing.T) {
				cause := fmt.Errorf("cancelled: %w", errOne)
				same(t, "result", cancelledBody(t, cause, errOne), errOne)
			},
		},
		// The peer drops what a cancellation wraps. Here it is seen.
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testConflictingCancellation",
			run: func(t *testing.T) {
				thrown := fmt.Errorf("%w because of %w", context.Canceled, errOne)
				same(t, "result", cancelledBody(t, errStop, thrown), thrown)
			},
		},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testConflictingCancellation2",
			run: func(t *testing.T) {
				same(t, "result", cancelledBody(t, errStop, context.Canceled), errStop)
			},
		},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testConflictingCancellation3",
			run: func(t *testing.T) {
				thrown := fmt.Errorf("read: %w", context.Canceled)
				same(t, "result", cancelledBody(t, errStop, thrown), errStop)
			},
		},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testThrowingCancellation",
			run: func(t *testing.T) {
				err := scope.Run(t.Context(), func(context.Context, *scope.Scope) error {
					return context.Canceled
				})
				same(t, "Run()", err, context.Canceled)
			},
		},
		// With the peer whoever cancels himself gets an exception. Here Cancel(nil)
		// is a clean end.
		{origin: "kotlin: WithContextExceptionHandlingTest.testCancel", run: func(t *testing.T) {
			same(t, "result", cancelledBody(t, nil, nil), nil)
		}},
		{
			origin: "kotlin: WithContextExceptionHandlingTest.testCancelWithCause",
			run: func(t *testing.T) {
				same(t, "result", cancelledBody(t, errStop, nil), errStop)
			},
		},
	})
}

// cancelledBody returns the result of a scope that its body cancels with cause,
// before it returns err.
func cancelledBody(t *testing.T, cause, err error) error {
	t.Helper()
	return scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		is(t, "context before", ctx.Err(), nil)
		s.Cancel(cause)
		is(t, "context after", ctx.Err(), context.Canceled)
		return err
	})
}

// Threads decide here who is first.
func TestKotlin_ExceptionsStress(t *testing.T) {
	const rounds = 300
	runRowsLive(t, []row{
		{origin: "kotlin: ConcurrentExceptionsStressTest.testStress", run: func(t *testing.T) {
			for range rounds {
				failTogether(t, errOne, errOne, errOne, errOne)
			}
		}},
		{
			origin: "kotlin: JobExceptionsStressTest.testMultipleChildrenThrows",
			run: func(t *testing.T) {
				for range rounds {
					failTogether(t, errOne, errTwo, errThree)
				}
			},
		},
		{
			origin: "kotlin: JobStructuredJoinStressTest.testStressRegularJoin",
			run: func(t *testing.T) {
				for range rounds {
					joinWhatFails(t)
				}
			},
		},
	})
}

// failTogether has tasks fail at the same time, and checks that each failure is
// known once: to the caller or to the handler.
func failTogether(t *testing.T, errs ...error) {
	t.Helper()
	h := &ledger{}
	start := make(chan struct{})
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for _, err := range errs {
			s.Go("fails", func(context.Context) error {
				<-start
				return err
			})
		}
		close(start)
		return nil
	}, scope.OnFailure(h.handle))
	is(t, "all that is known", errors.Join(append(h.told(), err)...), errs...)
	same(t, "errors told", len(h.told()), len(errs)-1)
}

// joinWhatFails joins a task whose failure ends the scope of who joins: the one may
// come before the other, but the result is the failure.
func joinWhatFails(t *testing.T) {
	t.Helper()
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		job := s.Go("crashes", returns(errOne))
		if err := job.Wait(ctx); err != nil {
			is(t, "Wait()", err, errOne)
			return err
		}
		is(t, "Err()", job.Err(), errOne)
		return nil
	})
	is(t, "Run()", err, errOne)
}
