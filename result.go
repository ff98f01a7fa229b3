package scope

import (
	"context"
	"errors"
	"fmt"
	"unsafe"
)

// A keptList holds the failures that KeepErrors keeps.
type keptList struct {
	first, last *keptFailure
	n, dropped  int
}

type keptFailure struct {
	f    *Failure
	next *keptFailure
}

// claim makes f the failure that ends s. It reports false if s has one already
// (a fatal one takes precedence over an ordinary one) or has ended.
//
//go:norace
func (s *Scope) claim(f *Failure, fatal bool) bool {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	defer s.mu.unlock()
	l := s.need()
	switch {
	case s.finishing:
		return false
	case fatal && l.fatal == nil:
		l.fatal = f
		return true
	case !fatal && l.failed == nil && l.fatal == nil:
		l.failed = f
		return true
	default:
		return false
	}
}

// claimBody records the body's failure: the first, or beside the first.
//
//go:norace
func (s *Scope) claimBody(err error, fatal bool) {
	raceRelease(unsafe.Pointer(s))
	s.mu.lock()
	defer s.mu.unlock()
	l := s.need()
	switch {
	case fatal && l.fatal == nil:
		l.fatal = err
	case l.failed == nil && l.fatal == nil:
		l.failed = err
	default:
		l.bodyErr = err
	}
}

// keep puts f on the list of KeepErrors.
//
//go:norace
func (s *Scope) keep(f *Failure) bool {
	if s.setup == nil || s.setup.keep == 0 {
		return false
	}
	raceRelease(unsafe.Pointer(s))
	node := &keptFailure{f: f}
	s.mu.lock()
	defer s.mu.unlock()
	kept := &s.need().kept
	if kept.n == s.setup.keep || s.finishing {
		kept.dropped++
		return false
	}
	if kept.n++; kept.last == nil {
		kept.first = node
	} else {
		kept.last.next = node
	}
	kept.last = node
	return true
}

// failures returns what ended s, what was kept, and how many were dropped.
//
//go:norace
func (s *Scope) failures() (errs []error, dropped int) {
	defer raceJoin(unsafe.Pointer(s)) // behind the look: what was found was released before
	s.mu.lock()
	defer s.mu.unlock()
	l := s.late
	if l == nil {
		return nil, 0
	}
	for _, err := range [...]error{l.fatal, l.failed, l.bodyErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for k := l.kept.first; k != nil; k = k.next {
		errs = append(errs, k.f)
	}
	return errs, l.kept.dropped
}

// verdict returns the result of s. Precedence: a fatal failure, the first
// failure, then (only if nothing failed) what Cancel was given and the parent's
// cause, then the scope's own deadline, then nil. What comes behind the first in
// the first group is joined to it, so that nothing is lost.
func (s *Scope) verdict() error {
	errs, dropped := s.failures()
	if len(errs) == 0 {
		errs = s.cancelResult()
	}
	if dropped > 0 {
		errs = append(errs, fmt.Errorf("scope: further failures given to the handler: %d", dropped))
	}
	var err error
	switch len(errs) {
	case 0:
		return nil
	case 1:
		err = errs[0]
	default:
		err = errors.Join(errs...)
	}
	if s.setup != nil && s.setup.contain {
		apart(func() { // a method of the user's error may call runtime.Goexit
			if IsFatal(err) {
				err = &containedError{err: err}
			}
		})
	}
	return err
}

// cancelResult returns the result of a scope in which nothing failed.
func (s *Scope) cancelResult() (errs []error) {
	k := s.poll()
	if k != nil && k.given != nil {
		errs = append(errs, k.given)
	}
	if outer := s.outer(); outer.Err() != nil {
		return append(errs, context.Cause(outer))
	}
	t := s.timing()
	if k == nil {
		k = s.due()
	}
	switch {
	case k == nil || len(errs) > 0:
		return errs
	case t != nil && t.own && k.cause == t.expired && !s.setup.moveOn,
		k.cause == context.DeadlineExceeded && k.err == context.DeadlineExceeded:
		return append(errs, k.cause)
	default:
		return nil
	}
}

// fix computes the result for good, when s ends.
func (s *Scope) fix() {
	// Without all this the result is nil, and the stack stays shallow: the
	// frames of verdict alone would make a fresh goroutine's stack grow.
	if s.late == nil && s.setup == nil && s.timing() == nil && s.outer().Err() == nil &&
		s.cancellation.Load() == nil {
		return
	}
	s.fixSlowly()
}

//go:noinline
func (s *Scope) fixSlowly() {
	err := s.verdict()
	if err != nil {
		s.setResult(err)
	}
	if s.lexical {
		return
	}
	// A long-lived scope's result has to be asked for. Its trace keeps a
	// failure where it is found if nobody does.
	tr := s.setup.trace
	if errs, _ := s.failures(); len(errs) > 0 {
		tr.keep(err)
	}
	tr.close()
}

//go:norace
func (s *Scope) setResult(err error) {
	s.mu.lock()
	s.need().result = err
	s.mu.unlock()
}

// fixed returns the result of s, which has ended.
//
//go:norace
func (s *Scope) fixed() error {
	defer raceJoin(unsafe.Pointer(s)) // behind the look: what was found was released before
	s.mu.lock()
	defer s.mu.unlock()
	if s.late == nil {
		return nil
	}
	return s.late.result
}

// hasFatal reports whether a fatal failure ended s.
//
//go:norace
func (s *Scope) hasFatal() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.late != nil && s.late.fatal != nil
}

// fetch returns the failure of a long-lived scope that has ended, the first
// time, if nobody has asked for the result before.
func (s *Scope) fetch() error {
	if s.lexical {
		return nil
	}
	return s.setup.trace.fetch()
}

// expect counts by n those who wait for the result of s. Who stops has to look
// once more after that; see afterWait.
func (s *Scope) expect(n int32) {
	if !s.lexical {
		raceHidden(func() { s.setup.trace.waiters.Add(n) })
	}
}

func (s *Scope) isAwaited() (yes bool) {
	if !s.lexical {
		raceHidden(func() { yes = s.setup.trace.waiters.Load() > 0 })
	}
	return yes
}

// afterWait returns what a waiter is to return that would return err: the failure
// that was left to it, if the scope has ended in this moment.
func (s *Scope) afterWait(err error) error {
	if late := s.fetch(); late != nil {
		return late
	}
	return err
}
