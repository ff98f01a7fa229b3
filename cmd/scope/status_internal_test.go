package main

import (
	"syscall"
	"testing"

	"github.com/supervisorscope/scope/process"
)

// That the output cannot be written went wrong first; the signal that ended the
// command came from scope.
func TestStatusOf_OutputThatCannotBeWritten(t *testing.T) {
	for _, exit := range []process.ExitError{
		{},
		{Code: -1, Signal: syscall.SIGTERM},
		{Code: -1, Signal: syscall.SIGKILL, Killed: true},
	} {
		for cause, want := range map[syscall.Errno]int{syscall.EPIPE: 141, syscall.ENOSPC: 1} {
			exit.Cause = cause
			if got := statusOf(&exit); got != want {
				t.Errorf("statusOf(%v) = %d, want %d", &exit, got, want)
			}
		}
	}
}
