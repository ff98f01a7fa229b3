package scope

import (
	"context"
	"runtime"
	"time"
	"unsafe"
)

// Go starts f as a task of s, on a goroutine of its own, and returns the
// handle. The name is for people; it need not be unique, and "" stands for the
// function's name.
//
// The context that f gets has the scope's values, deadline and cancellation,
// not those of the goroutine that calls Go. What f returns is the task's
// outcome: see the package comment for the five ends. Once admitted, f is
// called exactly once, also if s is cancelled before it starts; its context is
// done then.
//
// If s is closing or has ended, f is not called: the handle is done already
// and its Err Is [ErrClosed] and Is the cause of the cancellation. In a
// supervised scope the refusal also reaches the handler, so that no work
// vanishes unseen. [Scope.TryGo] returns the refusal instead. With [Limit], Go
// waits for a slot, until s closes; an ordinary task of s that calls Go at the
// limit is refused with [ErrLimit], since it might wait for its own slot.
//
// Go may be called from any goroutine. It panics if f is nil.
//
//go:noinline
func (s *Scope) Go(name string, f func(context.Context) error) *Task {
	t := s.newTask(kindTask, name, f, callerPC())
	if s.accept(t) {
		t.spawn()
	}
	return t
}

// TryGo is [Scope.Go], but it never waits and returns a refusal as an error:
// one that Is [ErrClosed], and Is the cause of the cancellation, if s is closing
// or has ended; [ErrLimit] if all slots of [Limit] are taken. The handle is nil
// then, and neither the scope nor the handler takes notice.
//
//go:noinline
func (s *Scope) TryGo(name string, f func(context.Context) error) (*Task, error) {
	t := s.newTask(kindTask, name, f, callerPC())
	err := s.trySlot()
	if err == nil {
		err = s.enter(t)
	}
	if err != nil {
		s.countRefused()
		return nil, err
	}
	t.spawn()
	return t, nil
}

// Daemon is [Scope.Go] for a task that serves the others: it does not hold the
// scope open. When the body and all ordinary tasks are over, or when a drain
// has come to its end, daemons are cancelled and waited for. [Limit] does not
// count them.
//
//go:noinline
func (s *Scope) Daemon(name string, f func(context.Context) error) *Task {
	t := s.newTask(kindDaemon, name, f, callerPC())
	if s.accept(t) {
		t.spawn()
	}
	return t
}

func (s *Scope) newTask(k kind, name string, f func(context.Context) error, pc uintptr) *Task {
	if f == nil {
		panic("scope: nil function; pass the function that the task shall run")
	}
	s.mustBeOpened()
	t := &Task{scope: s, name: name, body: plainBody(f), pc: pc, kind: k}
	if name == "" {
		t.name = funcName(entry(f))
	}
	return t
}

// accept admits t, or refuses it as Go does. It does not start t: that happens where
// less of the stack is in use, which may be all that a task has.
func (s *Scope) accept(t *Task) bool {
	err := s.takeSlot(context.Background(), t)
	if err == nil {
		err = s.enter(t)
	}
	if err != nil {
		t.refuse(err)
	}
	return err == nil
}

// enter admits t, or gives its slot back and says why not.
func (s *Scope) enter(t *Task) error {
	if s.cancelled() != nil {
		s.giveSlot(t)
		return s.closedError()
	}
	t.start = time.Since(s.opened)
	verdict := s.admit(t, false)
	if verdict == fromInsideOnly && s.runsHere(wanted{belowBody: true}) {
		verdict = s.admit(t, true)
	}
	if verdict != admitted {
		s.giveSlot(t)
		return s.closedError()
	}
	if o := s.reports.watcher(); o != nil {
		o.taskStarted(t)
	}
	return nil
}

// startLate runs a task that was listed by another goroutine, or for the scope
// itself. Unlike Go it happens after all that has ended in s.
func (s *Scope) startLate(t *Task) {
	raceJoin(unsafe.Pointer(s))
	if o := s.reports.watcher(); o != nil && t.kind == kindDefer {
		o.taskStarted(t)
	}
	t.spawn()
}

// performAside is perform for who is not to wait for what do may begin: that gets a
// goroutine of its own, for which s waits.
func (s *Scope) performAside(do *todo) {
	if !do.endsMore(s) {
		s.perform(do)
		return
	}
	later := *do
	go func() {
		raceJoin(unsafe.Pointer(s))
		s.perform(&later)
	}()
}

// apart calls f on a goroutine of its own and waits for it: then f may panic, if
// it recovers, and call runtime.Goexit, and the caller goes on.
func apart(f func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		f()
	}()
	<-over
}

// spawn runs t, which was admitted, on a goroutine of its own. What the goroutine
// has to do when the task's function is over is done here, where the stack is free
// again, also after a panic: a goroutine begins with little of it, and to grow it
// costs more than all else that a task does.
func (t *Task) spawn() {
	go func() {
		var e ending
		over := false
		defer func() {
			if !over && e.how != crashing {
				t.exit(&e) // run did not return: the goroutine is exiting
			}
		}()
		t.run(&e)
		over = true
		t.exit(&e)
	}()
}

// run calls the task's function, and tells how that ended. In a traceback its
// receiver names the task, which is how stacks are joined to tasks (see stack.go):
// so it is never inlined, and the receiver stays live to the end.
//
//go:noinline
func (t *Task) run(e *ending) {
	defer func() {
		if e.how == returned {
			return
		}
		if v := recover(); v != nil {
			if t.scope.reports.crashes() {
				e.how = crashing // the scope must not end before the process does
				panic(v)
			}
			e.how, e.err = panicked, newPanicError(v)
		}
	}()
	f := t.body
	t.body = nil
	if plain, ok := f.(plainBody); ok {
		e.err = plain(t.context()) // as exec does, without its frame
	} else {
		e.err = f.exec(t.context())
	}
	e.how = returned
	runtime.KeepAlive(t)
}
