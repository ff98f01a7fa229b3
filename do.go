package scope

import (
	"context"
	"fmt"
	"runtime"
)

// Do runs f as a task of s on the caller's goroutine and returns what f
// returns. While f runs, s counts it, shows it and waits for it; so a request
// handler that is called by others can be part of the tree.
//
// The context of f has the values, cancellation and deadline of ctx, and is
// cancelled with s, too. The failure of f goes to the caller alone: an error is
// returned as it is, a panic or Goexit goes on in the caller, and scope and
// handler do not hear of it. A refusal is one like that of [Scope.TryGo], but
// at a [Limit] Do waits for a slot, or for ctx. f is not called then.
//
//go:noinline
func (s *Scope) Do(
	ctx context.Context, name string, f func(context.Context) error,
) (err error) {
	current(ctx) // panics if ctx is nil
	t := s.newTask(kindDo, name, f, callerPC())
	own, release := s.doContext(ctx)
	t.own.Store(own)
	defer release()
	err = s.takeSlot(ctx, t)
	if err == nil {
		err = s.enter(t)
	}
	if err != nil {
		s.countRefused()
		return fmt.Errorf("do: task %q: %w", t.path(), err)
	}
	var e ending
	defer func() {
		var v any
		if e.how != returned {
			v = recover()
		}
		if v != nil {
			e.how, e.err = panicked, newPanicError(v)
		}
		t.exit(&e)
		if v != nil {
			panic(v)
		}
		if e.how == exited {
			err = ErrGoexit // as in leave
		}
	}()
	e.err = t.inline()
	e.how = returned
	return e.err
}

// doContext derives the context of a task of Do from the caller's. What release
// calls are methods of that one, which may panic; to cancel what is derived is not.
func (s *Scope) doContext(ctx context.Context) (own *ownContext, release func()) {
	outer, release := context.WithCancel(ctx)
	inner, cancel := context.WithCancelCause(outer)
	t := s.timing()
	if t == nil || t.at.IsZero() {
		return &ownContext{Context: inner, cancel: cancel}, release
	}
	// At a deadline of ctx that comes before, timed gets no timer, and need not end: there
	// are contexts that tell a deadline and do not keep it.
	first, set := inner.Deadline()
	timed, stop := context.WithDeadlineCause(inner, t.at, s.lateness(t))
	hasTimer := !set || !first.Before(t.at)
	return &ownContext{Context: timed, timed: hasTimer, cancel: func(cause error) {
		cancel(cause)
		stop()
	}}, release
}

// inline runs a task or a body on the caller's goroutine. Like run it is a
// frame by which tracebacks name the task.
//
//go:noinline
func (t *Task) inline() error {
	f := t.body
	t.body = nil
	var err error
	if body, ok := f.(lexicalBody); ok {
		err = body(t.context(), t.scope) // as exec does, without its frame
	} else {
		err = f.exec(t.context())
	}
	runtime.KeepAlive(t)
	return err
}
