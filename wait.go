package scope

import (
	"context"
	"runtime"
	"unsafe"
)

// Wait blocks until the tasks of s are over and returns the scope's result so
// far. In an open scope it waits until no ordinary task is live, at once if
// there is none, and neither closes the scope nor touches daemons; the scope
// can start tasks again. In a scope that is closing it waits for all of it,
// deferred functions included. It does not wait for a body, which the caller of
// [Run] owns, and it does not cancel.
//
// The result is that of [Run]. If ctx is done first, Wait returns the cause.
// Called from inside a task of s, which ctx or the goroutine tells, it returns
// [ErrSelfWait]. Any number of goroutines may wait. The end of each task
// synchronizes before the return.
//
//go:noinline
func (s *Scope) Wait(ctx context.Context) error {
	s.mustBeOpened()
	if s.holds(ctx) {
		return ErrSelfWait
	}
	s.catchUp()
	err := s.awaitIdle(ctx)
	runtime.KeepAlive(s)
	return s.afterWait(err)
}

// Drain lets s come to its end: it refuses newcomers from outside, cancels
// nobody, and waits until all tasks are over. What runs may still start tasks of
// its own. When only daemons are left, they are cancelled. A task that ends
// within the drain is never cancelled; [Scope.Shutdown] after it is for the rest.
//
// What runs includes daemons: one that accepts connections goes on starting tasks,
// and the drain has no end while it does. Cancel it before, by [Task.Cancel].
//
// Drain returns the scope's result, as [Scope.Wait] does. If ctx is done first,
// it returns a [*StragglersError], and the scope goes on draining. Called from
// inside a task of s it closes the scope to newcomers and returns [ErrSelfWait].
// To find out whether a spawner is a task of s, its traceback is looked at, which
// costs some 30 microseconds per task started during a drain.
//
//go:noinline
func (s *Scope) Drain(ctx context.Context) error {
	s.mustBeOpened()
	inside := s.holds(ctx)
	s.catchUp()
	s.beginDrain()
	if inside {
		return ErrSelfWait
	}
	err := s.awaitEnd(ctx)
	runtime.KeepAlive(s)
	return s.afterWait(err)
}

// Shutdown ends s: it refuses newcomers, cancels everything as
// [Scope.Cancel](nil) does, and waits until all is over: tasks, handlers and
// deferred functions. It returns the scope's result then, which is nil after a
// clean shutdown, but for the cause of the context that s was opened with, if
// that was cancelled before the end.
//
// If ctx is done first, Shutdown returns a [*StragglersError] that names each
// task left, with its stack, and wraps the cause of ctx. The scope goes on
// closing: a later Wait or Shutdown succeeds when the stragglers have ended.
//
// Shutdown may be called many times, from many goroutines, and with a ctx that
// is done already, which asks without waiting. Called from inside a task of s,
// which ctx or the goroutine tells, it cancels and returns [ErrSelfWait]. In the
// body of a lexical scope it waits for the tasks, not for the body.
//
//go:noinline
func (s *Scope) Shutdown(ctx context.Context) error {
	s.mustBeOpened()
	inside := s.holds(ctx)
	s.Cancel(nil)
	if inside {
		return ErrSelfWait
	}
	err := s.awaitEnd(ctx)
	runtime.KeepAlive(s)
	return s.afterWait(err)
}

// Done returns a channel that is closed when s has ended: nothing of it runs,
// and nothing can be started in it. Unlike the waiting calls, a receive from it
// inside the scope, or in its body, is not found out and never returns.
func (s *Scope) Done() <-chan struct{} {
	s.mustBeOpened()
	return s.doneChan()
}

// awaitIdle waits until no ordinary task is live.
func (s *Scope) awaitIdle(ctx context.Context) error {
	s.expect(1)
	defer s.expect(-1) // also if a method of ctx panics
	if err := s.await(ctx, s.waitIdle); err != nil {
		return err
	}
	return s.outcome()
}

// awaitEnd waits for the end and names the stragglers if there is none.
func (s *Scope) awaitEnd(ctx context.Context) error {
	s.expect(1)
	defer s.expect(-1) // also if a method of ctx panics
	err := s.await(ctx, s.waitOver)
	switch err {
	case nil:
		return s.outcome()
	case ErrSelfWait:
		return err
	}
	e := s.stragglers(err)
	if ch, _ := s.waitOver(); ch == nil && len(e.Tasks) == 0 {
		return s.outcome() // the last one ended while it was looked at
	}
	return e
}

// await waits for one channel after the other that next returns, until it
// returns none. What waits for idle tasks is content with a moment.
func (s *Scope) await(ctx context.Context, next func() (ch chan struct{}, idle bool)) error {
	for ch, idle := next(); ch != nil; ch, idle = next() {
		// Only who has to wait pays for the look at its own stack. It looks again
		// before each channel: the end of the body, which wakes all who wait, makes
		// the scopes nested in it part of what is waited for.
		here := wanted{belowBody: s.waitsForNested(), bodies: true, waitedFor: true}
		if s.holds(ctx) || s.runsHere(here) {
			return ErrSelfWait
		}
		if err := await(ctx, ch); err != nil {
			return err
		}
		if p, _ := s.phaseNow(); idle && p == phaseOpen {
			break
		}
	}
	raceJoin(unsafe.Pointer(s))
	return nil
}

// holds reports whether ctx belongs to a task of s or of a scope nested in it,
// which s would wait for. A task that is over is waited for no more, whoever has kept
// its context.
func (s *Scope) holds(ctx context.Context) bool {
	inside := false
	return anyHolder(current(ctx), func(t *Task) bool {
		if t.scope == s && t.kind == kindBody {
			return inside && s.waitsForNested()
		}
		inside = inside || t.holdsUp()
		return inside && t.scope == s
	})
}

// holder returns the task or body that waits for s before it ends, or nil.
func (s *Scope) holder() *Task {
	o := s.origin.Load()
	if !o.held || s.away.Load() {
		return nil
	}
	return o.parent
}

// waitsForNested reports whether waiting for s is waiting for the scopes that
// hang below its body, too. While the body runs, they are the body's, which
// nobody waits for.
func (s *Scope) waitsForNested() bool {
	_, inBody := s.phaseNow()
	return !inBody
}

// outcome returns the result of s as of now.
func (s *Scope) outcome() error {
	if p, _ := s.phaseNow(); p == phaseEnded {
		_ = s.fetch()
		return s.fixed()
	}
	return s.verdict()
}
