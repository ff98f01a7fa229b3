package model

import "maps"

// verdict returns the result of s as of now.
func (m *World) verdict(s *Scope) Result {
	if s.Claims == nil {
		return m.bare(s)
	}
	r := Result{May: maps.Clone(s.Claims), Some: true}
	maps.Copy(r.May, s.Perhaps)
	r.May[Further] = s.Keep > 0
	return r
}

// addCauses adds, to the results of scopes that have ended in this step, why what
// is above them was cancelled in it, too: that may have been first.
func (m *World) addCauses() {
	for _, s := range m.Scopes {
		if s.Phase == Ended && s.endedAt == m.step && s.Claims == nil {
			outer, _ := m.outerCause(s)
			maps.Copy(s.Result.May, outer)
		}
	}
}

// bare is the verdict on a scope in which nothing failed.
func (m *World) bare(s *Scope) Result {
	r := Result{May: maps.Clone(s.Perhaps)}
	if r.May == nil {
		r.May = Set{}
	}
	r.May[Further] = s.Keep > 0
	if s.Given != "" {
		r.May[s.Given], r.Some = true, true
	}
	outer, open := m.outerCause(s)
	maps.Copy(r.May, outer)
	if outer != nil && !open {
		r.Some = true
		return r
	}
	if s.Cause[Expired] && !s.MoveOn && s.Deadline != 0 && s.Deadline <= m.Now {
		r.May[Expired], r.Some = true, true
	}
	return r
}

// outerCause returns why the context that s was opened with may be done. That of
// a task that has returned is done or not, as it happens: then this is open.
func (m *World) outerCause(s *Scope) (cause Set, open bool) {
	switch p := s.Parent; {
	case s.Via != nil && s.Via.Detached:
		return nil, false
	case p == nil:
		return m.Root, false
	case s.Via != nil && !p.gone:
		return s.Via.Cause, false
	case s.Via != nil:
		cause = setOf(Canceled)
		maps.Copy(cause, p.Cause())
		maps.Copy(cause, s.Via.Cause)
		return cause, s.Via.Cause == nil || s.Via.Cause[Canceled]
	case p.Returned && !p.wasDone:
		cause = setOf(Canceled)
		maps.Copy(cause, p.Cause())
		return cause, true
	default:
		return p.Cause(), false
	}
}
