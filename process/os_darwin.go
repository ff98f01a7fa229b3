package process

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// supported returns an error if the end of a process group cannot be seen here.
func supported() error { return nil }

// sysProcAttr puts the process into a group of its own. The system has no means
// to have it killed when this program dies.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// awaitExit blocks until the child pid has ended, and leaves it to be waited
// for.
func awaitExit(pid int) error {
	for {
		_, err := watchExit(pid, nil)
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return err
		}
		<-time.After(longestPause) // for a place in the file table; it is not for us to fail
	}
}

// hasExited reports whether the child pid has ended; it does not block.
func hasExited(pid int) bool {
	ended, err := watchExit(pid, &syscall.Timespec{})
	return ended || err != nil
}

// watchExit waits for the end of the child pid, at most for timeout unless that
// is nil. It uses kqueue because waitid returns for a stopped child, too.
// Source: golang.org/issue/19314.
func watchExit(pid int, timeout *syscall.Timespec) (ended bool, err error) {
	kq, err := syscall.Kqueue()
	if err != nil {
		return false, os.NewSyscallError("kqueue", err)
	}
	defer func() { _ = syscall.Close(kq) }()

	changes := make([]syscall.Kevent_t, 1)
	syscall.SetKevent(&changes[0], pid, syscall.EVFILT_PROC, syscall.EV_ADD|syscall.EV_ONESHOT)
	changes[0].Fflags = syscall.NOTE_EXIT
	events := make([]syscall.Kevent_t, 1)
	for {
		n, err := syscall.Kevent(kq, changes, events, timeout)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ESRCH):
			return true, nil // it ended before we came
		case err != nil:
			return false, os.NewSyscallError("kevent", err)
		case n == 0:
			return false, nil
		case events[0].Flags&syscall.EV_ERROR == 0:
			return true, nil
		case syscall.Errno(events[0].Data) == syscall.ESRCH:
			return true, nil
		default:
			return false, os.NewSyscallError("kevent", syscall.Errno(events[0].Data))
		}
	}
}

// isOurs reports whether the child pid, running or ended, is still to be waited
// for, so that its number is its own.
func isOurs(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// othersIn reports whether anything but the leader runs in the group pgid. Here
// kill(2) does not count processes that have ended.
func othersIn(pgid int) bool {
	return syscall.Kill(-pgid, 0) == nil
}
