package process

import (
	"fmt"
	"os"
	"syscall"
	"time"
)

// StartError is returned by [Run] and [Spec.Check] for a process that cannot be
// started. Nothing runs then.
type StartError struct {
	// Name is the name of the process, from its Spec.
	Name string

	// Err says what is wrong; see [Spec.Check] for what it matches.
	Err error
}

var _ error = (*StartError)(nil)

// Error returns the name and what is wrong.
func (e *StartError) Error() string { return fmt.Sprintf("process: %q: %v", e.Name, e.Err) }

// Unwrap returns e.Err.
func (e *StartError) Unwrap() error { return e.Err }

// ExitError is returned by [Run] for a process that did not end well: with a
// status other than zero, by a signal, because it was stopped, with a group that
// had to be killed, or with output that could not be delivered.
type ExitError struct {
	// Name is the name of the process, from its Spec.
	Name string

	// PID is the number that the process had.
	PID int

	// Code is the exit status, or -1 if a signal ended the process.
	Code int

	// Signal is the signal that ended the process, or 0.
	Signal syscall.Signal

	// CoreDumped reports whether the system wrote a core file.
	CoreDumped bool

	// Killed reports whether SIGKILL was needed: a member of the group, the
	// process itself or another, still ran when the grace was over.
	Killed bool

	// Waited is the time from the stop signal to SIGKILL, if Killed.
	Waited time.Duration

	// Cause is why the process was stopped: the cause of the task's
	// cancellation, or the error of a sink, which may also be that of a
	// process that had ended before. It is nil if the process ended of its
	// own accord and its output was delivered.
	Cause error
}

var _ error = (*ExitError)(nil)

// Error returns the name and what [ExitError.Status] says.
func (e *ExitError) Error() string {
	return fmt.Sprintf("process: %q: %s", e.Name, e.Status())
}

// Status says how the process ended, without its name: "exit status 3",
// "signal: killed", "signal: terminated (cause: context canceled)".
func (e *ExitError) Status() string {
	status := fmt.Sprintf("exit status %d", e.Code)
	if e.Signal != 0 {
		status = "signal: " + e.Signal.String()
	}
	if e.CoreDumped {
		status += " (core dumped)"
	}
	if e.Killed {
		status += fmt.Sprintf("; SIGKILL was needed %v after the stop signal",
			e.Waited.Round(10*time.Millisecond))
	}
	if e.Cause != nil {
		status += fmt.Sprintf(" (cause: %v)", e.Cause)
	}
	return status
}

// Unwrap returns the cause. A scope then takes the error as an echo of its
// cancellation, if that is the cause. It returns nil if SIGKILL was needed,
// because that is news.
func (e *ExitError) Unwrap() error {
	if e.Killed {
		return nil
	}
	return e.Cause
}

// ok reports whether there is nothing to report.
func (e *ExitError) ok() bool {
	return e.Code == 0 && !e.Killed && e.Cause == nil
}

// setState takes over how the process ended.
func (e *ExitError) setState(state *os.ProcessState) {
	e.Code = state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
		e.CoreDumped = ws.CoreDump()
	}
}
