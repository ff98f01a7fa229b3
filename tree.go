package scope

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// A branch holds a scope's links in the tree. A scope hangs below the innermost
// task (or body) of the context it was opened with; without one it is a root.
// The links are there for cancellation, for the join at the end of a task, and
// for those who look.
type branch struct {
	// away is set when the parent has ended without this scope, which nothing
	// of the parent's cancels.
	away atomic.Bool

	// Guarded by the lock of the parent's scope, or by that of the registry.
	attached     bool // in the parent's list
	rooted       bool // in the registry
	older, newer *Scope
}

// attach hangs s below parent. It reports false if parent has ended.
//
//go:norace
func (s *Scope) attach(parent *Task) bool {
	p := parent.scope
	raceRelease(unsafe.Pointer(p))
	p.mu.lock()
	defer p.mu.unlock()
	if parent.outcome.Load()&outcomeMask != uint32(outcomeNone) {
		return false
	}
	s.older = parent.nested
	if s.older != nil {
		s.older.newer = s
	}
	parent.nested = s
	s.attached = true
	p.nested++
	return true
}

// detachFrom takes s off its parent, if it hangs there.
//
//go:norace
func (s *Scope) detachFrom(parent *Task) {
	p := parent.scope
	p.mu.lock()
	defer p.mu.unlock()
	if !s.attached {
		return
	}
	if s.newer == nil {
		parent.nested = s.older
	} else {
		s.newer.older = s.older
	}
	if s.older != nil {
		s.older.newer = s.newer
	}
	s.older, s.newer = nil, nil
	s.attached = false
	p.nested--
}

// nestedOf returns the scopes that hang below t, oldest first.
func (s *Scope) nestedOf(t *Task) []*Scope {
	found := s.copyNested(t)
	raceJoin(unsafe.Pointer(s))
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

// detach takes s, which has ended, out of the tree.
func (s *Scope) detach() {
	if parent := s.parent(); parent != nil {
		s.detachFrom(parent)
	}
	roots.remove(s)
}

// endNested ends the scopes that were opened with the context of t, whose
// function has returned, and waits for them. A scope whose context does not end
// with that of t, as behind context.WithoutCancel, has left t's care on purpose:
// it becomes a root.
func (s *Scope) endNested(t *Task) {
	if own := t.own.Load(); own != nil {
		own.cancel(nil)
	}
	var inCare []*Scope
	for _, n := range s.nestedOf(t) {
		// One look: n may be ending, and let go of where it came from.
		if o := n.origin.Load(); o.parent == t && !o.linked && o.outer.Err() == nil {
			n.leaveCare(t)
			continue
		}
		n.cancel(taskEnded())
		inCare = append(inCare, n)
	}
	for _, n := range inCare {
		<-n.doneChan()
		if err := n.fetch(); err != nil {
			s.report(t.failure(err))
		}
	}
}

// leaveCare makes s, which hangs below t, a root. It may be ending meanwhile, and
// then is none: the end takes it off the registry, or this does.
func (s *Scope) leaveCare(t *Task) {
	s.away.Store(true)
	roots.add(s)
	s.detachFrom(t)
	if s.isFinishing() {
		roots.remove(s)
	}
}

// Scopes returns the open scopes that hang directly below the body of s, or
// that were opened with its context, oldest first.
func (s *Scope) Scopes() []*Scope {
	s.mustBeOpened()
	return s.nestedOf(&s.body)
}

// Scopes returns the scopes opened with the task's context, or one derived
// from it, that have not ended, oldest first.
func (t *Task) Scopes() []*Scope { return t.scope.nestedOf(t) }

// Roots returns the scopes of this process that have no parent task and have
// not ended. The registry behind it keeps no long-lived scope from being
// collected.
func Roots() []*Scope { return roots.list() }

// roots is the registry of scopes without a parent.
var roots registry

// A registry lists scopes. A lexical scope is listed directly: the call that
// opened it holds it, and takes it off. A long-lived scope is listed weakly, so
// that one that was forgotten can be collected, and reported.
type registry struct {
	ids atomic.Uint64 // scopes opened so far, in the whole process

	mu          mutex
	first, last *Scope // lexical scopes, linked by older and newer

	weakMu sync.Mutex
	weak   map[uint64]weak.Pointer[Scope]
}

// nextID numbers a new scope.
func (r *registry) nextID() (id uint64) {
	raceHidden(func() { id = r.ids.Add(1) })
	return id
}

func (r *registry) add(s *Scope) {
	if s.lexical {
		r.push(s)
		return
	}
	r.weakMu.Lock()
	defer r.weakMu.Unlock()
	if r.weak == nil {
		r.weak = map[uint64]weak.Pointer[Scope]{}
	}
	r.weak[s.id] = weak.Make(s)
}

// forget drops the entry of a long-lived scope that has ended or is collected.
func (r *registry) forget(id uint64) {
	r.weakMu.Lock()
	defer r.weakMu.Unlock()
	delete(r.weak, id)
}

func (r *registry) remove(s *Scope) {
	if s.lexical {
		r.unlink(s)
	} else {
		r.forget(s.id)
	}
}

//go:norace
func (r *registry) push(s *Scope) {
	raceRelease(unsafe.Pointer(r))
	r.mu.lock()
	s.rooted = true
	s.older, s.newer = r.last, nil
	if r.last == nil {
		r.first = s
	} else {
		r.last.newer = s
	}
	r.last = s
	r.mu.unlock()
}

//go:norace
func (r *registry) unlink(s *Scope) {
	r.mu.lock()
	defer r.mu.unlock()
	if !s.rooted {
		return
	}
	s.rooted = false
	if s.older == nil {
		r.first = s.newer
	} else {
		s.older.newer = s.newer
	}
	if s.newer == nil {
		r.last = s.older
	} else {
		s.newer.older = s.older
	}
	s.older, s.newer = nil, nil
}

// lexical copies the list of lexical scopes.
//
//go:norace
func (r *registry) lexical() []*Scope {
	r.mu.lock()
	defer r.mu.unlock()
	var found []*Scope
	for s := r.first; s != nil; s = s.newer {
		found = append(found, s)
	}
	return found
}

func (r *registry) list() []*Scope {
	found := r.lexical()
	raceJoin(unsafe.Pointer(r))
	r.weakMu.Lock()
	for _, w := range r.weak {
		if s := w.Value(); s != nil {
			found = append(found, s)
		}
	}
	r.weakMu.Unlock()
	slices.SortFunc(found, func(a, b *Scope) int { return cmp.Compare(a.id, b.id) })
	return found
}
