package protocol

// step returns the states to which process i can bring s by one step.
func (s State) step(i int) []State {
	p := s.Procs[i]
	for in := Inner; in >= Outer; in-- { // a cancellation goes down first
		if p.Do[in] != (Todo{}) {
			return []State{s.perform(i, in)}
		}
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

// of returns the scope of process i, and what the process has to do about it.
func (s *State) of(i int) (*Scope, *Todo) {
	in := s.Procs[i].In
	return &s.Scopes[in], &s.Procs[i].Do[in]
}

func (s State) stepTask(i int) []State { //nolint:gocognit // a table of cases
	p := &s.Procs[i]
	in, _ := s.of(i)
	switch p.At { //nolint:exhaustive // the rest needs nothing
	case begin: // Go looks whether the scope is cancelled, without the lock
		if in.Cancelled {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, admit)}
	case admit:
		if in.Phase == Open || in.Phase == Draining && p.Inside || s.Flaw == LateAdmit {
			return []State{s.enlist(i)}
		}
		return []State{s.at(i, over)}
	case inCall:
		return s.call(i)
	case armed: // its context is published, and counted under the lock
		p.Armed = true
		in.Armed++
		return []State{s.at(i, checks)}
	case checks: // it has published first, and looks now
		if in.Cancelled && s.Flaw != NoLook {
			return []State{s.at(i, leaves)}
		}
		return []State{s.at(i, waits)}
	case waits:
		if p.Asked {
			return []State{s.at(i, leaves)}
		}
		return nil
	case listens, ends, joins:
		return s.stepNester(i)
	default:
		if in.Nested && p.Role == Nester && s.Flaw != NoJoin {
			return []State{s.at(i, ends)}
		}
		return []State{s.remove(i)}
	}
}

// stepNester is a task and the scope that it has opened with its context: the
// scope looks once after it has been made known, and the task, when its function
// has returned, cancels the scope and waits for its end.
func (s State) stepNester(i int) []State {
	below, do := &s.Scopes[Inner], &s.Procs[i].Do[Inner]
	in, _ := s.of(i)
	switch s.Procs[i].At { //nolint:exhaustive // the rest is any task's
	case listens:
		if in.Cancelled && s.Flaw != NoListen {
			below.cancel(do, s.Flaw)
		}
		return []State{s.at(i, leaves)}
	case ends:
		below.cancel(do, s.Flaw)
		return []State{s.at(i, joins)}
	default:
		if below.Ends == 0 {
			return nil
		}
		in.Nested = false // unless that has been done by now
		return []State{s.at(i, leaves)}
	}
}

// enlist admits process i and calls its function.
func (s State) enlist(i int) State {
	p := &s.Procs[i]
	in, _ := s.of(i)
	p.Listed, p.At = true, inCall
	p.Calls++
	if p.ordinary() {
		in.Live++
	} else {
		in.Others++
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
	case Nester: // opens the inner scope, with its context
		in, _ := s.of(i)
		in.Nested = true
		for j, other := range s.Procs {
			if other.In == Inner {
				s.Procs[j].At = begin
			}
		}
		return []State{s.at(i, listens)}
	default:
		return []State{s.at(i, leaves)}
	}
}

func (s State) remove(i int) State {
	p := &s.Procs[i]
	in, do := s.of(i)
	p.Listed, p.At = false, over
	if p.ordinary() {
		in.Live--
	} else {
		in.Others--
	}
	if p.Armed {
		in.Armed--
	}
	if p.Role == Waited || p.Published {
		if s.Flaw != NoHold {
			in.Ending++
		}
		do.Release = true
		return s
	}
	if in.Live == 0 {
		in.settle(do, s.Flaw)
	}
	return s
}

// settle makes the moves that are due, under the lock.
func (s *Scope) settle(do *Todo, flaw Flaw) { //nolint:gocognit // a table of cases
	if s.Live+s.Ending == 0 && flaw != LostIdle {
		s.Idle.take(&do.Idle)
	}
	if s.Live == 0 {
		if s.Phase == Draining || s.Phase == Open && s.Lexical && !s.InBody {
			s.Phase = Closed
		}
		if s.Phase == Closed && s.Others > 0 && !s.Told {
			s.Told, do.Daemons = true, !s.Cancelled && flaw != DaemonsLeft
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

func (s State) stepBody(i int) []State {
	p := &s.Procs[i]
	in, do := s.of(i)
	switch p.At { //nolint:exhaustive // the rest needs nothing
	case begin:
		in.InBody = false
		in.settle(do, s.Flaw)
		return []State{s.at(i, atLatch)}
	case atLatch:
		if !in.Left {
			return nil
		}
		return []State{s.at(i, atEnd)}
	default:
		in.finish(do)
		return []State{s.at(i, over)}
	}
}

// stepCaller is Cancel, Drain, Shutdown and Wait.
func (s State) stepCaller(i int) []State {
	p := &s.Procs[i]
	in, do := s.of(i)
	switch {
	case p.At == begin && (p.Role == Canceller || p.Role == Stopper):
		in.cancel(do, s.Flaw)
		if p.Role == Canceller {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, looks)}
	case p.At == begin && p.Role == Drainer:
		if in.Phase == Open {
			in.Phase = Draining
		}
		in.settle(do, s.Flaw)
		return []State{s.at(i, looks)}
	case p.At == begin || p.At == looks:
		return []State{s.look(i)}
	case p.At == onIdle && in.Idle.Closed >= p.On:
		if in.Phase == Open {
			return []State{s.at(i, over)}
		}
		return []State{s.at(i, looks)}
	case p.At == onOver && in.Over.Closed >= p.On:
		return []State{s.at(i, looks)}
	case p.Role == Stopper: // out of time
		return []State{s.at(i, over)}
	}
	return nil
}

func (s *Scope) cancel(do *Todo, flaw Flaw) {
	do.Walk = !s.Finishing && (s.Armed > 0 || s.Nested)
	if s.Finishing || s.Cancelled {
		return
	}
	s.Cancelled = true
	s.Phase = max(s.Phase, Closed)
	s.settle(do, flaw)
}

// look asks for a channel to wait for, and is let go if there is none.
func (s State) look(i int) State {
	p := &s.Procs[i]
	in, _ := s.of(i)
	quiet := in.Live+in.Others+in.Ending == 0
	switch {
	case p.Role == Waiter && in.Phase <= Draining && in.Live+in.Ending == 0:
		return s.at(i, over)
	case p.Role == Waiter && in.Phase <= Draining:
		p.On = in.Idle.make()
		return s.at(i, onIdle)
	case in.Phase == Ended, in.InBody && in.Phase == Closed && quiet:
		p.Broken = s.anyRuns(p.In)
		return s.at(i, over)
	default:
		p.On = in.Over.make()
		return s.at(i, onOver)
	}
}

// anyRuns reports whether a task of the scope in, or of one below it, runs.
func (s *State) anyRuns(in int8) bool {
	for _, p := range s.Procs {
		if p.running() && p.In >= in {
			return true
		}
	}
	return false
}
