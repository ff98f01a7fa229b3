package scope

import (
	"time"
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
	ending    int32 // what else the scope must wait for; see hold
	armed     int32 // listed tasks with a context of their own
	nested    int32 // scopes attached to the body or a task

	first, last *Task            // live tasks, in the order they were started
	started     uint64           // tasks admitted so far; also numbers them
	ends        [outcomes]uint64 // tasks ended, and refused, by outcome

	late *late // made when first needed; most scopes end without
}

// A late is the part of a ledger that many scopes never need.
type late struct {
	failed  error    // what ended the scope: the first failure
	fatal   error    // the first Fatal failure
	bodyErr error    // the body's failure, when a task's came first
	kept    keptList // failures kept for the result; see KeepErrors
	result  error    // the scope's result, when it has ended

	cleanups *cleanup // what Defer left, last one first
	unseen   *unseen  // failures of futures that nobody has fetched

	idle chan struct{} // closed when no ordinary task is left; made by a waiter
	over chan struct{} // see waitOver; made by a waiter
	done chan struct{} // closed when the scope has ended; made by Done
}

// need returns the late part of l.
//
//go:norace
func (l *ledger) need() *late {
	if l.late == nil {
		l.late = &late{}
	}
	return l.late
}

// A todo is what has to be done, outside the lock, after a move in the ledger.
type todo struct {
	any     bool
	shut    bool          // admission has just closed: wake who waits for a slot
	daemons bool          // only daemons are left: cancel them
	report  bool          // hand over what futures left; then call release
	nested  bool          // end what was opened with the body's context; alike
	end     bool          // nothing is left: end the scope
	cleanup *Task         // start this deferred function
	idle    chan struct{} // close this
	over    chan struct{} // close this
}

// settle makes the moves that the table in state.go allows.
//
//go:norace
func (s *Scope) settle() (do todo) {
	if s.live+s.ending == 0 && s.late != nil && s.late.idle != nil {
		do.any, do.idle, s.late.idle = true, s.late.idle, nil
	}
	if s.phase < phaseClosed && s.live == 0 &&
		(s.phase == phaseDraining || s.lexical && !s.inBody) {
		do.any, do.shut = true, s.phase == phaseOpen
		s.phase = phaseClosed
	}
	if s.phase == phaseClosed && s.live == 0 && s.others > 0 && !s.told {
		s.told = true
		do.any, do.daemons = true, s.cancellation.Load() == nil
	}
	if s.phase < phaseClosed || s.live+s.others+s.ending > 0 {
		return do
	}
	if s.inBody && s.late != nil && s.late.over != nil {
		do.any, do.over, s.late.over = true, s.late.over, nil
	}
	if s.phase == phaseClosed && !s.inBody {
		s.phase = phaseCleaning
	}
	if s.phase == phaseCleaning && !s.finishing {
		s.settleEnd(&do)
	}
	return do
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
	case s.late != nil && s.late.unseen != nil:
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
	own := t.own.Load()
	t.scopeLive = s.cancellation.Load() == nil || t.kind.shielded()
	t.endedLive = t.scopeLive && (own == nil || own.Err() == nil)
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
	if own != nil || t.tail.Load() != nil {
		s.ending++
		r = wakesThen
	} else {
		do = s.settle()
	}
	s.mu.unlock()
	return do, r
}

// release is the second half of remove for a task that had waiters.
//
//go:norace
func (s *Scope) release() todo {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	s.ending--
	do := s.settle()
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

// close begins the end: it stores k and refuses newcomers. It reports not ok,
// and changes nothing, if the scope was cancelled already or has ended; and
// whether there are contexts that a cancellation has to be brought to.
//
//go:norace
func (s *Scope) close(k *cancellation) (do todo, walk, ok bool) {
	raceRelease(unsafe.Pointer(&s.cancellation))
	s.mu.lock()
	walk = !s.finishing && (s.armed > 0 || s.nested > 0)
	if s.finishing || !s.cancellation.CompareAndSwap(nil, k) {
		s.mu.unlock()
		return do, walk, false
	}
	shut := s.phase == phaseOpen
	if s.phase < phaseClosed {
		s.phase = phaseClosed
	}
	do = s.settle()
	do.shut = shut
	do.any = do.any || shut
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
	do := s.settle()
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
	do := s.settle()
	s.mu.unlock()
	return do
}

// hasWork reports whether anything but the body is left in s, which is closed.
//
//go:norace
func (s *Scope) hasWork() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.live+s.others+s.ending > 0 || s.body.nested != nil ||
		s.late != nil && s.late.cleanups != nil
}

// finish makes the last move and returns the channels to close.
//
//go:norace
func (s *Scope) finish() (idle, over, done chan struct{}) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	s.phase = phaseEnded
	if l := s.late; l != nil {
		idle, over, done = l.idle, l.over, l.done
		l.idle, l.over = nil, nil
	}
	s.mu.unlock()
	return idle, over, done
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
			close(l.done)
		}
	}
	return l.done
}

// pushCleanup adds c on top of the deferred functions, unless it is too late.
//
//go:norace
func (s *Scope) pushCleanup(c *cleanup) bool {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	ok := !s.finishing
	if ok {
		c.next = s.need().cleanups
		s.late.cleanups = c
	}
	s.mu.unlock()
	return ok
}
