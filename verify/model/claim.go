package model

// route brings a failure to where it belongs.
func (m *World) route(w *Worker) {
	s := w.Scope
	switch {
	case w.Kind == Do, w.Kind == Start && !w.Ready:
		m.Fetched[w.Name] = true
	case (s.FailFast || w.Outcome == Fatal) && m.claim(s, w):
	case m.keep(s, w):
	case w.Kind == Async:
		s.Unseen = append(s.Unseen, w)
	default:
		m.tell(w)
	}
}

// claim makes the failure of w part of the result. Of those that come in one
// step any may be the first, and the others go to the handler.
func (m *World) claim(s *Scope, w *Worker) bool {
	step := m.stamp()
	fatal := w.Outcome == Fatal
	if fatal && s.claimed == step || !fatal && s.fatalAt == step {
		s.unsure = true
	}
	switch {
	case w.Kind == Body: // the body's failure is never lost
	case fatal && s.fatalAt != 0 && s.fatalAt != step,
		!fatal && s.Claims != nil && s.claimed != step:
		return false
	case !fatal && s.Claims != nil && s.Keep > 0: // beside the first one there is room
		if s.caused == step {
			s.Cause[w.Name] = true
		}
		return false
	}
	if fatal && s.fatalAt == 0 {
		s.fatalAt = step
	}
	if s.Claims == nil {
		s.Claims, s.claimed = Set{}, step
	}
	s.Claims[w.Name] = true
	switch {
	case s.Cause == nil:
		m.cancel(s, setOf(w.Name))
	case s.caused == step:
		s.Cause[w.Name] = true
	}
	return true
}

// keep is KeepErrors: it makes the failure of w part of the result, too, while
// there is room. Who has to go to the handler of those that fail in the step in
// which the last place is taken, is open.
func (m *World) keep(s *Scope, w *Worker) bool {
	switch step := m.stamp(); {
	case s.Keep == 0, s.Phase == Ended,
		s.kept == s.Keep && s.keptAt != step && s.claimed != step && !s.unsure:
		return false
	case s.kept < s.Keep:
		s.kept++
		s.keptAt = step
	}
	if s.Claims == nil {
		s.Claims = Set{}
	}
	s.Claims[w.Name] = true
	return true
}

// tell gives a failure to the handler, which does what it does.
func (m *World) tell(w *Worker) {
	m.Told[w.Name]++
	s := w.Scope
	if w.Kind == Async {
		return
	}
	switch s.Does { //nolint:exhaustive // the rest needs nothing
	case CancelScope:
		m.Cancel(s, "handler of "+s.Name)
	case ShutdownInside:
		m.Cancel(s, "")
	case Respawn:
		r := &Worker{Name: w.Name + "'", Kind: Task, Scope: s, OnCancel: Echo}
		if m.Admits(s, w) && !s.Full() {
			r.Live = true
			s.Workers = append(s.Workers, r)
		} else {
			s.Refused++
		}
	}
}
