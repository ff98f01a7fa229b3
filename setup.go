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

	slots *slots // nil without a Limit
	trace *trace // of a long-lived scope

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

// setWatch chooses the context whose end is polled, so that it counts from the
// moment it is there: the scope's own timeout, or what it was opened with, or,
// for a scope that is linked to its parent, what the parent watches.
func (s *Scope) setWatch(o *origin) {
	t := o.timing
	switch {
	case t != nil && (t.own || !o.linked):
		o.watch = t.base
	case o.linked && o.parent.kind.shielded():
	case o.linked:
		o.watch = o.parent.scope.watch()
	case o.outer.Done() != nil:
		o.watch = o.outer
	}
	if o.watch != nil && (!o.linked || t != nil && t.own) {
		s.needSetup() // for stopWatch
	}
}

// listen makes s hear of what may cancel it from outside: its own timeout, or a
// parent. It looks once after it has been made known, so that a cancellation in
// between is not lost.
func (s *Scope) listen() {
	o := s.origin.Load()
	if o.linked {
		if k := o.parent.whyDone(); k != nil {
			s.cancel(k)
			return
		}
		if o.timing == nil || !o.timing.own {
			return
		}
	}
	switch {
	case o.watch == nil:
	case o.watch.Err() != nil:
		s.cancelFrom(o.watch)
	default:
		s.setup.keepStop(context.AfterFunc(o.watch, s.onWatch(o.watch)))
	}
}

// onWatch returns what is to be called when the watched context is done. A
// parent's context must not keep a forgotten scope alive.
func (s *Scope) onWatch(ctx context.Context) func() {
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

// stop ends what runs by itself for the scope. The callback on the watched context
// goes first: the release is an end of that, which nobody is to be called for.
func (c *setup) stop(t *timing) {
	c.stopCalls()
	if t != nil {
		t.release()
	}
}

// stopCalls sees to it that nothing is called for the scope any more.
func (c *setup) stopCalls() {
	if c == nil {
		return
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
