package scope

import (
	"unsafe"
)

// A ledger is what a scope's lock guards: its phase, its live tasks and the
// counts. Methods that end in nothing but bookkeeping live in this file; what
// follows from them (closing channels, cancelling, calling handlers) is handed
// back as a todo and done by Scope.perform, outside the lock.
//
// Under -race the lock is invisible to the detector (see race_on.go), so every
// function that touches a guarded field is marked go:norace, and none of them
// uses a map, which the runtime would check on its own.
type ledger struct {
	mu mutex

	phase     phase
	inBody    bool  // the body of Run or Supervise is running
	told      bool  // the daemons have been asked to end
	finishing bool  // Scope.end has begun
	live      int32 // ordinary tasks in the list
	others    int32 // daemons and deferred functions in the list
	ending    int32 // ended tasks whose waiters are being woken
	armed     int32 // listed tasks with a context of their own
	nested    int32 // scopes attached to the body or a task

	first, last *Task            // live tasks, in the order they were started
	started     uint64           // tasks admitted so far; also numbers them
	ends        [outcomes]uint64 // tasks ended, and refused, by outcome

	failed   error    // what ended the scope: the first failure
	fatal    error    // the first Fatal failure
	bodyErr  error    // the body's failure, when a task's came first
	kept     keptList // failures kept for the result; see KeepErrors
	cleanups *cleanup // what Defer left, last one first
	unseen   *unseen  // failures of futures that nobody has fetched

	idle chan struct{} // closed when live falls to zero; made by a waiter
	over chan struct{} // closed when all tasks are over; made by a waiter
	done chan struct{} // closed when the scope has ended; made by Done
}

// A todo is what has to be done, outside the lock, after a move in the ledger.
type todo struct {
	any     bool
	shut    bool          // admission has just closed: wake who waits for a slot
	daemons bool          // only daemons are left: cancel them
	report  bool          // hand over what futures left; then call release
	end     bool          // nothing is left: end the scope
	cleanup *Task         // start this deferred function
	idle    chan struct{} // close this
	over    chan struct{} // close this
}

// settle makes the moves that the table in state.go allows.
//
//go:norace
func (l *ledger) settle(lexical, cancelled bool) (do todo) {
	if l.live == 0 && l.idle != nil {
		do.any, do.idle, l.idle = true, l.idle, nil
	}
	if l.phase < phaseClosed && l.live == 0 && (l.phase == phaseDraining || lexical && !l.inBody) {
		do.any, do.shut = true, l.phase == phaseOpen
		l.phase = phaseClosed
	}
	if l.phase == phaseClosed && l.live == 0 && l.others > 0 && !l.told {
		l.told = true
		do.any, do.daemons = true, !cancelled
	}
	if l.phase < phaseClosed || l.live+l.others+l.ending > 0 {
		return do
	}
	if lexical && l.over != nil {
		do.any, do.over, l.over = true, l.over, nil
	}
	if l.phase == phaseClosed && !l.inBody {
		l.phase = phaseCleaning
	}
	if l.phase == phaseCleaning && !l.finishing {
		do.any = true
		do.cleanup = l.popCleanup()
		switch {
		case do.cleanup != nil:
		case l.unseen != nil:
			l.ending++
			do.report = true
		default:
			l.finishing, do.end = true, true
		}
	}
	return do
}

// popCleanup takes the next deferred function and lists it as a task.
//
//go:norace
func (l *ledger) popCleanup() *Task {
	c := l.cleanups
	if c == nil {
		return nil
	}
	l.cleanups = c.next
	l.enlist(c.task)
	return c.task
}

// enlist counts t and puts it at the end of the list.
//
//go:norace
func (l *ledger) enlist(t *Task) {
	if t.kind.ordinary() {
		l.live++
	} else {
		l.others++
	}
	if t.own.Load() != nil { // as that of Do has from the start
		t.armed = true
		l.armed++
	}
	l.started++
	t.seq = l.started
	l.push(t)
}

//go:norace
func (l *ledger) push(t *Task) {
	t.listed = true
	t.prev = l.last
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
}

// unlink takes t out of the list and clears its links: a handle that is kept
// must not hold the tasks that came after it.
//
//go:norace
func (l *ledger) unlink(t *Task) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
	t.listed = false
}

// An admission is the ledger's answer to a task that wants to start.
type admission uint8

const (
	admitted admission = iota
	refused
	fromInsideOnly // admitted if the spawner is a task of the scope
)

// admit lists t if the phase allows it.
//
//go:norace
func (s *Scope) admit(t *Task, inside bool) admission {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	verdict := admitted
	switch {
	case s.phase == phaseOpen, s.phase == phaseDraining && inside:
		s.enlist(t)
	case s.phase == phaseDraining:
		verdict = fromInsideOnly
	default:
		verdict = refused
	}
	s.mu.unlock()
	return verdict
}

// admitReport lists t, which hands over failures, in any phase but the last.
//
//go:norace
func (s *Scope) admitReport(t *Task) bool {
	s.mu.lock()
	ok := !s.finishing
	if ok {
		s.enlist(t)
	}
	s.mu.unlock()
	return ok
}

// countRefused counts a task that was not admitted.
//
//go:norace
func (s *Scope) countRefused() {
	s.mu.lock()
	s.ends[outcomeRefused]++
	s.mu.unlock()
}

// A removal says what is left to do for a task that was to leave the list.
type removal uint8

const (
	removed   removal = iota
	wakesThen         // removed; wake its waiters, then call release
	hasNested         // not removed: scopes opened with its ctx are still there
)

// remove takes t, which ended with out, from the list.
//
//go:norace
func (s *Scope) remove(t *Task, out outcome) (do todo, r removal) {
	raceRelease(unsafe.Pointer(t))
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	if t.nested != nil {
		s.mu.unlock()
		return do, hasNested
	}
	t.outcome.Store(uint32(out))
	s.ends[out]++
	s.unlink(t)
	if t.kind.ordinary() {
		s.live--
	} else {
		s.others--
	}
	if t.armed {
		s.armed--
	}
	if t.own.Load() != nil || t.tail.Load() != nil {
		s.ending++
		r = wakesThen
	} else {
		do = s.settle(s.lexical, s.cancellation.Load() != nil)
	}
	s.mu.unlock()
	return do, r
}

// release is the second half of remove for a task that had waiters.
//
//go:norace
func (s *Scope) release() todo {
	s.mu.lock()
	s.ending--
	do := s.settle(s.lexical, s.cancellation.Load() != nil)
	s.mu.unlock()
	return do
}

// hold keeps the scope from ending until release, unless it is too late.
//
//go:norace
func (s *Scope) hold() bool {
	s.mu.lock()
	ok := !s.finishing
	if ok {
		s.ending++
	}
	s.mu.unlock()
	return ok
}

// arm counts t, which has got a context of its own, if it is in the list.
//
//go:norace
func (s *Scope) arm(t *Task) {
	s.mu.lock()
	if t.listed {
		t.armed = true
		s.armed++
	}
	s.mu.unlock()
}

// close begins the end: it stores k and refuses newcomers. It reports false,
// and changes nothing, if the scope was cancelled already or has ended.
//
//go:norace
func (s *Scope) close(k *cancellation) (do todo, walk, ok bool) {
	raceRelease(unsafe.Pointer(&s.cancellation))
	s.mu.lock()
	if s.finishing || !s.cancellation.CompareAndSwap(nil, k) {
		s.mu.unlock()
		return do, false, false
	}
	shut := s.phase == phaseOpen
	if s.phase < phaseClosed {
		s.phase = phaseClosed
	}
	do = s.settle(s.lexical, true)
	do.shut = shut
	do.any = do.any || shut
	walk = s.armed > 0 || s.nested > 0
	s.mu.unlock()
	return do, walk, true
}

// drain refuses newcomers from outside.
//
//go:norace
func (s *Scope) drain() todo {
	s.mu.lock()
	shut := s.phase == phaseOpen
	if shut {
		s.phase = phaseDraining
	}
	do := s.settle(s.lexical, s.cancellation.Load() != nil)
	do.shut = shut
	do.any = do.any || shut
	s.mu.unlock()
	return do
}

// leaveBody notes that the body is over.
//
//go:norace
func (s *Scope) leaveBody() todo {
	s.mu.lock()
	s.inBody = false
	do := s.settle(s.lexical, s.cancellation.Load() != nil)
	s.mu.unlock()
	return do
}

// finish makes the last move and returns the channels to close.
//
//go:norace
func (s *Scope) finish() (idle, over, done chan struct{}) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	s.phase = phaseEnded
	idle, over, done = s.idle, s.over, s.done
	s.idle, s.over = nil, nil
	s.mu.unlock()
	return idle, over, done
}

// waitOver returns a channel that is closed when all tasks are over and no
// more can come, or nil if that is so already.
//
//go:norace
func (s *Scope) waitOver() (ch chan struct{}, idle bool) {
	s.mu.lock()
	defer s.mu.unlock()
	return s.overChan(), false
}

//go:norace
func (s *Scope) overChan() chan struct{} {
	if s.phase == phaseEnded || s.lexical && (s.phase == phaseCleaning ||
		s.phase == phaseClosed && s.live+s.others+s.ending == 0) {
		return nil
	}
	if s.over == nil {
		s.over = make(chan struct{})
	}
	return s.over
}

// waitIdle is waitOver for a scope that is closing; for another one the channel
// is closed when no ordinary task is live.
//
//go:norace
func (s *Scope) waitIdle() (ch chan struct{}, idle bool) {
	s.mu.lock()
	defer s.mu.unlock()
	switch {
	case s.phase > phaseDraining:
		return s.overChan(), false
	case s.live == 0:
		return nil, true
	case s.idle == nil:
		s.idle = make(chan struct{})
	}
	return s.idle, true
}

// isOpen reports whether s admits tasks.
//
//go:norace
func (s *Scope) isOpen() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.phase == phaseOpen
}

// hasEnded reports whether s has ended.
//
//go:norace
func (s *Scope) hasEnded() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.phase == phaseEnded
}

// doneChan returns the channel that is closed when the scope has ended.
//
//go:norace
func (s *Scope) doneChan() chan struct{} {
	s.mu.lock()
	defer s.mu.unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.phase == phaseEnded {
			close(s.done)
		}
	}
	return s.done
}

// pushCleanup adds c on top of the deferred functions, unless it is too late.
//
//go:norace
func (s *Scope) pushCleanup(c *cleanup) bool {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	ok := !s.finishing
	if ok {
		c.next = s.cleanups
		s.cleanups = c
	}
	s.mu.unlock()
	return ok
}
