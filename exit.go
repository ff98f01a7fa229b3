package scope

import (
	"runtime"
	"time"
	"unsafe"
)

// An ending is how a task's function came to its end.
type ending struct {
	how howEnded
	err error // what it returned, or the *PanicError
}

type howEnded uint8

const (
	exited   howEnded = iota // by runtime.Goexit
	panicked                 // with a value that was recovered
	crashing                 // with one that was not; see CrashOnPanic
	returned
)

// failedAs returns the outcome of a task that has failed by e.
func (e *ending) failedAs() outcome {
	if e.how == panicked {
		return outcomePanicked
	}
	return outcomeFailed
}

// exit ends t, whose function came to its end by e. It runs on the task's
// goroutine, where its frame names the task as that of run did; see stack.go.
//
//go:noinline
func (t *Task) exit(e *ending) {
	if e.how == returned && e.err == nil && t.kind != kindStart &&
		t.scope.reports.watcher() == nil {
		t.finish(outcomeOK)
	} else {
		t.exitSlowly(e)
	}
	runtime.KeepAlive(t)
}

// exitSlowly is exit for a task that has something to tell. Whatever a handler
// or a method of the user's error does, panic and Goexit included, the task ends
// and its failure is told.
func (t *Task) exitSlowly(e *ending) {
	out, judged := outcomeOK, false
	defer func() { t.finish(out) }()
	defer func() {
		// A method of the user's error has called runtime.Goexit: what such a method
		// does not answer counts as no.
		if !judged {
			out = e.failedAs()
			t.tell(out, t.failure(e.err), false)
		}
	}()
	if t.kind == kindReport {
		judged = true
		return // whatever the handler did in it
	}
	if st := t.starts(); st != nil {
		st.end()
	}
	var err error
	out, err = t.judge(e)
	fatal := (out == outcomeFailed || out == outcomePanicked) && IsFatal(err)
	judged = true
	t.tell(out, err, fatal)
}

// tell brings the end of t to who is to know of it. The error is that of judge.
func (t *Task) tell(out outcome, err error, fatal bool) {
	if out == outcomeCancelled {
		t.scope.catchUp()
	}
	if err != nil {
		t.setErr(err)
	}
	if o := t.scope.reports.watcher(); o != nil {
		defer o.taskEnded(t, out)
	}
	if f, failed := err.(*Failure); failed && out != outcomeCancelled {
		t.scope.route(t, f, fatal)
	}
}

// judge tells the five ends apart. The error is a *Failure if t failed, and
// what t returned if it was cancelled.
func (t *Task) judge(e *ending) (outcome, error) {
	switch {
	case e.how == panicked:
		p, _ := e.err.(*PanicError)
		return outcomePanicked, t.failure(p.sinceFirst())
	case e.how == exited:
		return outcomeFailed, t.failure(ErrGoexit)
	case e.err == nil && t.startFailed():
		return outcomeFailed, t.failure(ErrNotReady)
	case e.err == nil:
		return outcomeOK, nil
	case t.echoes(e.err):
		return outcomeCancelled, e.err
	default:
		return outcomeFailed, t.failure(e.err)
	}
}

func (t *Task) setErr(err error) { t.needTail().err.Store(&err) }

// finish takes t out of its scope, after the scopes opened with its context
// have ended, and wakes who waits for it.
func (t *Task) finish(out outcome) {
	s := t.scope
	own := t.own.Load()
	live := own == nil || own.Err() == nil // before anything is released
	var do todo
	r := s.remove(t, out, live, &do)
	for r == hasNested {
		s.endNested(t)
		r = s.remove(t, out, live, &do)
	}
	if r == wakesThen {
		t.wake(&do)
	}
	switch {
	case !do.any:
	case t.kind == kindDo:
		s.performAside(&do) // the caller is not to wait for more
	default:
		s.perform(&do)
	}
}

// wake releases what hangs on t: its context and its waiters.
func (t *Task) wake(do *todo) {
	t.endContext()
	if tail := t.tail.Load(); tail != nil {
		tail.close()
	}
	t.scope.release(do)
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
	_, closed := err.(*closedError) // whatever its cause is
	if s.failFast && closed {
		return // a scope that is closing has told its caller why, or will
	}
	f := t.failure(err)
	f.Task.State = outcomeRefused.String()
	switch {
	case !inHandler():
		s.route(t, f, IsFatal(err))
	case !closed: // at the limit: a handler that starts tasks must not meet itself
		printFailure(f, nil)
	}
}

// route brings a failure to where it belongs, exactly once: to who asked for
// the task's result, into the scope's result, or to the handler.
func (s *Scope) route(t *Task, f *Failure, fatal bool) {
	if t.kind == kindDo || t.startFailed() {
		return
	}
	if fatal || s.failFast {
		if s.claim(f, fatal) {
			s.catchUp()
			s.cancel(because(f))
			return
		}
	}
	if s.keep(f) {
		return
	}
	if t.kind == kindAsync && s.leaveUnseen(t, f) {
		return
	}
	s.handle(t, f)
}
