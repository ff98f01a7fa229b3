package scope

// hasWork reports whether any of the user's code is left in s, which is closed, but
// the body's. What the body can know to be over is none.
func (s *Scope) hasWork() bool {
	return s.hasTasks() || len(s.body.Scopes()) > 0
}

// hasTasks reports whether s has live tasks, or will have. One whose waiters are
// being woken is over.
//
//go:norace
func (s *Scope) hasTasks() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.live+s.others > 0 || s.late != nil && s.late.cleanups != nil
}

// isFinishing reports whether the end of s has begun.
//
//go:norace
func (s *Scope) isFinishing() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.finishing
}

// waitOver returns a channel that is closed when the scope has ended or, while
// the body runs, which nobody waits for, when all tasks are over and no more can
// come; or nil if that is so already.
//
//go:norace
func (s *Scope) waitOver() (ch chan struct{}, idle bool) {
	s.mu.lock()
	defer s.mu.unlock()
	return s.overChan(), false
}

//go:norace
func (s *Scope) overChan() chan struct{} {
	if s.phase == phaseEnded ||
		s.inBody && s.phase == phaseClosed && s.live+s.others+s.ending == 0 {
		return nil
	}
	l := s.need()
	if l.over == nil {
		l.over = make(chan struct{})
	}
	return l.over
}

// waitIdle is waitOver for a scope that is closing; for another one the channel
// is closed when no ordinary task is live.
//
//go:norace
func (s *Scope) waitIdle() (ch chan struct{}, idle bool) {
	s.mu.lock()
	defer s.mu.unlock()
	if s.phase > phaseDraining {
		return s.overChan(), false
	}
	if s.live+s.ending == 0 {
		return nil, true
	}
	l := s.need()
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	return l.idle, true
}

// phaseNow returns the phase of s, and whether its body is running.
//
//go:norace
func (s *Scope) phaseNow() (p phase, inBody bool) {
	s.mu.lock()
	defer s.mu.unlock()
	return s.phase, s.inBody
}

// doneChan returns the channel that is closed when the scope has ended.
//
//go:norace
func (s *Scope) doneChan() chan struct{} {
	s.mu.lock()
	defer s.mu.unlock()
	l := s.need()
	if l.done == nil {
		l.done = make(chan struct{})
		if s.phase == phaseEnded {
			s.closeDone(l.done) // too late for the end to do it
		}
	}
	return l.done
}
