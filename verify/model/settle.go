package model

import (
	"maps"
	"slices"
)

// Settle lets everything happen that follows from the last step.
func (m *World) Settle() {
	m.direct = false
	for m.move() {
	}
	m.addCauses()
	for _, c := range m.Waiters {
		m.settleWaiter(c)
	}
	for m.move() { // who gave up in Start has cancelled its task
	}
	for _, c := range m.Waiters {
		m.settleWaiter(c)
	}
	m.step++
	m.direct = true
}

// move makes one round of moves and reports whether there was any.
func (m *World) move() bool {
	moved := m.inherit()
	for _, s := range m.Scopes {
		if s.Phase == Ended {
			continue
		}
		for _, w := range slices.Clone(s.Workers) {
			moved = m.moveWorker(w) || moved
		}
		if b := s.Body; b != nil && b.Free() && b.Done() && b.OnCancel != Ignore {
			m.Finish(b, b.OnCancel)
			moved = true
		}
		moved = m.moveScope(s) || moved // who waits for a slot holds nothing open
		moved = m.moveQueue(s) || moved
	}
	return moved
}

// moveWorker ends a worker that was cancelled and obeys, and lets one go whose
// scopes below have ended.
func (m *World) moveWorker(w *Worker) bool {
	if w.Free() && w.Done() && w.OnCancel != Ignore {
		m.Finish(w, w.OnCancel)
		return true
	}
	if !w.Returned || len(w.Below) > 0 {
		return false
	}
	w.Live = false
	s := w.Scope
	i := slices.Index(s.Workers, w)
	s.Workers = slices.Delete(s.Workers, i, i+1)
	if s.Ordinary() == 0 {
		s.idleAt = m.step
	}
	switch w.Outcome { //nolint:exhaustive // the rest needs nothing
	case Error, Goexit, Fatal:
		s.Failed++
	case Panic:
		s.Panicked++
	case Echo:
		s.Cancelled++
	}
	return true
}

func (m *World) moveQueue(s *Scope) bool {
	if len(s.Queue) == 0 || s.Full() {
		return false
	}
	w := s.Queue[0]
	s.Queue = s.Queue[1:]
	w.queued, w.Live = false, true
	s.Workers = append(s.Workers, w)
	return true
}

// Finish ends the function of w. The failure is told before w counts as ended.
func (m *World) Finish(w *Worker, how End) {
	if how == Echo && !w.Done() {
		how = OK
	}
	w.Returned, w.wasDone = true, w.Done()
	if w.Kind == Body {
		m.finishBody(w, how)
		return
	}
	if w.Kind == Start && !w.Ready && how == OK {
		how = Error // ErrNotReady
	}
	w.Outcome = how
	if how.fails() {
		m.Failures[w.Name] = w
		m.route(w)
	}
	m.goAway(w)
}

// goAway ends the context of w, whose function has returned.
func (m *World) goAway(w *Worker) {
	w.gone = true
	w.leaveCare()
	m.cancelBelow(w, setOf(Canceled))
}

func (m *World) finishBody(b *Worker, how End) {
	s := b.Scope
	b.Outcome, b.at = how, m.step
	switch how { //nolint:exhaustive // the rest needs nothing
	case Error, Fatal, Panic:
		m.claim(s, b)
	case Goexit:
		m.cancel(s, setOf(Goexit.String()))
	}
}

// moveScope moves s through its phases.
func (m *World) moveScope(s *Scope) bool { //nolint:gocognit // a table of cases
	bodyOver := s.Body == nil || s.Body.Returned
	before := s.Phase
	if s.Ordinary() == 0 {
		if s.Phase == Draining || s.Phase == Open && s.Lexical && bodyOver {
			m.close(s)
		}
		if s.Phase == Closing {
			for _, w := range s.Workers {
				m.CancelWorker(w, "")
			}
		}
	}
	if s.Phase != Closing || len(s.Workers) > 0 || !bodyOver {
		return s.Phase != before
	}
	if s.Body != nil && len(s.Body.Below) > 0 {
		first := !s.Body.gone
		m.goAway(s.Body)
		return first || s.Phase != before
	}
	if n := len(s.Defers); n > 0 {
		d := s.Defers[n-1]
		s.Defers = s.Defers[:n-1]
		m.runDeferred(s, d)
		return true
	}
	for _, w := range s.Unseen {
		m.tell(w)
	}
	s.Unseen = nil
	m.endScope(s)
	return true
}

func (m *World) runDeferred(s *Scope, d *Deferred) {
	s.Ran = append(s.Ran, d.Name)
	if d.End != Error {
		return
	}
	s.Failed++
	w := &Worker{Name: d.Name, Kind: Task, Scope: s, Outcome: Error}
	m.Failures[w.Name] = w
	m.route(w)
}

func (m *World) endScope(s *Scope) {
	s.Result = m.verdict(s)
	s.Phase, s.endedAt = Ended, m.step
	if s.Body != nil {
		s.Body.gone = true
	}
	p := s.Parent
	if p != nil {
		i := slices.Index(p.Below, s)
		p.Below = slices.Delete(p.Below, i, i+1)
	}
	m.inherit()
	if s.Lexical {
		m.leave(s, p)
	}
}

// leave goes on in p, or nowhere, when the call of Run or Supervise returns.
func (m *World) leave(s *Scope, p *Worker) {
	how := s.Body.Outcome
	fatal := s.fatalAt != 0
	if how == Goexit || how == Panic && !fatal {
		for name := range s.Claims { // what was to be the result goes to the handler
			if name != s.Body.Name {
				m.Told[name] = 1
			}
		}
		s.Passed = true
	} else {
		how = OK
	}
	if p == nil {
		return
	}
	p.Within = nil
	switch {
	case how != OK:
		m.Finish(p, how)
	case m.hasFailed(s) && p.Climbs && fatal && !s.Contain:
		m.Finish(p, Fatal)
	case m.hasFailed(s) && p.Climbs:
		m.Finish(p, Error)
	}
}

// hasFailed reports whether the result of s has a failure, and not just a refusal
// that KeepErrors has kept.
func (m *World) hasFailed(s *Scope) bool {
	for name := range s.Claims {
		if m.Failures[name] != nil || name == s.Body.Name {
			return true
		}
	}
	return false
}

// over reports whether who waits for the end of s is let go: a body is not
// waited for.
func (s *Scope) over() bool {
	if s.Phase == Ended {
		return true
	}
	return s.Phase == Closing && s.Body != nil && !s.Body.Returned && len(s.Workers) == 0
}

func (m *World) settleWaiter(c *Waiter) {
	s := c.Scope
	switch {
	case c.Over:
	case c.Verb == StartVerb:
		m.settleStart(c)
	case c.Verb == DoVerb:
		m.settleDo(c)
	case s.over(), c.Verb == Wait && s.Phase == Open && s.Ordinary() == 0:
		c.Over = true
		c.Want = m.seen(s)
	case c.Deadline != 0 && c.Deadline <= m.Now:
		c.Over, c.TimedOut = true, true
	case s.Body != nil && s.Body.at == m.step && len(s.Workers) == 0,
		c.Verb == Wait && s.idleAt == m.step && s.Phase == Open:
		c.Maybe = true
	}
}

// seen returns what a call that is let go in this step may return. If the body
// ended in it, too, the call may have looked before or after.
func (m *World) seen(s *Scope) Result {
	now := s.Result
	if s.Phase != Ended {
		now = m.verdict(s)
	}
	if s.Body == nil || s.Body.at != m.step {
		return now
	}
	either := Result{May: maps.Clone(m.bare(s).May)}
	maps.Copy(either.May, now.May)
	return either
}

func (m *World) settleStart(c *Waiter) {
	w := c.Worker
	switch {
	case w.Ready, !w.Live && !w.queued:
		c.Over = true
	case c.Deadline != 0 && c.Deadline <= m.Now && !w.GaveUp:
		w.GaveUp = true
		m.CancelWorker(w, Expired)
	}
}

func (m *World) settleDo(c *Waiter) {
	w := c.Worker
	if c.Deadline != 0 && c.Deadline <= m.Now {
		m.CancelWorker(w, Expired)
	}
	c.Over = !w.Live && !w.queued
}
