package protocol

// step returns the states to which process i can bring s by one step.
func (s State) step(i int) []State {
	p := s.Procs[i]
	if p.Do != (Todo{}) {
		return []State{s.perform(i)}
	}
	switch {
	case p.Role == Nobody || p.At == over || p.At == dormant:
		return nil
	case p.isTask():
		return s.stepTask(i)
	case p.Role == Body:
		return s.stepBody(i)
	default:
		return s.stepCaller(i)
	}
}

func (s State) at(i int, where place) State {
	s.Procs[i].At = where
	return s
}

func (s State) stepTask(i int) []State {
	p := &s.Procs[i]
	switch p.At { //nolint:exhaustive // the rest needs nothing
	case begin: // Go looks whether the scope is cancelled, without the lock
		if s.Cancelled {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, admit)}
	case admit:
		if s.Phase == Open || s.Phase == Draining && p.Inside || s.Flaw == LateAdmit {
			return []State{s.enlist(i)}
		}
		return []State{s.at(i, over)}
	case inCall:
		return s.call(i)
	case armed: // its context is published, and counted under the lock
		p.Armed = true
		s.Armed++
		return []State{s.at(i, checks)}
	case checks: // it has published first, and looks now
		if s.Cancelled && s.Flaw != NoLook {
			return []State{s.at(i, leaves)}
		}
		return []State{s.at(i, waits)}
	case waits:
		if p.Asked {
			return []State{s.at(i, leaves)}
		}
		return nil
	default:
		return []State{s.remove(i)}
	}
}

// enlist admits process i and calls its function.
func (s State) enlist(i int) State {
	p := &s.Procs[i]
	p.Listed, p.At = true, inCall
	p.Calls++
	if p.ordinary() {
		s.Live++
	} else {
		s.Others++
	}
	return s
}

// call is a task's function.
func (s State) call(i int) []State {
	switch p := &s.Procs[i]; p.Role { //nolint:exhaustive // the rest needs nothing
	case Server, Daemon:
		p.Published = true
		return []State{s.at(i, armed)}
	case Parent: // starts the next process, from inside
		next := s
		next.Procs[i+1].At, next.Procs[i+1].Inside = begin, true
		return []State{next.at(i, leaves)}
	default:
		return []State{s.at(i, leaves)}
	}
}

func (s State) remove(i int) State {
	p := &s.Procs[i]
	p.Listed, p.At = false, over
	if p.ordinary() {
		s.Live--
	} else {
		s.Others--
	}
	if p.Armed {
		s.Armed--
	}
	if p.Role == Waited || p.Published {
		if s.Flaw != NoHold {
			s.Ending++
		}
		p.Do.Release = true
		return s
	}
	if s.Live == 0 {
		s.settle(&p.Do)
	}
	return s
}

// settle makes the moves that are due, under the lock.
func (s *State) settle(do *Todo) { //nolint:gocognit // a table of cases
	if s.Live+s.Ending == 0 && s.Flaw != LostIdle {
		s.Idle.take(&do.Idle)
	}
	if s.Live == 0 {
		if s.Phase == Draining || s.Phase == Open && s.Lexical && !s.InBody {
			s.Phase = Closed
		}
		if s.Phase == Closed && s.Others > 0 && !s.Told {
			s.Told, do.Daemons = true, !s.Cancelled && s.Flaw != DaemonsLeft
		}
	}
	if s.Phase < Closed || s.Live+s.Others+s.Ending > 0 {
		return
	}
	if s.InBody {
		s.Over.take(&do.Over)
	}
	if s.Phase == Closed && !s.InBody {
		s.Phase = Cleaning
	}
	if s.Phase != Cleaning || s.Finishing {
		return
	}
	if s.Cleanups > 0 {
		s.Cleanups--
		s.Others++
		do.Cleanup = true
		return
	}
	s.Finishing = true
	do.End, do.Left = !s.Lexical, s.Lexical
}

func (c *Channel) take(made *int8) {
	if c.In {
		c.In, *made = false, c.Made
	}
}

func (c *Channel) make() int8 {
	if !c.In {
		c.In = true
		c.Made++
	}
	return c.Made
}

// perform does the next thing that is due after an unlock.
func (s State) perform(i int) State {
	do := &s.Procs[i].Do
	switch {
	case do.Release:
		do.Release = false
		s.Ending = max(0, s.Ending-1)
		s.settle(do)
	case do.Walk:
		do.Walk = false
		s.ask(func(p Proc) bool { return p.Published && p.Role != Deferred })
	case do.Idle > 0:
		s.Idle.Closed = max(s.Idle.Closed, do.Idle)
		do.Idle = 0
	case do.Over > 0:
		s.Over.Closed = max(s.Over.Closed, do.Over)
		do.Over = 0
	case do.Daemons:
		do.Daemons = false
		s.ask(func(p Proc) bool { return p.Role == Daemon })
	case do.Cleanup:
		do.Cleanup = false
		s.startDeferred()
	case do.Left:
		do.Left = false
		s.Left = true
	case do.End:
		do.End = false
		s.finish(do)
	}
	return s
}

func (s *State) ask(who func(Proc) bool) {
	for i, p := range s.Procs {
		if p.Listed && who(p) {
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
func (s *State) finish(do *Todo) {
	s.Phase = Ended
	s.Ends++
	s.Idle.take(&do.Idle)
	s.Over.take(&do.Over)
}

func (s State) stepBody(i int) []State {
	p := &s.Procs[i]
	switch p.At { //nolint:exhaustive // the rest needs nothing
	case begin:
		s.InBody = false
		s.settle(&p.Do)
		return []State{s.at(i, atLatch)}
	case atLatch:
		if !s.Left {
			return nil
		}
		return []State{s.at(i, atEnd)}
	default:
		s.finish(&p.Do)
		return []State{s.at(i, over)}
	}
}

// stepCaller is Cancel, Drain, Shutdown and Wait.
func (s State) stepCaller(i int) []State {
	p := &s.Procs[i]
	switch {
	case p.At == begin && (p.Role == Canceller || p.Role == Stopper):
		s.cancel(&p.Do)
		if p.Role == Canceller {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, looks)}
	case p.At == begin && p.Role == Drainer:
		if s.Phase == Open {
			s.Phase = Draining
		}
		s.settle(&p.Do)
		return []State{s.at(i, looks)}
	case p.At == begin || p.At == looks:
		return []State{s.look(i)}
	case p.At == onIdle && s.Idle.Closed >= p.On:
		if s.Phase == Open {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, looks)}
	case p.At == onOver && s.Over.Closed >= p.On:
		return []State{s.at(i, looks)}
	case p.Role == Stopper: // out of time
		return []State{s.at(i, over)}
	}
	return nil
}

func (s *State) cancel(do *Todo) {
	do.Walk = !s.Finishing && s.Armed > 0
	if s.Finishing || s.Cancelled {
		return
	}
	s.Cancelled = true
	s.Phase = max(s.Phase, Closed)
	s.settle(do)
}

// look asks for a channel to wait for, and is let go if there is none.
func (s State) look(i int) State {
	p := &s.Procs[i]
	quiet := s.Live+s.Others+s.Ending == 0
	switch {
	case p.Role == Waiter && s.Phase <= Draining && s.Live+s.Ending == 0:
		return s.at(i, over)
	case p.Role == Waiter && s.Phase <= Draining:
		p.On = s.Idle.make()
		return s.at(i, onIdle)
	case s.Phase == Ended, s.InBody && s.Phase == Closed && quiet:
		p.Broken = s.anyRuns()
		return s.at(i, over)
	default:
		p.On = s.Over.make()
		return s.at(i, onOver)
	}
}

func (s *State) anyRuns() bool {
	for _, p := range s.Procs {
		if p.running() {
			return true
		}
	}
	return false
}
