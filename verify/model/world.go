package model

import (
	"maps"
	"slices"
)

// A World is a program at rest. Its methods are the program's steps; each is to
// be followed by Settle.
type World struct {
	Now     int // virtual time, in half seconds
	Root    Set // why the context of all roots is done; nil while it is live
	Scopes  []*Scope
	Waiters []*Waiter
	Derived []*Derived

	// Late are the tasks to be named when the grace of a scope is over.
	Late map[string][]string
	// Told counts how often each failure must have been given to a handler by
	// now, where that is certain; a failure in Claims may be there instead.
	Told map[string]int
	// Fetched are the failures that went to who called Start, or waited for a
	// future.
	Fetched map[string]bool
	// Failures are all that there were, by the name of the worker.
	Failures map[string]*Worker

	step   int
	direct bool // what happens is the first thing in this step
}

// New returns a world without scopes.
func New() *World {
	return &World{
		Told: map[string]int{}, Fetched: map[string]bool{}, Failures: map[string]*Worker{},
		Late: map[string][]string{}, Now: 4, step: 1, direct: true,
	}
}

// Open opens s below s.Parent and, if it is lexical, starts its body.
func (m *World) Open(s *Scope) {
	m.Scopes = append(m.Scopes, s)
	p := s.Parent
	switch {
	case s.Observed:
		s.Watcher = s.Name
	case p != nil:
		s.Watcher = p.Scope.Watcher
	}
	if s.Lexical {
		s.Body.Scope, s.Body.Kind, s.Body.Live = s, Body, true
	}
	if p == nil {
		if m.Root != nil {
			m.cancel(s, m.Root)
		}
		return
	}
	p.Below = append(p.Below, s)
	if s.Lexical {
		p.Within = s
	}
	cause := p.Cause()
	if s.Via != nil {
		cause = s.Via.Cause
	}
	if cause != nil {
		m.cancel(s, m.above(p, cause))
	}
}

// above adds to cause why what is above p was cancelled since. Which of these a
// scope names that is opened only then is left open.
func (m *World) above(p *Worker, cause Set) Set {
	all := maps.Clone(cause)
	maps.Copy(all, m.Root)
	for ; p != nil; p = p.Scope.Parent {
		maps.Copy(all, p.Own)
		maps.Copy(all, p.Scope.Cause)
	}
	return all
}

// Inside reports whether a call by w counts as one from inside of s: w runs on
// the goroutine of a live task of s or of a scope nested in s.
func Inside(w *Worker, s *Scope) bool {
	for w != nil && w.Kind == Body { // to the task whose goroutine it is
		w = w.Scope.Parent
	}
	for w != nil {
		if w.Scope == s {
			return true
		}
		w = w.Scope.Parent
	}
	return false
}

// Admits reports whether s would take a new worker from by, nil for outside.
func (m *World) Admits(s *Scope, by *Worker) bool {
	return s.Cause == nil && (s.Phase == Open || s.Phase == Draining && Inside(by, s))
}

// Full reports whether all slots of s are taken.
func (s *Scope) Full() bool { return s.Limit > 0 && s.Ordinary() >= s.Limit }

// Ordinary counts the live workers that hold s open.
func (s *Scope) Ordinary() int {
	n := 0
	for _, w := range s.Workers {
		if w.Kind != Daemon {
			n++
		}
	}
	return n
}

// Daemons counts the others.
func (s *Scope) Daemons() int { return len(s.Workers) - s.Ordinary() }

// Spawn starts w in w.Scope, refuses it, or queues it at a limit. Try is for
// who is told of a refusal by an error; others have it reported.
func (m *World) Spawn(w, by *Worker, try bool) {
	s := w.Scope
	switch ordinary := w.Kind != Daemon; {
	case ordinary && s.Full() && try && m.Admits(s, by):
		s.Refused++
	case ordinary && s.Full() && m.Admits(s, by):
		w.queued = true
		s.Queue = append(s.Queue, w)
	case m.Admits(s, by):
		w.Live = true
		s.Workers = append(s.Workers, w)
	default:
		m.refuse(w, try)
	}
}

func (m *World) refuse(w *Worker, try bool) {
	w.Scope.Refused++
	if !try && !w.Scope.FailFast && !m.keep(w.Scope, w) {
		m.Told[w.Name]++
	}
}

// Queued reports whether w waits for a slot.
func (w *Worker) Queued() bool { return w.queued }

// Cancel is Scope.Cancel; an empty tag stands for nil.
func (m *World) Cancel(s *Scope, tag string) {
	if s.Phase == Ended || s.Cause != nil {
		return
	}
	s.Given = tag
	if tag == "" {
		tag = Canceled
	}
	m.cancel(s, setOf(tag))
}

func (m *World) cancel(s *Scope, cause Set) {
	if s.Phase == Ended || s.Cause != nil {
		return
	}
	s.Cause, s.caused = cause, m.stamp()
	if s.Grace > 0 {
		s.graceAt = m.Now + s.Grace
	}
	m.close(s)
	workers := s.Workers
	if s.Body != nil {
		workers = append(slices.Clip(workers), s.Body)
	}
	for _, w := range workers {
		if w.Own != nil && w.ownAt == m.stamp() { // which may have been second
			maps.Copy(w.Own, cause)
		}
		m.cancelBelow(w, cause)
	}
}

// stamp numbers the step, and tells what is the first thing in it from what
// follows.
func (m *World) stamp() int {
	if m.direct {
		return -m.step
	}
	return m.step
}

// cancelBelow cancels what hangs in the context of w. What hangs in one that was
// derived from it, follows that; see inherit.
func (m *World) cancelBelow(w *Worker, cause Set) {
	for _, below := range w.Below {
		if below.Via == nil {
			m.cancel(below, cause)
		}
	}
}

// close ends admission, also for those who wait for a slot.
func (m *World) close(s *Scope) {
	s.Phase = max(s.Phase, Closing)
	m.flush(s)
}

func (m *World) flush(s *Scope) {
	for _, w := range s.Queue { // which may hear of it after the end
		w.queued = false
		s.Refused++
		if s.Perhaps == nil {
			s.Perhaps = Set{}
		}
		s.Perhaps[w.Name] = s.Keep > 0 && !s.FailFast
	}
	s.Queue = nil
}

// CancelWorker is Task.Cancel.
func (m *World) CancelWorker(w *Worker, tag string) {
	if !w.Live || w.Own != nil || w.Scope.Cause != nil {
		return
	}
	if tag == "" {
		tag = Canceled
	}
	w.Own, w.ownAt = setOf(tag), m.stamp()
	m.cancelBelow(w, w.Own)
}

// CancelRoot cancels the context that all roots were opened with.
func (m *World) CancelRoot(tag string) {
	m.Root = setOf(tag)
	for _, s := range m.Scopes {
		if s.Parent == nil && s.Via == nil {
			m.cancel(s, m.Root)
		}
	}
}

// Call begins a call that waits. From inside it is answered at once, and has
// its effect all the same.
func (m *World) Call(c *Waiter, inside bool) {
	switch {
	case c.Verb == Drain && c.Scope.Phase == Open:
		c.Scope.Phase = Draining
		m.flush(c.Scope)
	case c.Verb == Shutdown:
		m.Cancel(c.Scope, "")
	}
	if !inside {
		m.Waiters = append(m.Waiters, c)
	}
}

// Fetch takes the result of the future w, which has ended.
func (m *World) Fetch(w *Worker) {
	if i := slices.Index(w.Scope.Unseen, w); i >= 0 {
		w.Scope.Unseen = slices.Delete(w.Scope.Unseen, i, i+1)
		m.Fetched[w.Name] = true
	}
}
