package scope

import (
	"fmt"
	"time"
)

// An Option sets up a scope. Those about reporting (OnFailure, Observe,
// CrashOnPanic) also hold for the scopes nested in it, until one of them sets
// its own; the others hold for the one scope.
type Option interface{ apply(s *Scope) }

type optionFunc func(s *Scope)

func (f optionFunc) apply(s *Scope) { f(s) }

// ownReports returns the scope's reports, to be changed: a copy of what it
// inherited.
func (s *Scope) ownReports() *reports {
	own := &reports{}
	if s.reports != nil {
		*own = *s.reports
	}
	s.reports = own
	return own
}

// Name names the scope in paths, errors and reports. Without it the path of a
// task is that of the task the scope is nested in, and a root goes by the name
// of the function that opened it.
func Name(name string) Option {
	return optionFunc(func(s *Scope) { s.body.name = name })
}

// OnFailure sets the handler of failures, for this scope and those nested in
// it. A nil handler stands for the default, a report on standard error; silence
// is asked for with [Ignore].
//
// In a supervised scope every failure reaches the handler, exactly once. In a
// fail-fast scope the first failure is the scope's result and later ones reach
// the handler. What a task returns just because it was cancelled is not a
// failure. [Scope.Do], [Scope.Start] before ready, and [Async] give their failure
// to who waits for them instead.
func OnFailure(h Handler) Option {
	return optionFunc(func(s *Scope) { s.ownReports().handler = h })
}

// CrashOnPanic leaves a panic in a task alone: it ends the process, as one in a
// plain goroutine does, with the stack of the panic, and neither scope nor task
// ends before. Holds for nested scopes, too.
func CrashOnPanic() Option {
	return optionFunc(func(s *Scope) { s.ownReports().crash = true })
}

// Limit allows at most n ordinary tasks of the scope at a time; daemons,
// deferred functions and the body do not count. At the limit Go waits, but a task
// that holds a slot itself is refused with [ErrLimit], which in a fail-fast scope
// is a failure and ends it; start tasks from the body or a daemon, or use TryGo.
// Limit(1) is no lock: nothing but a join orders one task's memory accesses
// before another's. Limit panics if n is not positive.
func Limit(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("scope: Limit(%d); pass at least 1, or leave the option out", n))
	}
	return optionFunc(func(s *Scope) { s.needSetup().slots = newSlots(n) })
}

// Timeout cancels the scope d after it was opened. If nothing failed, the
// result is an error that Is [context.DeadlineExceeded] and names the scope. The
// join still waits for every task. Of Timeout and [MoveOnAfter] the last one counts.
func Timeout(d time.Duration) Option {
	return optionFunc(func(s *Scope) {
		c := s.needSetup()
		c.timeout, c.timed, c.moveOn = d, true, false
	})
}

// MoveOnAfter is [Timeout], but the scope's own deadline is a clean end: the
// result is nil if nothing failed. The parent's deadline is not.
func MoveOnAfter(d time.Duration) Option {
	return optionFunc(func(s *Scope) {
		c := s.needSetup()
		c.timeout, c.timed, c.moveOn = d, true, true
	})
}

// Grace has the tasks that still run d after the scope was cancelled reported,
// once, with their stacks: the handler gets a [Failure] of the scope whose Err is
// a [*StragglersError], and so does [Observer.Straggling]. The scope goes on
// waiting. Without Grace only [Scope.Shutdown] and [Scope.Drain] name stragglers.
// It panics if d is negative.
func Grace(d time.Duration) Option {
	if d < 0 {
		panic(fmt.Sprintf("scope: Grace(%v); pass a duration that is not negative", d))
	}
	return optionFunc(func(s *Scope) { s.needSetup().grace = max(d, 1) })
}

// KeepErrors keeps up to n failures, which then do not go to the handler, for
// the scope's result, beside the one that ended the scope: it joins them, first
// one first. Those beyond n go to the handler, and the result says how many there
// were. A long-lived scope keeps
// them as long as it lives. It panics if n is not positive.
func KeepErrors(n int) Option {
	if n < 1 {
		panic(fmt.Sprintf("scope: KeepErrors(%d); pass at least 1, or leave the option out", n))
	}
	return optionFunc(func(s *Scope) { s.needSetup().keep = n })
}

// Contain makes the scope the end of the way for [Fatal] failures: one still
// brings this scope down, but the scope's result is an ordinary error.
func Contain() Option {
	return optionFunc(func(s *Scope) { s.needSetup().contain = true })
}
