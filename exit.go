package scope

import (
	"errors"
	"time"
	"unsafe"
)

// exit ends t: its function returned err, or panicked with v, or called Goexit.
// It runs on the task's goroutine, in a deferred call, so that a panic's stack
// is still there.
func (t *Task) exit(returned bool, err error, v any) {
	if returned && err == nil && t.kind != kindStart && t.scope.reports.watcher() == nil {
		t.finish(outcomeOK)
		return
	}
	t.exitSlowly(returned, err, v)
}

// exitSlowly is exit for a task that has something to tell. Whatever a handler
// does, panic and Goexit included, the task ends.
func (t *Task) exitSlowly(returned bool, err error, v any) {
	out := outcomeOK
	defer func() { t.finish(out) }()
	if t.kind == kindReport {
		return // whatever the handler did in it
	}
	if st := t.starts(); st != nil {
		st.end()
	}
	if out, err = t.judge(returned, err, v); out == outcomeCancelled {
		t.scope.catchUp()
	}
	if err != nil {
		t.setErr(err)
	}
	if o := t.scope.reports.watcher(); o != nil {
		defer o.taskEnded(t, out)
	}
	if out == outcomeFailed || out == outcomePanicked {
		t.scope.route(t, err.(*Failure))
	}
}

// judge tells the five ends apart. The error is a *Failure if t failed, and
// what t returned if it was cancelled.
func (t *Task) judge(returned bool, err error, v any) (outcome, error) {
	switch {
	case v != nil:
		return outcomePanicked, t.failure(newPanicError(v))
	case !returned:
		return outcomeFailed, t.failure(ErrGoexit)
	case err == nil && t.startFailed():
		return outcomeFailed, t.failure(ErrNotReady)
	case err == nil:
		return outcomeOK, nil
	case isEcho(err, t.context().Err(), t.cause()):
		return outcomeCancelled, err
	default:
		return outcomeFailed, t.failure(err)
	}
}

func (t *Task) setErr(err error) { t.needTail().err.Store(&err) }

// finish takes t out of its scope, after the scopes opened with its context
// have ended, and wakes who waits for it.
func (t *Task) finish(out outcome) {
	s := t.scope
	own := t.own.Load()
	live := own == nil || own.Err() == nil // before anything is released
	for {
		do, r := s.remove(t, out, live)
		if r == hasNested {
			s.endNested(t)
			continue
		}
		s.giveSlot(t)
		if r == wakesThen {
			do = t.wake()
		}
		if do.any {
			s.perform(do)
		}
		return
	}
}

// wake releases what hangs on t: its context and its waiters.
func (t *Task) wake() todo {
	if own := t.own.Load(); own != nil {
		own.cancel(nil)
	}
	if tail := t.tail.Load(); tail != nil {
		tail.close()
	}
	return t.scope.release()
}

// refuse ends a task that was not admitted, as Go does it.
func (t *Task) refuse(err error) {
	s := t.scope
	s.countRefused()
	t.body = nil
	t.start = time.Since(s.opened)
	t.setErr(err)
	raceRelease(unsafe.Pointer(t))
	t.outcome.Store(uint32(outcomeRefused))
	t.tail.Load().close()
	full := errors.Is(err, ErrLimit)
	if s.failFast && !full {
		return // a scope that is closing has told its caller why, or will
	}
	f := t.failure(err)
	f.Task.State = outcomeRefused.String()
	switch {
	case !inHandler():
		s.route(t, f)
	case full: // a handler that starts tasks must not meet itself
		printFailure(f, nil)
	}
}

// route brings a failure to where it belongs, exactly once: to who asked for
// the task's result, into the scope's result, or to the handler.
func (s *Scope) route(t *Task, f *Failure) {
	if t.kind == kindDo || t.startFailed() {
		return
	}
	if fatal := IsFatal(f.Err); fatal || s.failFast {
		if s.claim(f, fatal) {
			s.catchUp()
			s.cancel(because(f))
			return
		}
	}
	if s.keep(f) {
		return
	}
	if t.kind == kindAsync && t.result() == outcomeNone {
		s.leaveUnseen(t, f)
		return
	}
	s.handle(t, f)
}
