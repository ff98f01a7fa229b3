package model

// Advance moves the clock, and settles at each deadline on the way.
func (m *World) Advance(d int) {
	m.direct = false
	for end := m.Now + d; m.Now < end; {
		m.Now = m.nextDeadline(end)
		for _, s := range m.Scopes {
			if s.Deadline != 0 && s.Deadline <= m.Now {
				m.cancel(s, setOf(Expired))
			}
			if s.graceAt == m.Now {
				m.report(s)
			}
		}
		m.expireDerived()
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
		consider(s.graceAt)
	}
	for _, d := range m.Derived {
		consider(d.Deadline)
	}
	for _, c := range m.Waiters {
		if !c.Over {
			consider(c.Deadline)
		}
	}
	return next
}

// report is the end of the grace of s: those who are left are named.
func (m *World) report(s *Scope) {
	if names := s.liveBelow(nil); s.Phase != Ended && len(names) > 0 {
		m.Late[s.Name] = names
	}
}

// liveBelow adds the names of the live workers of s and of the scopes below it.
func (s *Scope) liveBelow(names []string) []string {
	if s.Body != nil {
		for _, below := range s.Body.Below {
			names = below.liveBelow(names)
		}
	}
	for _, w := range s.Workers {
		names = append(names, w.Name)
		for _, below := range w.Below {
			names = below.liveBelow(names)
		}
	}
	return names
}
