package supervisor

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/supervisorscope/scope"
)

var (
	// ErrNotFound is returned for a name that no child has.
	ErrNotFound = errors.New("supervisor: no child of this name")

	// ErrAlreadyPresent is returned by Add for a name that a child has. The
	// error also Is ErrRunning or ErrRestarting if that child is.
	ErrAlreadyPresent = errors.New("supervisor: there is a child of this name already")

	// ErrRunning is returned by Restart for a child that has an incarnation,
	// one that is stuck included, and by Run for a supervisor that runs.
	ErrRunning = errors.New("supervisor: already running")

	// ErrRestarting is returned by Restart for a child that waits to be started
	// again, and by Add and Restart while a start is under way.
	ErrRestarting = errors.New("supervisor: being restarted")

	// ErrNotRunning is returned by calls that need a running supervisor, before
	// Run, from the moment it begins to stop, and after it.
	ErrNotRunning = errors.New("supervisor: not running")

	// ErrIgnore is what a child returns, from [Spec.Start] before it is ready, to
	// decline: it is not needed here. That is neither a failure nor an end: the
	// supervisor goes on without it. A temporary child is forgotten, another one
	// is kept as stopped. Add and Restart return the error to their caller.
	ErrIgnore = errors.New("supervisor: child declined to start")
)

var (
	errUnexpectedEnd = errors.New("supervisor: permanent child returned without an error")
	errStoppedByHand = errors.New("supervisor: child stopped by hand")
	errWithGroup     = errors.New("supervisor: stopped with its group; a sibling has failed")
	errStopping      = errors.New("supervisor: stopping")
	errOutOfTime     = errors.New("supervisor: the time for stopping is over")
)

// A SpecError is what is wrong with a child spec, or with options.
type SpecError struct {
	Child   string // the child's name, or "" for options
	Field   string // such as "Backoff.Cap"
	Problem string // what is wrong with it and what to do
}

// Error returns child, field and problem.
func (e *SpecError) Error() string {
	if e.Child == "" {
		return fmt.Sprintf("supervisor: %s %s", e.Field, e.Problem)
	}
	return fmt.Sprintf("supervisor: child %q: %s %s", e.Child, e.Field, e.Problem)
}

// A ChildError is why Run, Add or Restart returned because of one child: its
// start failed, or its failure was escalated.
type ChildError struct {
	Child string
	Start bool // it failed before it was ready
	Err   error
}

// Error returns the child's name and its error.
func (e *ChildError) Error() string {
	if e.Start {
		return fmt.Sprintf("supervisor: start %q: %v", e.Child, e.Err)
	}
	return fmt.Sprintf("supervisor: child %q: %v", e.Child, e.Err)
}

// Unwrap returns e.Err.
func (e *ChildError) Unwrap() error { return e.Err }

// Format writes the error, with %+v that of e.Err in full.
func (e *ChildError) Format(w fmt.State, verb rune) {
	text := e.Error()
	if verb == 'v' && w.Flag('+') {
		text = fmt.Sprintf("supervisor: child %q: %+v", e.Child, e.Err)
	}
	writeVerb(w, verb, text)
}

// An IntensityError is a budget that is exceeded. It wraps the failure that led
// to the restart that was one too many.
type IntensityError struct {
	Child    string        // whose restart it was
	All      bool          // the budget is that of all children together
	Restarts int           // how many restarts there were, the last one refused
	Span     time.Duration // from the first to the last of them
	Limit    Intensity     // how many are allowed
	Err      error         // the failure
}

// Error returns the child, the numbers and the failure: "6 restarts in 28.4s,
// limit 5 in 30s".
func (e *IntensityError) Error() string {
	return fmt.Sprintf("supervisor: child %q: %s: %v", e.Child, e.numbers(), e.Err)
}

func (e *IntensityError) numbers() string {
	what := "restarts"
	if e.Restarts == 1 {
		what = "restart"
	}
	if e.All {
		what += " of all children"
	}
	return fmt.Sprintf("%d %s in %v, limit %v",
		e.Restarts, what, e.Span.Round(time.Millisecond), e.Limit)
}

// Unwrap returns e.Err.
func (e *IntensityError) Unwrap() error { return e.Err }

// A StuckError is a child that was asked to end and has not returned within its
// grace. The handler gets it then; Run returns it, joined to its other errors,
// if it happened while the supervisor stopped, also when the child has returned
// later. It wraps nothing: a deadline below it is not why somebody was
// cancelled, and must not pass for that.
type StuckError struct {
	Child  string
	Grace  time.Duration          // how long it had: its grace, or until Total was over
	Report *scope.StragglersError // what of it was running then, with stacks
}

// Error names the child, its grace and what it was waiting for.
func (e *StuckError) Error() string {
	return e.head() + e.Report.Error()
}

func (e *StuckError) head() string {
	return fmt.Sprintf("supervisor: child %q is stuck: not returned %v after it was asked to: ",
		e.Child, e.Grace)
}

// Format writes the error, with %+v the stacks, too.
func (e *StuckError) Format(w fmt.State, verb rune) {
	text := e.Error()
	if verb == 'v' && w.Flag('+') {
		text = e.head() + fmt.Sprintf("%+v", e.Report)
	}
	writeVerb(w, verb, text)
}

// A RepeatedError stands for many failures of one child, or of a pool's
// children with the same text, so that a thousand of them do not write a
// thousand reports. The first few failures are told one by one, then one
// RepeatedError per doubling, and one for the rest at the end.
type RepeatedError struct {
	Child    string    // "" in a pool
	Failures uint64    // how many there have been in all
	New      uint64    // how many of them this report stands for
	Since    time.Time // when the first of these was
	Err      error     // the last one
}

// Error returns the numbers and the last failure.
func (e *RepeatedError) Error() string {
	return fmt.Sprintf("supervisor: %d more failures since %s, %d in all, the last: %v",
		e.New, e.Since.Format(time.TimeOnly), e.Failures, e.Err)
}

// Unwrap returns e.Err.
func (e *RepeatedError) Unwrap() error { return e.Err }

// A stopError is why a child's context is cancelled.
type stopError struct {
	child string
	err   error
}

func (e *stopError) Error() string { return fmt.Sprintf("child %q stopped: %v", e.child, e.err) }
func (e *stopError) Unwrap() error { return e.err }

// A siblingError is why a child is stopped that has not failed.
type siblingError struct {
	child string // which has
	err   error
}

func (e *siblingError) Error() string {
	return fmt.Sprintf("restarted with child %q: %v", e.child, e.err)
}

func (e *siblingError) Unwrap() error { return e.err }

func writeVerb(w fmt.State, verb rune, text string) {
	if verb == 'q' {
		text = fmt.Sprintf("%q", text)
	}
	_, _ = io.WriteString(w, text)
}

var (
	_ error = (*SpecError)(nil)
	_ error = (*ChildError)(nil)
	_ error = (*IntensityError)(nil)
	_ error = (*StuckError)(nil)
	_ error = (*RepeatedError)(nil)
)
