package scope

import (
	"context"
	"unsafe"
)

// An origin is where a scope comes from: the context it was opened with, and
// what follows from that. It is immutable once the scope can be seen.
//
// A long-lived scope lets go of it when it has ended, so that whoever keeps the
// scope does not keep everything above it. A lexical scope need not: what it came
// from is on the stack of the call that opened it.
type origin struct {
	outer  context.Context
	watch  context.Context // what cancels the scope from outside, or nil; see setWatch
	parent *Task           // nil for a root
	timing *timing         // nil without a deadline
	linked bool            // cancelled together with parent, not through package context
	held   bool            // waited for by parent, whose end its context hears of
}

// outer returns the context that s was opened with.
func (s *Scope) outer() context.Context { return s.origin.Load().outer }

// watch returns the context whose end is that of s, or nil.
func (s *Scope) watch() context.Context { return s.origin.Load().watch }

// parent returns the task or body that s hangs below, or nil.
func (s *Scope) parent() *Task { return s.origin.Load().parent }

// linked reports whether s is cancelled together with its parent.
func (s *Scope) linked() bool { return s.origin.Load().linked }

// timing returns the deadline of s, or nil.
func (s *Scope) timing() *timing { return s.origin.Load().timing }

// maxLastPath bounds the path that an ended scope keeps, so that the end of a
// scope costs the same at any depth.
const maxLastPath = 16

// letGo drops the origin of a long-lived scope that has ended. The path stays.
func (s *Scope) letGo() {
	if s.lexical {
		return
	}
	s.setPath(s.body.shortPath(maxLastPath))
	s.origin.Store(&origin{outer: context.Background(), timing: s.timing().afterEnd()})
}

//go:norace
func (s *Scope) setPath(path string) {
	raceRelease(unsafe.Pointer(&s.origin))
	s.mu.lock()
	s.need().path = path
	s.mu.unlock()
}

// lastPath returns the path of a scope that has let go of its origin, or "".
func (s *Scope) lastPath() string {
	path := s.loadPath()
	if path != "" {
		raceJoin(unsafe.Pointer(&s.origin)) // the path alone, and no task's end
	}
	return path
}

//go:norace
func (s *Scope) loadPath() string {
	s.mu.lock()
	defer s.mu.unlock()
	if s.late == nil {
		return ""
	}
	return s.late.path
}
