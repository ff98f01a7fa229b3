package scope

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Future is the handle to a task that computes a value; see [Async]. It may be
// waited for by many goroutines, and read after the scope has ended. All methods
// are safe for concurrent use.
//
// It has the methods of a [Task], too: Done, Err, Cancel, Name, Info, Scope, Scopes
// and String. Wait is its own.
type Future[T any] struct {
	task // first, so that the task and its result are one allocation

	f     func(context.Context) (T, error)
	value T // written by the task before it ends
}

// task is embedded under a name that is not exported, so that a Future has the
// methods of a Task but cannot be taken apart.
type task = Task

// Async starts f as a task of s, as [Scope.Go] does, and returns the handle to
// its result. In a fail-fast scope a failure ends the scope like any other. In a
// supervised scope, and after the first failure, it goes to who calls
// [Future.Wait], [Future.Result] or Err; if nobody ever does, it goes to the
// handler when the scope ends or the future is collected, and is never lost.
// Async panics if f is nil.
//
//go:noinline
func Async[T any](s *Scope, name string, f func(context.Context) (T, error)) *Future[T] {
	pc := callerPC()
	if f == nil {
		panic("scope: nil function; pass the function that the task shall run")
	}
	s.mustBeOpened()
	fu := &Future[T]{f: f}
	fu.scope, fu.name, fu.body, fu.pc, fu.kind = s, name, (*futureBody[T])(fu), pc, kindAsync
	if name == "" {
		fu.name = funcName(entry(f))
	}
	if s.accept(&fu.task) {
		fu.spawn()
	} else {
		fu.f = nil // nothing will run it, and the handle is not to keep it
	}
	return fu
}

// A futureBody is a Future as what its task runs.
type futureBody[T any] Future[T]

func (b *futureBody[T]) exec(ctx context.Context) (err error) {
	f := b.f
	b.f = nil
	b.value, err = f(ctx)
	return err
}

// Wait blocks until the task has ended and returns its result: the value, or
// the zero value and the error that [Task.Err] returns. If ctx is done first it
// returns the cause of ctx, and the task goes on. The two can be told apart: a
// failure of the task is a [*Failure] or Is [ErrCancelled], or the reason of a
// refusal. Called with the task's own context it returns [ErrSelfWait].
func (fu *Future[T]) Wait(ctx context.Context) (T, error) {
	// A failure is not reported as unseen while somebody waits; so who gives
	// up looks once more after it has stopped counting as a waiter.
	current(ctx) // panics if ctx is nil, also after the end
	if err := fu.waitCounted(ctx); err != nil && fu.result() == outcomeNone {
		var zero T
		return zero, err
	}
	return fu.Result()
}

// waitCounted is Task.Wait for one who will fetch the failure.
func (t *Task) waitCounted(ctx context.Context) error {
	waiters := &t.needTail().waiters
	waiters.Add(1)
	defer waiters.Add(-1) // also if a method of ctx panics
	err := t.Wait(ctx)
	if err == nil {
		t.tail.Load().unseen.Load().fetched()
	}
	return err
}

// Result returns what Wait would, without blocking: [ErrRunning] before the
// end.
func (fu *Future[T]) Result() (T, error) {
	if err := fu.Err(); err != nil {
		var zero T
		return zero, err
	}
	return fu.value, nil
}

// An unseen is the failure of a future that nobody has fetched yet. It does not
// hold the future, whose collection is how we learn that nobody will.
type unseen struct {
	scope *Scope
	tail  *taskTail
	f     *Failure
	once  atomic.Bool // set by who fetches or reports the failure

	cleanup runtime.Cleanup // calls collected

	// Guarded by the scope's lock.
	listed       bool // in late.unseen
	older, newer *unseen
}

// leaveUnseen keeps f, the failure of the future t, until somebody fetches it,
// the future is collected, or the scope ends. If the end has begun, it is too late
// for that. In a bubble of testing/synctest
// only the end counts: what follows a collection would run outside the bubble.
func (s *Scope) leaveUnseen(t *Task, f *Failure) bool {
	tail := t.needTail()
	u := &unseen{scope: s, tail: tail, f: f}
	if !inBubble() {
		u.cleanup = runtime.AddCleanup(t, (*unseen).collected, u)
	}
	if !s.pushUnseen(u) {
		u.cleanup.Stop()
		return false
	}
	tail.unseen.Store(u)
	return true
}

// fetched notes that somebody has seen the failure. It reports whether that
// was the first time. The runtime lets go of u then, which may lead back to the future
// by the error, or by what Describe was given.
func (u *unseen) fetched() bool {
	if u == nil || !u.once.CompareAndSwap(false, true) {
		return false
	}
	u.cleanup.Stop()
	u.scope.unlinkUnseen(u)
	return true
}

// collected has the failure reported by a task, since the goroutine that tells of
// collections must not be held up by a handler. One task at a time does that for
// all, or a collection of many futures would start as many.
func (u *unseen) collected() {
	if !u.once.Load() {
		u.scope.ripen(u)
		u.scope.reportRipe()
	}
}

// reportRipe starts a task that reports what has been collected, unless there is
// one or nothing is left. A handler may end that task by runtime.Goexit; then the
// next one goes on.
func (s *Scope) reportRipe() {
	if !s.takeReporter() {
		return
	}
	s.startReport(func(ctx context.Context) error {
		defer s.reportRipe()
		defer s.leaveReporter()
		for u := s.popRipe(); u != nil; u = s.popRipe() {
			u.report(ctx)
		}
		return nil
	})
}

// report gives the failure to the handler, unless somebody has it, or is about
// to.
func (u *unseen) report(ctx context.Context) {
	// First this: a waiter fetches before it stops counting as one.
	waiting := u.tail.waiters.Load() > 0
	if u.fetched() && !waiting {
		u.scope.reports.handle(context.WithoutCancel(ctx), u.f)
	}
}

// report has the handler called with a failure that is not the end of a task of
// s: on a goroutine of its own, since the handler may do with it what it likes.
// The scope waits for it.
func (s *Scope) report(f *Failure) {
	s.startReport(func(ctx context.Context) error {
		s.reports.handle(context.WithoutCancel(ctx), f)
		return nil
	})
}

// startReport starts a task that hands over failures with f. In a scope that is
// ending, when all have been handed over, it does nothing.
func (s *Scope) startReport(f func(context.Context) error) {
	t := &Task{
		scope: s, name: "report failures", body: plainBody(f), pc: s.body.pc, kind: kindReport,
		start: time.Since(s.opened),
	}
	if s.admitReport(t) {
		s.startLate(t)
	}
}

// reportUnseen gives what nobody fetched to the handler.
func (s *Scope) reportUnseen(ctx context.Context) error {
	for u := s.popRipe(); u != nil; u = s.popRipe() {
		u.report(ctx)
	}
	for u := s.oldestUnseen(); u != nil; u = s.oldestUnseen() {
		u.report(ctx)
	}
	return nil
}

//go:norace
func (s *Scope) pushUnseen(u *unseen) bool {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	ok := !s.finishing
	if ok {
		l := s.need()
		u.listed = true
		u.older = l.unseen
		if u.older != nil {
			u.older.newer = u
		}
		l.unseen = u
	}
	s.mu.unlock()
	return ok
}

//go:norace
func (s *Scope) unlinkUnseen(u *unseen) {
	s.mu.lock()
	s.unlinkUnseenLocked(u)
	s.mu.unlock()
}

//go:norace
func (s *Scope) unlinkUnseenLocked(u *unseen) {
	if !u.listed {
		return
	}
	u.listed = false
	if u.newer == nil {
		s.late.unseen = u.older
	} else {
		u.newer.older = u.older
	}
	if u.older != nil {
		u.older.newer = u.newer
	}
	u.older, u.newer = nil, nil
}

// ripen moves u to the failures whose futures have been collected.
//
//go:norace
func (s *Scope) ripen(u *unseen) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	if u.listed { // or somebody has fetched or reported it in this moment
		s.unlinkUnseenLocked(u)
		if l := s.need(); l.ripeLast == nil {
			l.ripe, l.ripeLast = u, u
		} else {
			l.ripeLast.newer, l.ripeLast = u, u
		}
	}
	s.mu.unlock()
}

// popRipe takes the first failure whose future has been collected, or nil.
//
//go:norace
func (s *Scope) popRipe() *unseen {
	s.mu.lock()
	l := s.need()
	u := l.ripe
	if u != nil {
		if l.ripe, u.newer = u.newer, nil; l.ripe == nil {
			l.ripeLast = nil
		}
	}
	s.mu.unlock()
	raceJoin(unsafe.Pointer(s))
	return u
}

// takeReporter reports whether the caller shall report what has been collected.
//
//go:norace
func (s *Scope) takeReporter() bool {
	s.mu.lock()
	defer s.mu.unlock()
	l := s.need()
	if l.reporting || l.ripe == nil {
		return false
	}
	l.reporting = true
	return true
}

//go:norace
func (s *Scope) leaveReporter() {
	s.mu.lock()
	s.late.reporting = false
	s.mu.unlock()
}

// oldestUnseen returns the failure that has waited longest, or nil.
//
//go:norace
func (s *Scope) oldestUnseen() *unseen {
	s.mu.lock()
	u := s.need().unseen
	for u != nil && u.older != nil {
		u = u.older
	}
	s.mu.unlock()
	raceJoin(unsafe.Pointer(s))
	return u
}
