package scope

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

var (
	// ErrClosed is how [Scope.Go], [Scope.TryGo], [Scope.Start], [Scope.Do] and
	// [Async] refuse a task after the scope began to end. If the scope was
	// cancelled, the error Is the cause, too.
	ErrClosed = errors.New("scope: closed to new tasks")

	// ErrLimit is how a task is refused when all slots of [Limit] are taken: by
	// TryGo always, by the other calls when an ordinary task of the scope calls,
	// which might wait for its own slot.
	ErrLimit = errors.New("scope: limit of tasks reached")

	// ErrGoexit is the failure of a task that called [runtime.Goexit], as
	// t.FailNow and t.Fatal do.
	ErrGoexit = errors.New("scope: task called runtime.Goexit")

	// ErrNotReady is the failure of a task of [Scope.Start] that returned nil
	// before it called ready.
	ErrNotReady = errors.New("scope: task returned before it was ready")

	// ErrSelfWait is how Wait, Drain, Shutdown and [Task.Wait] answer a caller
	// that would wait for itself: one that is inside what it waits for.
	ErrSelfWait = errors.New("scope: waiting from inside for oneself would never end")

	// ErrRunning is what [Task.Err] and [Future.Result] return before the end.
	ErrRunning = errors.New("scope: task is still running")

	// ErrCancelled is what the error of a task that was cancelled Is.
	ErrCancelled = errors.New("scope: task was cancelled")
)

// A closedError refuses a task: it Is ErrClosed and wraps the cause.
type closedError struct {
	scope string
	cause error // nil if the scope was not cancelled
}

func (e *closedError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%v (scope %q)", ErrClosed, e.scope)
	}
	return fmt.Sprintf("%v (scope %q: %v)", ErrClosed, e.scope, e.cause)
}

func (e *closedError) Is(target error) bool { return target == ErrClosed }
func (e *closedError) Unwrap() error        { return e.cause }

// closedError returns the refusal of a task that s does not admit.
func (s *Scope) closedError() error {
	e := &closedError{scope: s.label()}
	if k := s.cancelled(); k != nil {
		e.cause = k.cause
	}
	return e
}

// A cancelledError is how a cancelled task ended: it Is ErrCancelled and wraps
// the cause and what the task returned.
type cancelledError struct {
	task       string
	cause, err error
}

func (e *cancelledError) Error() string {
	return fmt.Sprintf("task %q: cancelled: %v", e.task, e.cause)
}

func (e *cancelledError) Is(target error) bool { return target == ErrCancelled }
func (e *cancelledError) Unwrap() []error      { return []error{e.cause, e.err} }

// An expiredError is the cause of a scope's own deadline; it says whose.
type expiredError struct {
	scope string
	after string
}

func (e *expiredError) Error() string {
	return fmt.Sprintf("scope %q: timeout of %s exceeded", e.scope, e.after)
}

func (e *expiredError) Unwrap() error { return context.DeadlineExceeded }

// Timeout makes the error look like package context's own to package net.
func (e *expiredError) Timeout() bool { return true }

// Fatal marks err as fatal: a task or body that returns it brings its scope
// down, a supervised one, too, with err as the cause. The scope's result then
// is the fatal error, still marked, so that it passes upward through the tasks
// that return it, up to a scope with [Contain]. The mark is found anywhere in
// the tree of a returned error. From a long-lived scope it passes upward only if
// somebody asks for its result and returns it. Fatal(nil) is nil.
func Fatal(err error) error {
	if err == nil {
		return nil
	}
	return &fatalError{err: err}
}

type fatalError struct{ err error }

func (e *fatalError) Error() string { return e.err.Error() }
func (e *fatalError) Unwrap() error { return e.err }

// A containedError hides the fatal marks below it.
type containedError struct{ err error }

func (e *containedError) Error() string { return e.err.Error() }
func (e *containedError) Unwrap() error { return e.err }

// IsFatal reports whether err has, anywhere in its tree, a mark of [Fatal] that
// no scope with [Contain] has taken off.
func IsFatal(err error) (fatal bool) {
	// The methods of err are the user's; an error that panics has no mark.
	defer func() {
		if recover() != nil {
			fatal = false
		}
	}()
	return hasMark(err)
}

func hasMark(err error) bool {
	switch e := err.(type) {
	case nil, *containedError:
		return false
	case *closedError, *cancelledError:
		return false // these tell why something else has ended
	case *fatalError:
		return true
	case interface{ Unwrap() error }:
		return hasMark(e.Unwrap())
	case interface{ Unwrap() []error }:
		if slices.ContainsFunc(e.Unwrap(), hasMark) {
			return true
		}
	}
	return false
}
