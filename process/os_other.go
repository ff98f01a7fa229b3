//go:build !linux && !darwin

package process

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

// supported returns an error: nothing here keeps together what a process
// starts, so a task could not promise that nobody outlives it.
func supported() error {
	return fmt.Errorf("processes as tasks need process groups, which %s does not have: %w",
		runtime.GOOS, errors.ErrUnsupported)
}

// The rest is never reached.

func sysProcAttr() *syscall.SysProcAttr { return nil }

func awaitExit(int) error { return errors.ErrUnsupported }

func hasExited(int) bool { return true }

func isOurs(int) bool { return false }

func othersIn(int) bool { return false }

func signalGroup(int, syscall.Signal) {}

func askGroup(int, syscall.Signal) {}

func readNow(*os.File, []byte) (int, error) { return 0, errors.ErrUnsupported }
