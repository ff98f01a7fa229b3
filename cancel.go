package scope

import (
	"context"
	"time"
	"unsafe"
)

// A cancellation says why a scope was cancelled. A scope has at most one: the
// first wins.
type cancellation struct {
	cause error // what context.Cause returns
	err   error // what Err returns: context.Canceled or DeadlineExceeded
	given error // what Cancel was called with, which is also the scope's result

	at time.Time // when it came, or was first noticed
}

// because returns a cancellation of this moment: cause is why.
func because(cause error) *cancellation {
	return &cancellation{cause: cause, err: context.Canceled, at: time.Now()}
}

// endOf returns the cancellation by ctx, which is done.
func endOf(ctx context.Context) *cancellation {
	return &cancellation{cause: context.Cause(ctx), err: ctx.Err(), at: time.Now()}
}

// Cancel asks everything in s to end: it refuses newcomers and cancels the
// contexts of the body, of all tasks and of the scopes nested in them, with
// cause, or with [context.Canceled] if cause is nil. When Cancel returns, Err of
// each of these contexts is not nil. It does not wait; see [Scope.Shutdown] and
// [Scope.Wait].
//
// Cancel(nil) is a clean end: the scope's result is nil if nothing failed.
// Cancel(err) makes err the result, unless something failed. The first cause
// stays; later calls, and calls on a scope that has ended, do nothing. Cancel
// never cancels the context that s was opened with.
//
// Cancel may be called from anywhere: the body, a task, a handler, outside.
func (s *Scope) Cancel(cause error) {
	s.mustBeOpened()
	k := because(cause)
	k.given = cause
	if cause == nil {
		k.cause = context.Canceled
	}
	s.catchUp() // what has come from outside was first
	s.cancel(k)
}

// cancel closes s with k and brings the news to all in it.
func (s *Scope) cancel(k *cancellation) {
	var do todo
	walk, ok := s.close(k, &do)
	if !ok {
		// Another call was first. It may still be on its way, but when this one
		// returns, too, all must have been reached.
		if k = s.loadCancellation(); k == nil {
			return
		}
	}
	if own := s.body.own.Load(); own != nil {
		own.end(k)
	}
	if walk {
		s.cancelNested(&s.body, k)
		s.eachTask(func(t *Task) { t.inherit(k) })
	}
	if !ok {
		return
	}
	s.startGrace()
	if o := s.reports.watcher(); o != nil {
		o.scopeCancelled(s)
		// Who cancels may be within what is waited for then: a task of a nested scope.
		defer func() {
			var do todo
			s.release(&do)
			s.performAside(&do)
		}()
	}
	s.perform(&do)
}

// inherit brings the scope's cancellation to t's own context and to the scopes
// opened with it.
func (t *Task) inherit(k *cancellation) {
	if t.kind.shielded() {
		return
	}
	if own := t.own.Load(); own != nil {
		own.end(k)
		if own.Err() != nil { // perhaps t was cancelled alone, before
			k = &cancellation{cause: context.Cause(own), err: own.Err(), at: k.at}
		}
	}
	t.scope.cancelNested(t, k)
}

// cancelNested cancels the scopes that are linked to t, the body or a task of
// s, with what has cancelled t.
func (s *Scope) cancelNested(t *Task, k *cancellation) {
	for _, n := range s.nestedOf(t) {
		if n.linked() {
			n.cancel(&cancellation{cause: k.cause, err: k.err, at: k.at})
		}
	}
}

// cancelled returns the cancellation that s is under, or nil. A cancellation of
// the context that s was opened with counts from the moment it is there, not
// only from when package context has called back; but the look alone changes
// nothing.
func (s *Scope) cancelled() *cancellation {
	k := s.poll()
	if k != nil && s.body.result() != outcomeNone {
		return s.loadCancellation() // what comes after the end is none
	}
	return k
}

// poll is cancelled for a scope that is not over, or about to be.
func (s *Scope) poll() *cancellation {
	if k := s.loadCancellation(); k != nil {
		return k
	}
	watch := s.watch()
	if watch == nil || watch.Err() == nil {
		return nil
	}
	return endOf(watch)
}

// loadCancellation makes what Cancel was given happen before its use. The
// store is under the scope's lock, which the race detector does not see.
func (s *Scope) loadCancellation() *cancellation {
	k := s.cancellation.Load()
	if k != nil {
		raceJoin(unsafe.Pointer(&s.cancellation))
	}
	return k
}

// catchUp cancels s if what it watches is done. It is for who acts on that: the
// callback of package context may come too late for the result.
func (s *Scope) catchUp() {
	if watch := s.watch(); watch != nil && watch.Err() != nil {
		s.cancelFrom(watch)
	}
}

// cancelFrom cancels s because ctx is done.
func (s *Scope) cancelFrom(ctx context.Context) { s.cancel(endOf(ctx)) }
