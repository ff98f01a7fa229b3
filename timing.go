package scope

import (
	"context"
	"time"
)

// A timing is the deadline of a scope, its own or one that it inherits, or none
// if only the parent's kind of context calls for a base. The base is a standard
// context whose Err the own contexts of the scope's tasks take over, so that a
// deadline reaches them, and all derived from them, as DeadlineExceeded. Most
// scopes do without.
type timing struct {
	at      time.Time
	base    context.Context
	never   chan struct{} // see gate
	release context.CancelFunc
	own     bool  // the scope has an option Timeout or MoveOnAfter
	expired error // the cause when the scope's own timeout is over
}

// setTiming sets the timing of s. direct says that s was opened with a task's or
// body's very context.
func (s *Scope) setTiming(o *origin, direct bool) {
	at, derive := o.outer.Deadline()
	if direct {
		derive = derive || o.parent.scope.timing() != nil
	} else {
		derive = derive || isForeign(o.outer)
	}
	switch {
	case s.setup != nil && s.setup.timed:
		d := s.setup.timeout
		t := &timing{own: true, never: make(chan struct{})}
		t.expired = &expiredError{scope: s.label(), after: d.String()}
		t.base, t.release = context.WithTimeoutCause(o.outer, d, t.expired)
		t.at, _ = t.base.Deadline()
		o.timing = t
	case derive:
		t := &timing{at: at, never: make(chan struct{})}
		t.base, t.release = context.WithCancel(o.outer)
		o.timing = t
	}
}

// isForeign reports whether ctx can be cancelled and is not package context's
// own. Its Err may be anything, which only a context derived from it can repeat.
// Package context decides in the same way: one of its own is found by the key, and
// has the same channel.
func isForeign(ctx context.Context) bool {
	if cancelKey == nil || ctx.Done() == nil {
		return false
	}
	std, ok := ctx.Value(cancelKey).(context.Context)
	return !ok || std.Done() != ctx.Done()
}

// deadline returns the scope's deadline, as [context.Context] does.
func (s *Scope) deadline() (time.Time, bool) {
	if t := s.timing(); t != nil && !t.at.IsZero() {
		return t.at, true
	}
	return time.Time{}, false
}

// afterEnd returns what is left of t when its scope has ended: the same deadline
// and the same Err, without the parent.
func (t *timing) afterEnd() *timing {
	if t == nil {
		return nil
	}
	left := &timing{at: t.at, never: t.never, own: t.own, expired: t.expired}
	left.base, left.release = context.Background(), func() {}
	if t.base.Err() == context.DeadlineExceeded {
		left.base, left.release = context.WithDeadlineCause(left.base, t.at, context.Cause(t.base))
	}
	return left
}

// due returns the cancellation by a deadline that is over, by the clock, although
// the timer of its context has not run: that of a task of Do may have been first.
func (s *Scope) due() *cancellation {
	t := s.timing()
	if t == nil || t.at.IsZero() {
		return nil
	}
	now := time.Now()
	if now.Before(t.at) {
		return nil
	}
	return &cancellation{cause: s.lateness(t), err: context.DeadlineExceeded, at: now}
}

// lateness returns the cause of t's deadline: that of the scope's own timeout, or
// of a context further out.
func (s *Scope) lateness(t *timing) error {
	if t.own && !t.at.Before(s.opened.Add(s.setup.timeout)) {
		return t.expired
	}
	return context.DeadlineExceeded
}

// base returns what the own context of t, which is not cancelled, is derived
// from: in a scope with a deadline a gate, elsewhere nothing.
func (s *Scope) base(t *Task) context.Context {
	if timing := s.timing(); timing != nil && !t.kind.shielded() {
		return &gate{Context: timing.base, never: timing.never}
	}
	return context.Background()
}

// A gate is a parent for one task's own context. It says what the base of the
// scope says, but its child hangs in nothing: the scope's walk over its tasks
// ends it, by fire, with the base's Err. Hung in the base itself, all tasks of a
// scope would meet at its lock, which the race detector takes for
// synchronization between them.
type gate struct {
	context.Context

	never <-chan struct{}
	fire  func()
}

// Done returns a channel that is not the base's, or package context would go to
// the base by itself.
func (g *gate) Done() <-chan struct{} { return g.never }

// isOver reports whether the base is done. Below a scope whose deadline is over,
// but whose walk has not come here yet, it first brings the news to the base.
func (g *gate) isOver() bool {
	if g.Err() == nil {
		if parent := current(g); parent != nil {
			parent.ownContext()
		}
	}
	return g.Err() != nil
}

// AfterFunc is how package context asks to be told.
func (g *gate) AfterFunc(f func()) func() bool {
	g.fire = f
	return func() bool { return true }
}
