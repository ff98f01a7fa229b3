package scope

import (
	"context"
	"fmt"
	"sync"
)

// slots bound how many ordinary tasks of a scope are live at a time. A nil
// *slots is no bound.
type slots struct {
	taken chan struct{} // buffered, one element per slot that is taken

	// Closed when the scope begins to refuse newcomers: those from outside, and all.
	draining, closed         chan struct{}
	drainingOnce, closedOnce sync.Once
}

func newSlots(n int) *slots {
	return &slots{
		taken: make(chan struct{}, n), draining: make(chan struct{}), closed: make(chan struct{}),
	}
}

// try takes a slot if one is free.
func (l *slots) try() (ok bool) {
	if l == nil {
		return true
	}
	raceHidden(func() {
		select {
		case l.taken <- struct{}{}:
			ok = true
		default:
		}
	})
	return ok
}

// wait takes a slot when one is free, first come, first served. It reports false if
// the scope leaves phase p, or ctx is done, before.
func (l *slots) wait(ctx context.Context, p phase) bool {
	left := l.draining
	if p > phaseOpen {
		left = l.closed
	}
	select {
	case l.taken <- struct{}{}:
		return true
	case <-left:
	case <-ctx.Done():
	}
	return false
}

func (l *slots) give() { raceHidden(func() { <-l.taken }) }

// shut wakes who waits for a slot in a phase that the scope has left for p.
func (l *slots) shut(p phase) {
	l.drainingOnce.Do(func() { close(l.draining) })
	if p > phaseDraining {
		l.closedOnce.Do(func() { close(l.closed) })
	}
}

// takeSlot takes a slot for t. At the limit it waits, until ctx is done; but it
// does not let a task of s wait for what may be its own slot.
func (s *Scope) takeSlot(ctx context.Context, t *Task) error {
	if s.slots() == nil || !t.kind.ordinary() {
		return nil
	}
	for {
		p, _ := s.phaseNow()
		err := s.trySlot()
		if err != ErrLimit {
			return err
		}
		if s.runsHere(wanted{holders: true}) {
			return errLimitInside()
		}
		if s.slots().wait(ctx, p) {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// In a drain who is inside waits on, as a daemon; see trySlot.
	}
}

// errLimitInside refuses a task that might wait for its own slot.
func errLimitInside() error {
	return fmt.Errorf("%w, and a task that holds a slot must not wait for one: "+
		"start it from the body or a daemon, or use TryGo", ErrLimit)
}

// trySlot takes a slot if one is free. A scope that is closing is not full, but
// closed.
func (s *Scope) trySlot() error {
	if s.setup == nil || s.setup.slots.try() {
		return nil
	}
	if s.cancelled() == nil {
		p, _ := s.phaseNow()
		if p == phaseOpen || p == phaseDraining && s.runsHere(wanted{belowBody: true}) {
			return ErrLimit
		}
	}
	return s.closedError()
}

// giveSlot gives back the slot of t.
func (s *Scope) giveSlot(t *Task) {
	if s.setup != nil && s.setup.slots != nil && t.kind.ordinary() {
		s.setup.slots.give()
	}
}
