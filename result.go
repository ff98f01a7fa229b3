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
	switch {
	case s.finishing:
		return false
	case fatal && s.fatal == nil:
		s.fatal = f
		return true
	case !fatal && s.failed == nil && s.fatal == nil:
		s.failed = f
		return true
	default:
		return false
	}
}

// claimBody records the body's failure: the first, or beside the first.
//
//go:norace
func (s *Scope) claimBody(err error) {
	fatal := isFatal(err)
	s.mu.lock()
	defer s.mu.unlock()
	switch {
	case fatal && s.fatal == nil:
		s.fatal = err
	case s.failed == nil && s.fatal == nil:
		s.failed = err
	default:
		s.bodyErr = err
	}
}

// keep puts f on the list of KeepErrors.
//
//go:norace
func (s *Scope) keep(f *Failure) bool {
	if s.conf.keep == 0 {
		return false
	}
	raceRelease(unsafe.Pointer(s))
	node := &keptFailure{f: f}
	s.mu.lock()
	defer s.mu.unlock()
	if s.kept.n == s.conf.keep || s.finishing {
		s.kept.dropped++
		return false
	}
	if s.kept.n++; s.kept.last == nil {
		s.kept.first = node
	} else {
		s.kept.last.next = node
	}
	s.kept.last = node
	return true
}

// failures returns what ended s, what was kept, and how many were dropped.
//
//go:norace
func (s *Scope) failures() (errs []error, dropped int) {
	s.mu.lock()
	for _, err := range [...]error{s.fatal, s.failed, s.bodyErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for k := s.kept.first; k != nil; k = k.next {
		errs = append(errs, k.f)
	}
	dropped = s.kept.dropped
	s.mu.unlock()
	raceJoin(unsafe.Pointer(s))
	return errs, dropped
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
		errs = append(errs, fmt.Errorf("scope: and %d more failures, given to the handler", dropped))
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
	if s.conf.contain && isFatal(err) {
		err = &containedError{err: err}
	}
	return err
}

// cancelResult returns the result of a scope in which nothing failed.
func (s *Scope) cancelResult() (errs []error) {
	k := s.loadCancellation()
	if k != nil && k.given != nil {
		errs = append(errs, k.given)
	}
	if s.outer.Err() != nil {
		return append(errs, context.Cause(s.outer))
	}
	if k == nil || len(errs) > 0 {
		return errs
	}
	if t := s.timing; t != nil && t.own && k.cause == t.expired && !s.conf.moveOn {
		return append(errs, k.cause)
	}
	return nil
}

// A long-lived scope ends with a result that somebody has to ask for. leaveTrace
// keeps a failure where it is found if nobody does.
func (s *Scope) leaveTrace() {
	if s.lexical {
		return
	}
	tr := s.extra.trace
	if errs, _ := s.failures(); len(errs) > 0 {
		err := s.fixed // a copy: the trace must not point into the scope
		tr.result.Store(&err)
	}
	tr.ended.Store(true)
}

// fetch returns the failure of a long-lived scope that has ended, the first
// time, if nobody has asked for the result before.
func (s *Scope) fetch() error {
	if s.lexical {
		return nil
	}
	if err := s.extra.trace.result.Swap(nil); err != nil {
		return *err
	}
	return nil
}
