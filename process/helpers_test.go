//go:build linux || darwin

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/supervisorscope/scope/process"
)

// helperEnv makes the test binary play one of the helpers instead of testing.
const helperEnv = "PROCESS_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "fragments":
		writeFragments(os.Args[1], os.Args[2])
	case "run":
		// A program that runs its arguments as a task, to be killed.
		err := process.Run(context.Background(), process.Spec{Args: os.Args[1:]})
		fmt.Fprintln(os.Stderr, "the helper should have been killed:", err)
		os.Exit(1)
	}
}

// helper returns the spec of a process that plays the helper name.
func helper(t *testing.T, name string, args ...string) process.Spec {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return process.Spec{
		Name: name,
		Args: append([]string{self}, args...),
		Env:  append(os.Environ(), helperEnv+"="+name),
	}
}

// writeFragments writes count lines, each in three pieces, to stdout.
func writeFragments(name, count string) {
	n, err := strconv.Atoi(count)
	if err != nil {
		panic(err)
	}
	for i := range n {
		number, rest := fmt.Sprintf(" %d ", i), strings.Repeat(name, i%200)+"\n"
		for _, piece := range []string{name, number, rest} {
			if _, err := os.Stdout.WriteString(piece); err != nil {
				panic(err)
			}
		}
	}
}

func sh(script string) process.Spec {
	return process.Spec{Name: "sh", Args: []string{"/bin/sh", "-c", script}}
}

// running is a process that a test has started.
type running struct {
	t      *testing.T
	lines  chan string // of stdout; the test must read them
	cancel context.CancelCauseFunc
	done   chan error // receives the result of Run
}

// start runs spec under a context of its own, its lines going to the test.
func start(t *testing.T, spec process.Spec) *running {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	// Room for all lines that a test lets a process write: a test that fails
	// early must not block it.
	r := &running{t: t, lines: make(chan string, 100), cancel: cancel, done: make(chan error, 1)}
	spec.Stdout = process.LineFunc(func(line []byte) error {
		r.lines <- string(line)
		return nil
	})
	go func() {
		r.done <- process.Run(ctx, spec)
		close(r.done)
		close(r.lines)
	}()
	t.Cleanup(func() {
		cancel(nil)
		for range r.done { // closed when Run has returned
		}
	})
	return r
}

// line returns the next line of the process.
func (r *running) line() string {
	r.t.Helper()
	line, ok := <-r.lines
	if !ok {
		r.t.Fatalf("the output ended early; Run() = %v", <-r.done)
	}
	return line
}

// pid reads a line with the number of a process.
func (r *running) pid() int {
	r.t.Helper()
	pid, err := strconv.Atoi(r.line())
	if err != nil {
		r.t.Fatal(err)
	}
	return pid
}

// exitError returns the result of Run, which must be an *ExitError.
func (r *running) exitError() *process.ExitError {
	r.t.Helper()
	return asExitError(r.t, <-r.done)
}

func asExitError(t *testing.T, err error) *process.ExitError {
	t.Helper()
	exit, ok := errors.AsType[*process.ExitError](err)
	if !ok {
		t.Fatalf("Run() = %v, want an *ExitError", err)
	}
	return exit
}

// wantGone fails the test if any of the processes still runs.
func wantGone(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d still runs", pid)
		}
	}
}

// alive reports whether pid runs; one that has ended and waits for its parent
// does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	if runtime.GOOS != "linux" {
		return true
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	return !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" Z"))
}

// wantReaped fails the test if pid is still a child of the test.
func wantReaped(t *testing.T, pid int) {
	t.Helper()
	if _, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("wait4(%d) = %v, want ECHILD: nobody has waited for the process", pid, err)
	}
}

// fifo makes a named pipe and returns its path.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
