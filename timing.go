package scope

import (
	"context"
	"time"
)

// A timing is the deadline of a scope, its own or one that it inherits. Its
// base is a standard context from which the own contexts of the scope's tasks
// are derived, so that a deadline reaches them, and all derived from them, as
// context.DeadlineExceeded. Scopes without a deadline do without.
type timing struct {
	at      time.Time
	base    context.Context
	release context.CancelFunc
	own     bool  // the scope has an option Timeout or MoveOnAfter
	expired error // the cause when the scope's own timeout is over
}

func (s *Scope) setTiming() {
	at, inherited := s.outer.Deadline()
	switch {
	case s.conf.timed:
		d := s.conf.timeout
		t := &timing{own: true, expired: &expiredError{scope: s.label(), after: d.String()}}
		t.base, t.release = context.WithTimeoutCause(s.outer, d, t.expired)
		t.at, _ = t.base.Deadline()
		s.timing = t
	case inherited:
		t := &timing{at: at}
		t.base, t.release = context.WithCancel(s.outer)
		s.timing = t
	}
}

// deadline returns the scope's deadline, as [context.Context] does.
func (s *Scope) deadline() (time.Time, bool) {
	if s.timing == nil {
		return time.Time{}, false
	}
	return s.timing.at, true
}

// base returns what the own context of t is derived from.
func (s *Scope) base(t *Task) context.Context {
	if s.timing == nil || t.kind.shielded() {
		return context.Background()
	}
	return s.timing.base
}
