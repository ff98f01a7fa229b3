package scope

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Start starts f as a task of s and returns when the task is ready: when f has
// called ready. f may call it from any goroutine; later calls do nothing. The
// task then goes on, and its failure is one like that of a task of [Scope.Go].
//
// A task that ends before it is ready has failed to start, and only the caller
// of Start learns of it: the scope and the handler do not. The error then wraps
// what f returned, a [*PanicError], [ErrGoexit], or [ErrNotReady] if f returned
// nil. If ctx is done first, the task is cancelled and waited for, and the error
// wraps the cause of ctx. A refusal is one like that of [Scope.TryGo], but at a
// [Limit] Start waits for a slot. When Start returns an error, the handle is nil
// and nothing of the task runs.
//
//go:noinline
func (s *Scope) Start(
	ctx context.Context, name string, f func(ctx context.Context, ready func()) error,
) (*Task, error) {
	current(ctx) // panics if ctx is nil
	if f == nil {
		panic("scope: nil function; pass the function that the task shall run")
	}
	st := &starting{ready: make(chan struct{})}
	t := s.newTask(kindStart, name, func(ctx context.Context) error {
		return f(ctx, st.signal)
	}, callerPC())
	if name == "" {
		t.name = funcName(entry(f))
	}
	t.needTail().starting = st
	err := s.takeSlot(ctx, t)
	if err == nil {
		err = s.enter(t)
	}
	if err != nil {
		s.countRefused()
		return nil, fmt.Errorf("start: task %q: %w", t.path(), err)
	}
	t.spawn()
	return st.await(ctx, t)
}

// A starting is the handshake between Start and its task. It is decided once.
type starting struct {
	state atomic.Uint32
	ready chan struct{} // closed when the state becomes isReady
}

const (
	isPending   uint32 = iota
	isReady            // the task is ready: its failure is its own
	isAbandoned        // Start has given up: what the task returns is Start's
	isOver             // the task ended first: alike
)

func (st *starting) signal() {
	if st.state.CompareAndSwap(isPending, isReady) {
		close(st.ready)
	}
}

// end decides the handshake when the task has returned.
func (st *starting) end() { st.state.CompareAndSwap(isPending, isOver) }

func (st *starting) await(ctx context.Context, t *Task) (*Task, error) {
	select {
	case <-st.ready:
		return t, nil
	case <-t.Done():
		if st.state.Load() == isReady {
			return t, nil
		}
		return nil, fmt.Errorf("start: %w", t.Err())
	case <-ctx.Done():
		return st.abandon(ctx, t)
	}
}

// abandon cancels t and waits for it, unless it has become ready just now.
func (st *starting) abandon(ctx context.Context, t *Task) (*Task, error) {
	if !st.state.CompareAndSwap(isPending, isAbandoned) && st.state.Load() == isReady {
		return t, nil
	}
	t.Cancel(context.Cause(ctx))
	<-t.Done()
	err := fmt.Errorf("start: task %q: %w", t.path(), context.Cause(ctx))
	if f, failed := t.Err().(*Failure); failed && f.Err != ErrNotReady {
		err = errors.Join(err, f)
	}
	return nil, err
}

// starts returns the handshake of a task of Start, or nil for other tasks.
func (t *Task) starts() *starting {
	if t.kind != kindStart {
		return nil
	}
	return t.tail.Load().starting
}

// startFailed reports whether t's failure belongs to who called Start.
func (t *Task) startFailed() bool {
	st := t.starts()
	return st != nil && st.state.Load() != isReady
}
