package model

import (
	"maps"
	"slices"
)

// A World is a program at rest. Its methods are the program's steps; each is to
// be followed by Settle.
type World struct {
	Now     int // virtual time
	Root    Set // why the context of all roots is done; nil while it is live
	Scopes  []*Scope
	Waiters []*Waiter

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
		Now: 2, step: 1, direct: true,
	}
}

// Open opens s below s.Parent and, if it is lexical, starts its body.
func (m *World) Open(s *Scope) {
	m.Scopes = append(m.Scopes, s)
	if p := s.Parent; p != nil {
		p.Below = append(p.Below, s)
		if s.Lexical {
			p.Within = s
		}
		if cause := p.Cause(); cause != nil {
			m.cancel(s, m.above(p, cause))
		}
	} else if m.Root != nil {
		m.cancel(s, m.Root)
	}
	if s.Lexical {
		s.Body.Scope, s.Body.Kind, s.Body.Live = s, Body, true
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
	if !try && !w.Scope.FailFast {
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
	s.Cause, s.caused = cause, m.step
	if m.direct {
		s.caused = -m.step
	}
	m.close(s)
	workers := s.Workers
	if s.Body != nil {
		workers = append(slices.Clip(workers), s.Body)
	}
	for _, w := range workers {
		m.cancelBelow(w, cause)
	}
}

func (m *World) cancelBelow(w *Worker, cause Set) {
	for _, below := range w.Below {
		m.cancel(below, cause)
	}
}

// close ends admission, also for those who wait for a slot.
func (m *World) close(s *Scope) {
	s.Phase = max(s.Phase, Closing)
	m.flush(s)
}

func (m *World) flush(s *Scope) {
	for _, w := range s.Queue {
		w.queued = false
		m.refuse(w, false)
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
	w.Own = setOf(tag)
	m.cancelBelow(w, w.Own)
}

// CancelRoot cancels the context that all roots were opened with.
func (m *World) CancelRoot(tag string) {
	m.Root = setOf(tag)
	for _, s := range m.Scopes {
		if s.Parent == nil {
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

// Advance moves the clock, and settles at each deadline on the way.
func (m *World) Advance(d int) {
	m.direct = false
	for end := m.Now + d; m.Now < end; {
		m.Now = m.nextDeadline(end)
		for _, s := range m.Scopes {
			if s.Deadline != 0 && s.Deadline <= m.Now {
				m.cancel(s, setOf(Expired))
			}
		}
		m.Settle()
		m.direct = false
	}
}

func (m *World) nextDeadline(limit int) int {
	next := limit
	consider := func(at int) {
		if at > m.Now && at < next {
			next = at
		}
	}
	for _, s := range m.Scopes {
		consider(s.Deadline)
	}
	for _, c := range m.Waiters {
		if !c.Over {
			consider(c.Deadline)
		}
	}
	return next
}
