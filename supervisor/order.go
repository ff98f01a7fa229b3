package supervisor

// settle takes the next steps of the ordered stop and the ordered start. It is
// called after every change, and does nothing when there is nothing to do.
//
// Stops come first: what is to be stopped is, one after the other in reverse
// order. Only then is something started, one after the other in order, and not
// before the delay of the child that caused it all.
func (m *machine) settle() {
	if m.stopNext() {
		return
	}
	if m.phase == phaseStopping {
		if m.live == 0 {
			m.finish()
		}
		return
	}
	if m.trigger != nil || m.startNext() {
		return
	}
	if m.phase == phaseStarting {
		m.phase = phaseRunning
		m.later(func() { close(m.started) })
	}
}

// stopNext asks the next child of the stopQ to end and reports whether one is
// still being waited for. A child that overruns its grace holds up nobody.
func (m *machine) stopNext() bool {
	for len(m.stopQ) > 0 {
		c := m.stopQ[0]
		if c.state.live() && c.state != stateStuck {
			c.ask()
			if !m.pool && !m.hurried {
				return true
			}
		}
		m.stopQ = m.stopQ[1:]
	}
	return false
}

// startNext starts the next child of the startQ and reports whether one is
// still being waited for.
func (m *machine) startNext() bool {
	if m.ctx.Err() != nil {
		return true // about to stop
	}
	for len(m.startQ) > 0 {
		c := m.startQ[0]
		switch {
		case c.state == stateQueued:
			c.move(eventStart)
			if !m.pool {
				return true
			}
		case c.state.live() && c.why == whyGroup:
			return true // stuck: never two incarnations
		case c.state.live() && c.why <= whyTimeout && !c.inc.ready:
			return true // not decided yet, also if its time is over
		}
		m.startQ = m.startQ[1:]
	}
	return false
}

// orderly reports whether an ordered start is under way, in which a child that
// comes now takes its place.
func (m *machine) orderly() bool {
	return m.trigger != nil || len(m.startQ) > 0 || len(m.stopQ) > 0
}
