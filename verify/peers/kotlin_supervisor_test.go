package peers_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// kotlinx.coroutines' supervisorScope is our Supervise, its SupervisorJob our
// OpenSupervised, its coroutineScope our Run and its Job our Open. A coroutine
// that a coroutine launches is here a task of a scope opened in a task.

func TestKotlin_Supervisor(t *testing.T) {
	runRows(t, []row{
		{origin: "kotlin: SupervisorTest.testSupervisorJob", run: func(t *testing.T) {
			h := &ledger{}
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(h.handle))
			a := s.Go("a", ends(2*time.Second, errOne))
			b := s.Go("b", ends(time.Second, errTwo))
			is(t, "Wait()", s.Wait(t.Context()), nil)
			state(t, "failed", a, b)
			heard(t, h, errOne, errTwo)
			same(t, "scope's state", s.Info().State, "open")
			is(t, "Shutdown()", s.Shutdown(t.Context()), nil)
		}},
		{origin: "kotlin: SupervisorTest.testSupervisorScope", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("a", returns(errOne))
				s.Go("b", returns(errTwo))
				return nil
			}, scope.OnFailure(h.handle))
			is(t, "Supervise()", err, nil)
			heard(t, h, errOne, errTwo)
		}},
		{origin: "kotlin: SupervisorTest.testSupervisorScopeIsolation", run: func(t *testing.T) {
			h := &ledger{}
			err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				job := s.Go("job", untilCancelled)
				_ = s.Go("fails", returns(errOne)).Wait(ctx)
				state(t, "running", job)
				job.Cancel(nil)
				return nil
			}, scope.OnFailure(h.handle))
			is(t, "Supervise()", err, nil)
			heard(t, h, errOne)
		}},
		{origin: "kotlin: SupervisorTest.testThrowingSupervisorScope", run: func(t *testing.T) {
			var s *scope.Scope
			var child *scope.Future[int]
			err := scope.Supervise(t.Context(), func(_ context.Context, inner *scope.Scope) error {
				s = inner
				child = scope.Async(s, "child", gives(time.Hour, 1))
				synctest.Wait()
				return errTwo
			})
			same(t, "Supervise()", err, errTwo)
			state(t, "cancelled", child)
			same(t, "scope's cause", s.Info().Cause, errTwo)
		}},
		{
			origin: "kotlin: SupervisorTest.testSupervisorThrowsWithFailingChild",
			run: func(t *testing.T) {
				h := &ledger{}
				err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("waits", untilCancelled)
					s.Go("fails in clean-up", tidies(0, errTwo))
					synctest.Wait()
					return errOne
				}, scope.OnFailure(h.handle))
				same(t, "Supervise()", err, errOne)
				heard(t, h, errTwo)
			},
		},
		{
			origin: "kotlin: SupervisorTest.testSupervisorScopeExternalCancellation",
			run: func(t *testing.T) {
				var child *scope.Task
				parent := cancelledAfter(t, time.Second, func(ctx context.Context) error {
					return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
						child = s.Go("child", untilCancelled)
						return nil
					})
				})
				state(t, "cancelled", child, parent)
			},
		},
		{origin: "kotlin: SupervisorTest.testAsyncCancellation", run: func(t *testing.T) {
			s := scope.OpenSupervised(t.Context())
			fu := scope.Async(s, "deferred", gives(time.Hour, 1))
			synctest.Wait()
			s.Cancel(errOne)
			_, err := fu.Wait(t.Context())
			is(t, "Wait()", err, scope.ErrCancelled, errOne)
			is(t, "Shutdown()", s.Shutdown(t.Context()), errOne)
		}},
		// With the peer a supervisor that is completed with an error takes its
		// parent down. Here the error is the answer to who asks for it.
		{
			origin: "kotlin: SupervisorTest.testSupervisorWithParentCancelException",
			run:    func(t *testing.T) { cancelledWithError(t, scope.OpenSupervised) },
		},
		{
			origin: "kotlin: JobTest.testJobWithParentCancelException",
			run:    func(t *testing.T) { cancelledWithError(t, scope.Open) },
		},
	})
}

// cancelledWithError cancels a scope with an error, inside another one.
func cancelledWithError(t *testing.T, open func(context.Context, ...scope.Option) *scope.Scope) {
	t.Helper()
	err := scope.Run(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
		inner := open(ctx)
		inner.Cancel(errOne)
		is(t, "Wait()", inner.Wait(context.WithoutCancel(ctx)), errOne)
		return ctx.Err()
	})
	is(t, "Run()", err, nil)
}

// What becomes of a scope if a task fails in one inside of it. A cancellation that
// nobody asked for is here a failure like any other; with the peer it is none.
func TestKotlin_ParentCancellation(t *testing.T) {
	lexical := func(opts ...scope.Option) func(context.Context, *scope.Scope, error) error {
		return func(ctx context.Context, _ *scope.Scope, err error) error {
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("grandchild", returns(err))
				return untilCancelled(ctx)
			}, opts...)
		}
	}
	inATask := func(ctx context.Context, parent *scope.Scope, err error) error {
		parent.Go("child", func(ctx context.Context) error { return lexical()(ctx, parent, err) })
		return untilCancelled(ctx)
	}
	runRows(t, []row{
		{origin: "kotlin: ParentCancellationTest.testJobChild", run: func(t *testing.T) {
			parentOf(t, func(ctx context.Context, _ *scope.Scope, err error) error {
				child := scope.Open(ctx)
				child.Go("grandchild", returns(err))
				return child.Wait(ctx) // who asks for the result, passes it on
			}).fails()
		}},
		{origin: "kotlin: ParentCancellationTest.testSupervisorJobChild", run: func(t *testing.T) {
			parentOf(t, func(ctx context.Context, _ *scope.Scope, err error) error {
				child := scope.OpenSupervised(ctx)
				child.Go("grandchild", returns(err))
				return child.Drain(ctx)
			}).lives()
		}},
		{origin: "kotlin: ParentCancellationTest.testLaunchChild", run: func(t *testing.T) {
			parentOf(t, inATask).fails()
		}},
		{origin: "kotlin: ParentCancellationTest.testAsyncChild", run: func(t *testing.T) {
			parentOf(t, func(ctx context.Context, s *scope.Scope, err error) error {
				scope.Async(s, "child", lacks[int](0, err))
				return untilCancelled(ctx)
			}).fails()
		}},
		{origin: "kotlin: ParentCancellationTest.testSupervisorChild", run: func(t *testing.T) {
			parentOf(t, func(ctx context.Context, _ *scope.Scope, err error) error {
				return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("grandchild", returns(err))
					return nil
				})
			}).lives()
		}},
		{origin: "kotlin: ParentCancellationTest.testCoroutineScopeChild", run: func(t *testing.T) {
			parentOf(t, lexical()).returnsIt()
		}},
		{origin: "kotlin: ParentCancellationTest.testWithTimeoutChild", run: func(t *testing.T) {
			parentOf(t, lexical(scope.Timeout(time.Second))).returnsIt()
		}},
	})
}

// A parent is a fail-fast scope with something in it that fails with err.
type parent struct {
	t     *testing.T
	child func(ctx context.Context, s *scope.Scope, err error) error
}

func parentOf(
	t *testing.T, child func(ctx context.Context, s *scope.Scope, err error) error,
) parent {
	t.Helper()
	return parent{t: t, child: child}
}

// each runs the parent for an error and for a cancellation from nowhere.
func (p parent) each(check func(err, inside, result error, h *ledger)) {
	p.t.Helper()
	for _, err := range []error{errOne, context.Canceled} {
		h := &ledger{}
		var inside error
		result := scope.Run(p.t.Context(), func(ctx context.Context, s *scope.Scope) error {
			inside = p.child(ctx, s, err)
			return errors.Join(inside, ctx.Err())
		}, scope.OnFailure(h.handle))
		check(err, inside, result, h)
	}
}

// fails checks that the parent fails with the error.
func (p parent) fails() {
	p.t.Helper()
	p.each(func(err, _, result error, h *ledger) {
		is(p.t, "result of the parent", result, err)
		heard(p.t, h)
	})
}

// returnsIt checks that the child returns the error, and the parent lives until its
// body does the same.
func (p parent) returnsIt() {
	p.t.Helper()
	p.each(func(err, inside, result error, h *ledger) {
		is(p.t, "result of the child", inside, err)
		is(p.t, "result of the parent", result, inside)
		heard(p.t, h)
	})
}

// lives checks that the error went to the handler.
func (p parent) lives() {
	p.t.Helper()
	p.each(func(err, inside, result error, h *ledger) {
		is(p.t, "result of the child", inside, nil)
		is(p.t, "result of the parent", result, nil)
		heard(p.t, h, err)
	})
}

func TestKotlin_CancelledStart(t *testing.T) {
	runRows(t, []row{
		{
			origin: "kotlin: ScopedBuildersCancelledStartTest.testCancelledWithTimeout",
			run: func(t *testing.T) {
				var called steps
				ctx, cancel := context.WithCancelCause(t.Context())
				cancel(errStop)
				err := scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					called.add("body")
					return ctx.Err()
				}, scope.Timeout(time.Hour))
				same(t, "Run()", err, errStop)
				called.is(t, "body")
			},
		},
	})
}
