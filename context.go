package scope

import (
	"context"
	"time"
)

// A taskContext is a Task seen as the context that its function gets. The two
// types differ because both need a Done and an Err of their own.
//
// Deadline and values are the scope's. Done and Err are the scope's, too, until
// somebody needs a channel: then the task gets a standard context of its own,
// which the scope's cancellation reaches through the list of tasks. Done and
// the key by which package context looks for a parent of its own kind both
// lead to it, so that WithCancel, WithTimeout and AfterFunc on a task's context,
// also behind WithValue, cost no goroutine, and context.Cause is right.
type taskContext Task

// The one Context of this package; see ADR 3.
var _ context.Context = (*taskContext)(nil)

func (t *Task) context() *taskContext { return (*taskContext)(t) }

// Deadline returns the scope's deadline, or for Do the earlier of the scope's
// and the caller's.
func (c *taskContext) Deadline() (time.Time, bool) {
	t := (*Task)(c)
	if t.kind.shielded() {
		return time.Time{}, false
	}
	deadline, ok := t.scope.deadline()
	if t.kind == kindDo {
		if d, set := t.own.Load().Deadline(); set && (!ok || d.Before(deadline)) {
			return d, true
		}
	}
	return deadline, ok
}

// Done returns a channel that is closed when the task, its scope, or a parent
// of that is cancelled, and when the task has ended. It is the same channel on
// every call.
func (c *taskContext) Done() <-chan struct{} { return (*Task)(c).ownContext().Done() }

// Err returns nil until the task is cancelled or has ended.
func (c *taskContext) Err() error {
	t := (*Task)(c)
	if own := t.own.Load(); own != nil {
		if err := own.Err(); err != nil {
			return err
		}
	}
	if k := t.stopped(); k != nil {
		return k.err
	}
	return nil
}

// Value returns the task for this package's key, the standard context for
// package context's key, and leaves all other keys to the context that the
// outermost scope was opened with, whatever the depth.
func (c *taskContext) Value(key any) any {
	t := (*Task)(c)
	switch {
	case key == any(taskKey{}):
		return t
	case key == cancelKey && cancelKey != nil:
		return t.ownContext().Value(key)
	case t.kind == kindDo:
		return t.own.Load().Value(key)
	}
	if cancelKey == nil { // an unknown version of package context
		if v := t.ownContext().Value(key); v != nil {
			return v
		}
	}
	return t.scope.values.Value(key)
}

// String names the task in the text of contexts derived from c.
func (c *taskContext) String() string { return "scope.Task(" + (*Task)(c).path() + ")" }

// stopped returns the cancellation that t is under, not counting one of its
// own, or nil.
func (t *Task) stopped() *cancellation {
	switch ended := t.result() != outcomeNone; {
	case ended && t.kind == kindBody && t.scope.loadCancellation() == nil:
		return taskEnded()
	case ended && t.outcome.Load()&scopeWasLive != 0:
		return taskEnded() // whatever became of the scope since then
	case t.kind.shielded():
		return nil
	default:
		return t.scope.cancelled()
	}
}

// taskEnded cancels what was derived from the context of a task that is over.
func taskEnded() *cancellation {
	return because(context.Canceled)
}

// ownContext returns t's standard context, made at the first call.
func (t *Task) ownContext() *ownContext {
	own := t.own.Load()
	if own == nil {
		own = t.makeOwnContext()
	}
	// The order matters: first the context is published, then the scope is
	// looked at. Cancel stores the cancellation first and then looks for
	// contexts, so that one of the two sees the other.
	if own.Err() == nil {
		if k := t.stopped(); k != nil {
			own.end(k)
		}
	}
	return own
}

func (t *Task) makeOwnContext() *ownContext {
	base := t.scope.base(t)
	ctx, cancel := context.WithCancelCause(base)
	own := &ownContext{Context: ctx, cancel: cancel}
	own.gate, _ = base.(*gate)
	t.scope.arm(t) // first: whoever finds the context relies on Cancel's walk
	if !t.own.CompareAndSwap(nil, own) {
		cancel(nil)
		return t.own.Load()
	}
	return own
}

// cause returns why t's context is done, or nil while it is not.
func (t *Task) cause() error {
	if own := t.own.Load(); own != nil && own.Err() != nil {
		return context.Cause(own)
	}
	if k := t.stopped(); k != nil {
		return k.cause
	}
	return nil
}

// whyDone returns the cancellation that t's context is done by, whoever's it is, or
// nil while it is not.
func (t *Task) whyDone() *cancellation {
	cause := t.cause()
	if cause == nil {
		return nil
	}
	return &cancellation{cause: cause, err: t.context().Err(), at: time.Now()}
}

// endContext cancels t's own context, if there is one, since t is over. If t was
// cancelled before, that is what counts, though it may be on its way still.
func (t *Task) endContext() {
	own := t.own.Load()
	if own == nil {
		return
	}
	if k := t.stopped(); k != nil {
		own.end(k)
	}
	own.cancel(nil)
}

// A taskKey finds the innermost task, or body, of a context.
type taskKey struct{}

// current returns the innermost task or body that ctx belongs to, or nil.
func current(ctx context.Context) *Task {
	if ctx == nil {
		panic("scope: nil context; pass context.Background() if there is no other")
	}
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}

// From returns the innermost scope that ctx belongs to: that of the task or
// body whose context it is or was derived from. It returns nil outside.
func From(ctx context.Context) *Scope {
	if t := current(ctx); t != nil {
		return t.scope
	}
	return nil
}

// TaskFrom returns the innermost task that ctx belongs to. It returns nil
// outside, and in the body of [Run] and [Supervise], which is not a task.
func TaskFrom(ctx context.Context) *Task {
	if t := current(ctx); t != nil && t.kind != kindBody {
		return t
	}
	return nil
}

// cancelKey is the key by which package context asks a parent for the standard
// context that it leads to. It is not exported, but WithCancel asks any parent
// with a Done channel for it. Nil if it could not be learned: then Value asks
// the standard context for every key, which is slower and still right.
//
// Written once, when the package is initialized.
var cancelKey = learnCancelKey()

type keyProbe struct {
	context.Context
	done chan struct{}
	key  any
}

func (p *keyProbe) Done() <-chan struct{} { return p.done }

func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}

// AfterFunc keeps package context from starting a goroutine for the probe.
func (p *keyProbe) AfterFunc(func()) func() bool { return func() bool { return true } }

func learnCancelKey() any {
	p := &keyProbe{Context: context.Background(), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(p)
	defer cancel()
	if p.key == nil || ctx.Value(p.key) == nil {
		return nil
	}
	return p.key
}
