package scope

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Task is one function running in a [Scope], and the handle to it.
//
// The handle may be dropped or kept: the scope forgets a task when it has
// ended, and the handle keeps no more than the outcome. All methods are safe
// for concurrent use.
type Task struct {
	// One allocation holds the handle, the node in the scope's list and the
	// task's context (see taskContext); all that is rare hangs off own and
	// tail. 112 bytes: TestTask_Size.

	scope *Scope
	name  string
	body  body          // dropped when the task starts, so that it hides no leak
	start time.Duration // since scope.opened
	pc    uintptr       // where it was started

	next, prev *Task  // guarded by the scope's lock
	nested     *Scope // scopes opened with this task's ctx; guarded alike
	seq        uint64 // number in the scope; set by ledger.enlist

	own  atomic.Pointer[ownContext] // made when Done is first asked for
	tail atomic.Pointer[taskTail]   // made when something in it is needed

	outcome atomic.Uint32 // an outcome and flags; set under the scope's lock
	kind    kind
	listed  bool // in the scope's list; guarded by its lock
	armed   bool // counted in ledger.armed; guarded alike
}

// A body is what a task runs. A plain function and a future's are both shaped
// like a pointer, so that neither costs an allocation.
type body interface {
	exec(ctx context.Context) error
}

type plainBody func(context.Context) error

func (f plainBody) exec(ctx context.Context) error { return f(ctx) }

// A taskTail is the part of a task that most tasks never need.
type taskTail struct {
	done   atomic.Pointer[chan struct{}] // closed when the task has ended; made by Done
	closed atomic.Bool                   // done is, or is about to be, closed
	err    atomic.Pointer[error]
	unseen atomic.Pointer[unseen]
	detail atomic.Pointer[func() any]

	starting *starting    // of a task of Start, set before it starts
	waiters  atomic.Int32 // who waits for a future's result
}

func (t *Task) needTail() *taskTail {
	if tail := t.tail.Load(); tail != nil {
		return tail
	}
	t.tail.CompareAndSwap(nil, &taskTail{})
	return t.tail.Load()
}

func (tail *taskTail) needDone() <-chan struct{} {
	done := tail.done.Load()
	if done == nil {
		made := make(chan struct{})
		tail.done.CompareAndSwap(nil, &made)
		done = tail.done.Load()
	}
	return *done
}

// close closes done, if there is one: who makes it later closes it, too.
func (tail *taskTail) close() {
	done := tail.done.Load()
	if done != nil && tail.closed.CompareAndSwap(false, true) {
		close(*done)
	}
}

// What Task.outcome holds beside the outcome of a task.
const (
	outcomeMask  = 0x0f
	wasLive      = 0x10 // its context was live at the end
	scopeWasLive = 0x20 // its scope's was
	isCompleting = 0x40 // not ended: waits for the scopes nested in it
)

// result returns how t ended, or outcomeNone while it runs.
func (t *Task) result() outcome {
	out := t.peek()
	if out != outcomeNone {
		raceJoin(unsafe.Pointer(t))
	}
	return out
}

// peek is result, but it orders the caller behind nothing.
func (t *Task) peek() outcome { return outcome(t.outcome.Load() & outcomeMask) }

// isOver reports whether t has ended, as peek does.
func (t *Task) isOver() bool { return t.peek() != outcomeNone }

// holdsUp reports whether what is done with t's context is done in t: while t lives,
// and when it was refused, in the handler that is told.
func (t *Task) holdsUp() bool {
	out := t.peek()
	return out == outcomeNone || out == outcomeRefused
}

// Name returns the name the task was started with, or, if that was empty, the
// name of its function.
func (t *Task) Name() string { return t.name }

// Scope returns the scope that owns the task.
func (t *Task) Scope() *Scope { return t.scope }

// Done returns a channel that is closed when the task has ended: its function
// has returned, with all its deferred functions, and the handler of its failure
// has, too. It is not the Done of the task's context, which tells the task to
// end.
func (t *Task) Done() <-chan struct{} {
	tail := t.needTail()
	done := tail.needDone()
	if t.result() != outcomeNone {
		tail.close()
	}
	return done
}

// Err returns [ErrRunning] while the task runs, and then how it ended: nil if
// it returned nil, a [*Failure] if it failed, an error that Is [ErrCancelled]
// and wraps the cause if it was cancelled, and the reason, such as
// [ErrClosed], if it was refused. Err does not block.
func (t *Task) Err() error {
	out := t.result()
	if out == outcomeNone {
		return ErrRunning
	}
	if tail := t.tail.Load(); tail != nil {
		tail.unseen.Load().fetched()
	}
	return t.peekErr(out)
}

// Wait blocks until the task has ended, and returns nil then, whatever became
// of the task: its failure is its own, not the waiter's, and [Task.Err] tells.
// If ctx is done first, Wait returns the cause and the task goes on. Called
// with the task's own context, or one derived from it, Wait returns
// [ErrSelfWait] at once. The end of the task synchronizes before the return.
//
//go:noinline
func (t *Task) Wait(ctx context.Context) error {
	if t.result() != outcomeNone {
		return nil
	}
	if t.holds(current(ctx)) {
		return ErrSelfWait
	}
	err := await(ctx, t.Done())
	runtime.KeepAlive(t) // package inspect reads who is waited for; see stack.go
	return err
}

// holds reports whether t cannot end before inner, a task or a body, does.
func (t *Task) holds(inner *Task) bool {
	return anyHolder(inner, func(outer *Task) bool { return outer == t })
}

// anyHolder reports whether match holds for t, or for a task or body that cannot end
// before t does: what t's scope hangs below and, for a task of Do, also whose context
// Do was called with.
func anyHolder(t *Task, match func(*Task) bool) bool {
	for ; t != nil && t.kind != kindDo; t = t.scope.holder() {
		if match(t) {
			return true
		}
	}
	if t == nil {
		return false
	}
	seen := map[*Task]bool{nil: true} // the two ways mostly meet again
	for ways := []*Task{t}; len(ways) > 0; {
		t, ways = ways[0], ways[1:]
		if seen[t] {
			continue
		}
		if match(t) {
			return true
		}
		seen[t] = true
		if ways = append(ways, t.scope.holder()); t.kind == kindDo {
			ways = append(ways, current(t.own.Load()))
		}
	}
	return false
}

// await waits for done, or for ctx and then returns its cause.
func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Cancel asks this task alone to end: its context is cancelled with cause, or
// with [context.Canceled] if cause is nil, and so are the scopes opened with
// that context. Cancel does not wait, and does nothing if the task has been
// cancelled or has ended. A task that answers by returning the cause counts as
// cancelled, not as failed.
func (t *Task) Cancel(cause error) {
	if t.result() != outcomeNone {
		return
	}
	if cause == nil {
		cause = context.Canceled
	}
	k := because(cause)
	own := t.ownContext()
	if own.Err() == nil {
		own.alone.CompareAndSwap(nil, k)
	}
	own.cancel(cause)
	t.scope.cancelNested(t, k)
}

// An ownContext is the standard context behind a task's context. It exists
// from the first Done on, so that what is derived from the task's context
// hangs in package context's own tree.
type ownContext struct {
	context.Context
	cancel context.CancelCauseFunc
	gate   *gate // in a scope with a deadline
	timed  bool  // has a timer for that deadline itself, as in Do

	alone atomic.Pointer[cancellation] // by Task.Cancel
}

// end cancels own with the scope's cancellation.
func (own *ownContext) end(k *cancellation) {
	if k.err != context.Canceled && own.isDue() {
		return // its own timer is due now, and says DeadlineExceeded
	}
	if k.err != context.Canceled && own.gate != nil && own.gate.isOver() {
		own.gate.fire()
		return
	}
	own.cancel(k.cause)
}

// isDue reports whether own has a timer that is due. The deadline that has come may
// be another one: that of a context which does not tell it.
func (own *ownContext) isDue() bool {
	at, _ := own.Deadline()
	return own.timed && !time.Now().Before(at)
}
