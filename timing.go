package scope

import (
	"context"
	"time"
)

// A timing is the deadline of a scope, its own or one that it inherits, or none
// if only the parent's kind of context calls for a base. The base is a standard
// context from which the own contexts of the scope's tasks are derived, so that
// a deadline reaches them, and all derived from them, as DeadlineExceeded. Most
// scopes do without.
type timing struct {
	at      time.Time
	base    context.Context
	release context.CancelFunc
	own     bool  // the scope has an option Timeout or MoveOnAfter
	expired error // the cause when the scope's own timeout is over
}

// setTiming sets the timing of s. direct says that s was opened with a task's or
// body's very context.
func (s *Scope) setTiming(direct bool) {
	at, derive := s.outer.Deadline()
	if direct {
		derive = derive || s.parent.scope.timing() != nil
	} else {
		derive = derive || isForeign(s.outer)
	}
	switch {
	case s.setup != nil && s.setup.timed:
		d := s.setup.timeout
		t := &timing{own: true, expired: &expiredError{scope: s.label(), after: d.String()}}
		t.base, t.release = context.WithTimeoutCause(s.outer, d, t.expired)
		t.at, _ = t.base.Deadline()
		s.setup.timing = t
	case derive:
		t := &timing{at: at}
		t.base, t.release = context.WithCancel(s.outer)
		s.needSetup().timing = t
	}
}

// isForeign reports whether ctx can be cancelled and is not package context's
// own. Its Err may be anything, which only a context derived from it can repeat.
func isForeign(ctx context.Context) bool {
	return cancelKey != nil && ctx.Done() != nil && ctx.Value(cancelKey) == nil
}

// deadline returns the scope's deadline, as [context.Context] does.
func (s *Scope) deadline() (time.Time, bool) {
	if t := s.timing(); t != nil && !t.at.IsZero() {
		return t.at, true
	}
	return time.Time{}, false
}

// base returns what the own context of t is derived from.
func (s *Scope) base(t *Task) context.Context {
	if timing := s.timing(); timing != nil && !t.kind.shielded() {
		return timing.base
	}
	return context.Background()
}
