package scope

import (
	"time"
	"unsafe"
)

// A todo is what has to be done, outside the lock, after a move in the ledger.
type todo struct {
	any     bool
	shut    bool          // admission has just narrowed: wake who waits for a slot
	daemons bool          // only daemons are left: cancel them
	report  bool          // hand over what futures left; then call release
	nested  bool          // end what was opened with the body's context; alike
	end     bool          // nothing is left: end the scope
	cleanup *Task         // start this deferred function
	idle    chan struct{} // close this
	over    chan struct{} // close this
}

// endsMore reports whether do begins what is of no concern to who made it due.
func (do *todo) endsMore(s *Scope) bool {
	return do.nested || do.report || do.cleanup != nil || do.end && !s.lexical
}

// perform does what a move in the ledger has made due.
func (s *Scope) perform(do *todo) {
	if l := s.slots(); do.shut && l != nil {
		p, _ := s.phaseNow()
		l.shut(p)
	}
	if do.idle != nil {
		close(do.idle)
	}
	if do.over != nil {
		close(do.over)
	}
	if do.daemons {
		raceJoin(unsafe.Pointer(s)) // they are asked when all tasks are over
		s.eachTask(func(t *Task) {
			if t.kind == kindDaemon {
				t.Cancel(nil)
			}
		})
	}
	if do.cleanup != nil {
		s.startLate(do.cleanup)
	}
	if do.nested {
		s.endNested(&s.body)
		s.performRelease()
	}
	if do.report {
		s.startReport(s.reportUnseen)
		s.performRelease()
	}
	if do.end && s.lexical {
		s.left.open()
	} else if do.end {
		_ = s.end()
	}
}

// performRelease is release, and what it has made due.
func (s *Scope) performRelease() {
	var do todo
	s.release(&do)
	s.perform(&do)
}

// settle makes the moves that the table in state.go allows.
//
//go:norace
func (s *Scope) settle(do *todo) {
	if s.live+s.ending == 0 && s.late != nil && s.late.idle != nil {
		do.any, do.idle, s.late.idle = true, s.late.idle, nil
	}
	s.settleOpen(do)
	if s.phase < phaseClosed || s.live+s.others+s.ending > 0 {
		return
	}
	if s.inBody && s.late != nil && s.late.over != nil {
		do.any, do.over, s.late.over = true, s.late.over, nil
	}
	if s.phase == phaseClosed && !s.inBody {
		s.phase = phaseCleaning
	}
	if s.phase == phaseCleaning && !s.finishing {
		s.settleEnd(do)
	}
}

// settleOpen closes a scope whose ordinary tasks are over, and has the daemons
// of a closed one cancelled when nothing else is left.
//
//go:norace
func (s *Scope) settleOpen(do *todo) {
	if s.live > 0 {
		return
	}
	if s.phase == phaseDraining || s.phase == phaseOpen && s.lexical && !s.inBody {
		do.any, do.shut = true, true
		s.phase = phaseClosed
	}
	if s.phase == phaseClosed && s.others > 0 && !s.told {
		s.told = true
		do.any, do.daemons = true, s.cancellation.Load() == nil
	}
}

// settleEnd chooses the next step of a scope that is cleaning up.
//
//go:norace
func (s *Scope) settleEnd(do *todo) {
	do.any = true
	if s.body.nested != nil {
		s.ending++
		do.nested = true
		return
	}
	do.cleanup = s.popCleanup()
	switch {
	case do.cleanup != nil:
	case s.late != nil && (s.late.unseen != nil || s.late.ripe != nil):
		s.ending++
		do.report = true
	default:
		s.finishing, do.end = true, true
		s.body.outcome.Store(uint32(outcomeOK))
	}
}

// popCleanup takes the next deferred function and lists it as a task.
//
//go:norace
func (l *ledger) popCleanup() *Task {
	if l.late == nil || l.late.cleanups == nil {
		return nil
	}
	c := l.late.cleanups
	l.late.cleanups = c.next
	c.task.start = time.Since(c.task.scope.opened)
	l.enlist(c.task)
	return c.task
}

// close begins the end: it stores k and refuses newcomers. It reports not ok,
// and changes nothing, if the scope was cancelled already or has ended; and
// whether there are contexts that a cancellation has to be brought to.
//
//go:norace
func (s *Scope) close(k *cancellation, do *todo) (walk, ok bool) {
	raceRelease(unsafe.Pointer(&s.cancellation))
	s.mu.lock()
	walk = !s.finishing && (s.armed > 0 || s.nested > 0)
	if s.finishing || !s.cancellation.CompareAndSwap(nil, k) {
		s.mu.unlock()
		return walk, false
	}
	shut := s.phase < phaseClosed
	if shut {
		s.phase = phaseClosed
	}
	if s.reports.watcher() != nil {
		s.ending++ // the scope must not end before its observer knows; see cancel
	}
	s.settle(do)
	do.shut = shut
	do.any = do.any || shut
	s.mu.unlock()
	return walk, true
}

// drain refuses newcomers from outside.
//
//go:norace
func (s *Scope) drain(do *todo) {
	s.mu.lock()
	shut := s.phase == phaseOpen
	if shut {
		s.phase = phaseDraining
	}
	s.settle(do)
	do.shut = do.shut || shut
	do.any = do.any || shut
	s.mu.unlock()
}

// beginDrain is drain, and what it has made due.
func (s *Scope) beginDrain() {
	var do todo
	s.drain(&do)
	s.perform(&do)
}

// leaveBody notes that the body is over. Who waits for the end is woken to find out
// whether it waits for itself now; see await.
//
//go:norace
func (s *Scope) leaveBody(do *todo) {
	s.mu.lock()
	s.inBody = false
	s.settle(do)
	if s.late != nil {
		do.over, s.late.over = s.late.over, nil
	}
	s.mu.unlock()
}

// A finale is what is left to do when a scope has ended: close these channels,
// and return the result.
type finale struct {
	idle, over chan struct{}
	result     error
}

// finish makes the last move. The channel of Done is closed under the lock, so
// that nobody who has learned of the end in another way finds it open, nor the
// other way round.
//
//go:norace
func (s *Scope) finish() (last finale) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	s.phase = phaseEnded
	if l := s.late; l != nil {
		last = finale{idle: l.idle, over: l.over, result: l.result}
		l.idle, l.over = nil, nil
		if l.done != nil {
			s.closeDone(l.done)
		}
	}
	s.mu.unlock()
	return last
}

func (s *Scope) closeDone(done chan struct{}) {
	raceShown(func() {
		raceJoin(unsafe.Pointer(s))
		close(done)
	})
}
