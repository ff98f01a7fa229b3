package scope

import "unsafe"

// A ledger is what a scope's lock guards: its phase, its live tasks and the
// counts. Methods that end in nothing but bookkeeping live in this file; what
// follows from them (closing channels, cancelling, calling handlers) is handed
// back as a todo and done by Scope.perform, outside the lock.
//
// Under -race the lock is invisible to the detector (see race_on.go), so every
// function that touches a guarded field is marked go:norace, and none of them
// uses a map, which the runtime would check on its own.
//
// All but the last field is 64 bytes, and lies in a scope at a multiple of 64: to
// start or to end a task is to write one line of the processor's cache.
// TestScope_Lines keeps it so.
type ledger struct {
	mu mutex

	phase     phase
	inBody    bool  // the body of Run or Supervise is running
	told      bool  // the daemons have been asked to end
	finishing bool  // Scope.end has begun
	live      int32 // ordinary tasks in the list
	others    int32 // daemons, deferred functions and reports in the list
	reporters int32 // the reports among them, which are the scope's own
	ending    int32 // what else the scope must wait for; see hold
	armed     int32 // listed tasks with a context of their own
	nested    int32 // scopes attached to the body or a task

	first, last *Task  // live tasks, in the order they were started
	started     uint64 // tasks admitted so far; also numbers them

	late *late // made when first needed; most scopes end without
}

// A late is the part of a ledger that many scopes never need.
type late struct {
	ends [outcomes]uint64 // tasks ended, and refused, by outcome; see count

	failed  error    // what ended the scope: the first failure
	fatal   error    // the first Fatal failure
	bodyErr error    // the body's failure, when a task's came first
	kept    keptList // failures kept for the result; see KeepErrors
	result  error    // the scope's result, when it has ended
	path    string   // of a long-lived scope that has ended

	cleanups *cleanup // what Defer left, last one first
	unseen   *unseen  // failures of futures that nobody has fetched
	ripe     *unseen  // those whose futures have been collected, first one first
	ripeLast *unseen

	reporting bool // a task is reporting what is ripe

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
	if t.kind == kindReport {
		l.reporters++
	} else {
		l.started++
		t.seq = l.started
	}
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

// raceAdmission publishes what was done before something is listed: to who joins
// the scope, and to who only looks at what is listed.
func (s *Scope) raceAdmission() {
	raceRelease(unsafe.Pointer(s))
	raceRelease(unsafe.Pointer(&s.first))
}

// admit lists t if the phase allows it.
//
//go:norace
func (s *Scope) admit(t *Task, inside bool) admission {
	s.raceAdmission()
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
	s.raceAdmission()
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
	s.count(outcomeRefused)
	s.mu.unlock()
}

// count counts the end of a task, or its refusal, but not the ends by which tasks are
// meant to end: those are what is missing; see ended.
//
//go:norace
func (l *ledger) count(out outcome) { l.need().ends[out]++ }

// ended returns how many tasks have ended, or were refused, by outcome.
//
//go:norace
func (l *ledger) ended() (ends [outcomes]uint64) {
	if l.late != nil {
		ends = l.late.ends
	}
	ends[outcomeOK] = l.started - uint64(l.live+l.others-l.reporters) -
		ends[outcomeFailed] - ends[outcomePanicked] - ends[outcomeCancelled]
	return ends
}

// A removal says what is left to do for a task that was to leave the list.
type removal uint8

const (
	removed   removal = iota
	wakesThen         // removed; end its context and wake its waiters, then call release
	hasNested         // not removed: scopes opened with its ctx are still there
)

// remove takes t, which ended with out, from the list; live says that nothing had
// cancelled t alone.
//
//go:norace
func (s *Scope) remove(t *Task, out outcome, live bool, do *todo) (r removal) {
	raceRelease(unsafe.Pointer(t))
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	if t.nested != nil {
		t.outcome.Store(isCompleting)
		s.mu.unlock()
		return hasNested
	}
	word := uint32(out)
	if s.cancellation.Load() == nil || t.kind.shielded() {
		word |= scopeWasLive
		if live {
			word |= wasLive
		}
	}
	t.outcome.Store(word)
	if t.kind == kindReport {
		s.reporters--
	} else if out != outcomeOK {
		s.count(out)
	}
	s.unlink(t)
	if t.kind.ordinary() {
		s.live--
		s.giveSlot(t) // whoever finds nothing live finds all slots free
	} else {
		s.others--
	}
	if t.armed {
		s.armed--
	}
	if tail := t.tail.Load(); t.own.Load() != nil || tail != nil && tail.done.Load() != nil {
		s.ending++
		r = wakesThen
	} else if s.live == 0 { // no move is due while an ordinary task lives
		s.settle(do)
	}
	s.mu.unlock()
	return r
}

// release is the second half of remove for a task that had waiters.
//
//go:norace
func (s *Scope) release(do *todo) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	s.ending--
	s.settle(do)
	s.mu.unlock()
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
	if t.listed && !t.armed {
		t.armed = true
		s.armed++
	}
	s.mu.unlock()
}

// pushCleanup adds c on top of the deferred functions, unless it is too late.
//
//go:norace
func (s *Scope) pushCleanup(c *cleanup) bool {
	s.raceAdmission()
	s.mu.lock()
	ok := !s.finishing
	if ok {
		c.next = s.need().cleanups
		s.late.cleanups = c
	}
	s.mu.unlock()
	return ok
}
