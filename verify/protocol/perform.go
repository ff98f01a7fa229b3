package protocol

// perform does the next thing that is due about scope in after an unlock.
func (s State) perform(i, in int) State {
	sc, do := &s.Scopes[in], &s.Procs[i].Do[in]
	switch {
	case do.Release:
		do.Release = false
		sc.Ending = max(0, sc.Ending-1)
		sc.settle(do, s.Flaw)
	case do.Walk:
		do.Walk, do.Below = false, sc.Nested
		s.ask(in, func(p Proc) bool { return p.Published && p.Role != Deferred })
	case do.Below:
		do.Below = false
		s.Scopes[Inner].cancel(&s.Procs[i].Do[Inner], s.Flaw)
	case do.Detach: // or the task above has done that, which waits for the end
		do.Detach = false
		s.Scopes[Outer].Nested = false
	case do.Idle > 0:
		sc.Idle.Closed = max(sc.Idle.Closed, do.Idle)
		do.Idle = 0
	case do.Over > 0:
		sc.Over.Closed = max(sc.Over.Closed, do.Over)
		do.Over = 0
	case do.Daemons:
		do.Daemons = false
		s.ask(in, func(p Proc) bool { return p.Role == Daemon })
	case do.Cleanup:
		do.Cleanup = false
		s.startDeferred()
	case do.Left:
		do.Left = false
		sc.Left = true
	case do.End:
		do.End = false
		sc.finish(do)
		do.Detach = in == Inner
	}
	return s
}

func (s *State) ask(in int, who func(Proc) bool) {
	for i, p := range s.Procs {
		if p.Listed && int(p.In) == in && who(p) {
			s.Procs[i].Asked = true
		}
	}
}

func (s *State) startDeferred() {
	for i, p := range s.Procs {
		if p.Role == Deferred && p.At == dormant {
			s.Procs[i].At, s.Procs[i].Listed = inCall, true
			s.Procs[i].Calls++
			return
		}
	}
}

// finish makes the last move; the channels are closed after it.
func (s *Scope) finish(do *Todo) {
	s.Phase = Ended
	s.Ends++
	s.Idle.take(&do.Idle)
	s.Over.take(&do.Over)
}
