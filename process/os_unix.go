//go:build linux || darwin

package process

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// signalGroup sends sig to every process in the group pgid. An error means that
// nobody is left or that none of them may be signalled; both are for othersIn
// to tell.
func signalGroup(pgid int, sig syscall.Signal) {
	_ = syscall.Kill(-pgid, sig)
}

// askGroup sends sig and wakes who is stopped: a stopped process would get the
// signal only when somebody else continues it.
func askGroup(pgid int, sig syscall.Signal) {
	signalGroup(pgid, sig)
	if sig != syscall.SIGKILL {
		signalGroup(pgid, syscall.SIGCONT)
	}
}

// readNow reads what is in the pipe f. It returns io.EOF instead of blocking.
func readNow(f *os.File, p []byte) (n int, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var readErr error
	err = conn.Read(func(fd uintptr) bool {
		for {
			n, readErr = syscall.Read(int(fd), p)
			if !errors.Is(readErr, syscall.EINTR) {
				return true
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case errors.Is(readErr, syscall.EAGAIN), n == 0 && readErr == nil:
		return 0, io.EOF
	case readErr != nil:
		return 0, os.NewSyscallError("read", readErr)
	}
	return n, nil
}
