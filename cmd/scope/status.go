package main

import (
	"errors"
	"io/fs"
	"os/exec"
	"sync"
	"syscall"

	"github.com/supervisorscope/scope/process"
)

// Exit statuses of scope itself, as shells have them.
const (
	statusOther         = 1
	statusUsage         = 2
	statusNotExecutable = 126
	statusNotFound      = 127
	statusSignal        = 128 // and the number of the signal
)

// statusOf returns the exit status that tells of err, the error of a command.
func statusOf(err error) int {
	if errors.Is(err, syscall.EPIPE) {
		return signalStatus(syscall.SIGPIPE) // what would have ended a filter
	}
	if exit, ok := errors.AsType[*process.ExitError](err); ok {
		switch {
		case exit.Cause != nil: // before the signal that was sent for it
			return statusOf(exit.Cause)
		case exit.Signal != 0:
			return signalStatus(exit.Signal)
		case exit.Killed:
			return signalStatus(syscall.SIGKILL)
		case exit.Code != 0:
			return exit.Code
		default:
			return statusOther
		}
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return statusNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EISDIR),
		errors.Is(err, syscall.ENOEXEC):
		return statusNotExecutable
	default:
		return statusOther
	}
}

func signalStatus(sig syscall.Signal) int { return statusSignal + int(sig) }

// verdict is the exit status: that of the first thing that goes wrong. It is
// safe for concurrent use.
type verdict struct {
	mu     sync.Mutex
	status int // 0 as long as all is well
}

// note makes status the verdict, unless there is one.
func (v *verdict) note(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.status == 0 {
		v.status = status
	}
}

func (v *verdict) get() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.status
}
