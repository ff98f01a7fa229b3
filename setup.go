package scope

import (
	"context"
	"sync"
	"time"
	"weak"
)

// A setup is what few scopes have: most options, a deadline, and what must be
// stopped at the end.
type setup struct {
	// Immutable after newScope.

	timeout time.Duration
	grace   time.Duration // see Grace
	keep    int           // see KeepErrors
	timed   bool          // timeout is set
	moveOn  bool          // the timeout is a clean end
	contain bool          // see Contain

	slots  *slots  // nil without a Limit
	timing *timing // nil without a deadline
	trace  *trace  // of a long-lived scope

	mu        sync.Mutex
	stopWatch func() bool // of the callback on the watched context
	timer     *time.Timer // of grace
	ended     bool
}

// needSetup returns the setup of s, which is being opened.
func (s *Scope) needSetup() *setup {
	if s.setup == nil {
		s.setup = &setup{}
	}
	return s.setup
}

func (s *Scope) slots() *slots {
	if s.setup == nil {
		return nil
	}
	return s.setup.slots
}

func (s *Scope) timing() *timing {
	if s.setup == nil {
		return nil
	}
	return s.setup.timing
}

// setWatch chooses the context whose end is polled, so that it counts from the
// moment it is there: the scope's own timeout, or what it was opened with, or,
// for a scope that is linked to its parent, what the parent watches.
func (s *Scope) setWatch() {
	t := s.timing()
	switch {
	case t != nil && (t.own || !s.linked):
		s.watch = t.base
	case s.linked && s.parent.kind.shielded():
	case s.linked:
		s.watch = s.parent.scope.watch
	case s.outer.Done() != nil:
		s.watch = s.outer
	}
	if s.watch != nil && (!s.linked || t != nil && t.own) {
		s.needSetup() // for stopWatch
	}
}

// listen makes s hear of what may cancel it from outside: its own timeout, or a
// parent. It looks once after it has been made known, so that a cancellation in
// between is not lost.
func (s *Scope) listen() {
	if s.linked {
		if cause := s.parent.cause(); cause != nil {
			s.cancel(&cancellation{cause: cause, err: s.parent.context().Err()})
			return
		}
		if t := s.timing(); t == nil || !t.own {
			return
		}
	}
	switch {
	case s.watch == nil:
	case s.watch.Err() != nil:
		s.cancelFrom(s.watch)
	default:
		s.setup.keepStop(context.AfterFunc(s.watch, s.onWatch()))
	}
}

// onWatch returns what is to be called when the watched context is done. A
// parent's context must not keep a forgotten scope alive.
func (s *Scope) onWatch() func() {
	ctx := s.watch
	if s.lexical {
		return func() { s.cancelFrom(ctx) }
	}
	w := weak.Make(s)
	return func() {
		if s := w.Value(); s != nil {
			s.cancelFrom(ctx)
		}
	}
}

// keepStop keeps stop for the end, unless that is over.
func (c *setup) keepStop(stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopWatch = stop; c.ended {
		stop()
	}
}

// startGrace starts the clock of the option Grace.
func (s *Scope) startGrace() {
	c := s.setup
	if c == nil || c.grace == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.timer = time.AfterFunc(c.grace, s.reportStragglers)
	}
}

// stop ends what runs by itself for the scope.
func (c *setup) stop() {
	if c == nil {
		return
	}
	if c.timing != nil {
		c.timing.release()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.stopWatch != nil {
		c.stopWatch()
	}
	if c.timer != nil {
		c.timer.Stop()
	}
}
