package scope

import (
	"slices"
	"sync/atomic"
	"unsafe"
)

// A branch holds a scope's links in the tree. A scope hangs below the innermost
// task (or body) of the context it was opened with; without one it is a root.
// The links are there for cancellation, for the join at the end of a task, and
// for those who look.
type branch struct {
	// away is set when the parent has ended without this scope, which nothing
	// of the parent's cancels.
	away atomic.Bool

	// Guarded by the lock of the parent's scope, or for a root by that of its list
	// in the registry. The links serve the one list or the other.
	attached     bool // in the parent's list
	rooted       bool // in the registry
	older, newer *Scope
}

// attach hangs s below parent. It reports false if parent has ended.
//
//go:norace
func (s *Scope) attach(parent *Task) bool {
	p := parent.scope
	p.raceAdmission()
	p.mu.lock()
	live := !parent.isOver()
	if live {
		s.pushTo(&parent.nested)
		s.attached = true
		p.nested++
	}
	p.mu.unlock()
	return live
}

// detachFrom takes s off its parent, if it hangs there.
//
//go:norace
func (s *Scope) detachFrom(parent *Task) {
	p := parent.scope
	p.mu.lock()
	if s.attached {
		s.takeOff(&parent.nested)
		s.attached = false
		p.nested--
	}
	p.mu.unlock()
}

// pushTo puts s at the end of a list of which newest is the last.
//
//go:norace
func (s *Scope) pushTo(newest **Scope) {
	s.older = *newest
	if s.older != nil {
		s.older.newer = s
	}
	*newest = s
}

// takeOff takes s out of that list.
//
//go:norace
func (s *Scope) takeOff(newest **Scope) {
	if s.newer == nil {
		*newest = s.older
	} else {
		s.newer.older = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	}
	s.older, s.newer = nil, nil
}

// nestedOf returns the scopes that hang below t, oldest first.
func (s *Scope) nestedOf(t *Task) []*Scope {
	found := s.copyNested(t)
	raceJoin(unsafe.Pointer(&s.first))
	return found
}

//go:norace
func (s *Scope) copyNested(t *Task) []*Scope {
	s.mu.lock()
	defer s.mu.unlock()
	if t.nested == nil {
		return nil
	}
	var found []*Scope
	n := t.nested
	for n.older != nil {
		n = n.older
	}
	for ; n != nil; n = n.newer {
		found = append(found, n)
	}
	return found
}

// detach takes s, which has ended, out of the tree, where it hung below parent.
func (s *Scope) detach(parent *Task) {
	if parent != nil {
		s.detachFrom(parent)
	}
	if parent == nil || s.away.Load() {
		roots.remove(s)
	}
}

// endNested ends the scopes that were opened with the context of t, whose
// function has returned, and waits for them. A scope whose context does not end
// with that of t, as behind context.WithoutCancel, has left t's care on purpose:
// it becomes a root. A context that is not package context's may hear of the end
// later, and counts as one that will.
func (s *Scope) endNested(t *Task) {
	why := t.whyDone() // which may be on its way to those below still
	if why == nil {
		why = taskEnded()
	}
	t.endContext()
	var inCare []*Scope
	for _, n := range s.nestedOf(t) {
		// One look: n may be ending, and let go of where it came from.
		o := n.origin.Load()
		if o.parent == t && !o.linked && o.outer.Err() == nil && !isForeign(o.outer) {
			n.leaveCare(t)
			continue
		}
		n.catchUp() // its context may have a better reason, and not have told it yet
		n.cancel(why)
		inCare = append(inCare, n)
	}
	for _, n := range inCare {
		<-n.doneChan()
		n.detachFrom(t) // unless it has done so itself by now
		if n.isAwaited() {
			continue // whoever waits is told
		}
		if err := n.fetch(); err != nil {
			s.report(t.failure(err))
		}
	}
}

// leaveCare makes s, which hangs below t, a root. It may be ending meanwhile, and
// then is none: the end takes it off the registry, or this does.
func (s *Scope) leaveCare(t *Task) {
	s.away.Store(true)
	s.detachFrom(t) // first: both lists use the same links
	roots.add(s)
	if s.isFinishing() {
		roots.remove(s)
	}
}

// Scopes returns the open scopes that hang directly below the body of s, or
// that were opened with its context, oldest first.
func (s *Scope) Scopes() []*Scope {
	s.mustBeOpened()
	return s.body.Scopes()
}

// Scopes returns the scopes opened with the task's context, or one derived
// from it, that have not ended, oldest first.
func (t *Task) Scopes() []*Scope {
	return slices.DeleteFunc(t.scope.nestedOf(t), (*Scope).hasEnded)
}

// hasEnded reports whether s has ended. It may be in the tree for a moment then.
func (s *Scope) hasEnded() bool {
	p, _ := s.phaseNow()
	return p == phaseEnded
}
