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
func (s *Scope) Do(ctx context.Context, name string, f func(context.Context) error) error {
	current(ctx) // panics if ctx is nil
	t := s.newTask(kindDo, name, f, callerPC())
	own := s.doContext(ctx)
	t.own.Store(own)
	defer own.cancel(nil)
	err := s.takeSlot(ctx, t)
	if err == nil {
		err = s.enter(t)
	}
	if err != nil {
		s.countRefused()
		return fmt.Errorf("do: task %q: %w", t.path(), err)
	}
	returned := false
	defer func() {
		v := recover()
		t.exit(returned, err, v)
		if v != nil {
			panic(v)
		}
	}()
	err = t.inline()
	returned = true
	return err
}

// doContext derives the context of a task of Do from the caller's.
func (s *Scope) doContext(ctx context.Context) *ownContext {
	own, cancel := context.WithCancelCause(ctx)
	t := s.timing()
	if t == nil || t.at.IsZero() {
		return &ownContext{Context: own, cancel: cancel}
	}
	timed, release := context.WithDeadlineCause(own, t.at, t.expired)
	return &ownContext{Context: timed, timed: true, cancel: func(cause error) {
		cancel(cause)
		release()
	}}
}

// inline runs a task or a body on the caller's goroutine. Like run it is a
// frame by which tracebacks name the task.
//
//go:noinline
func (t *Task) inline() error {
	f := t.body
	t.body = nil
	err := f.exec(t.context())
	runtime.KeepAlive(t)
	return err
}
