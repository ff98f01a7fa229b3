//go:build linux || darwin

package main_test

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// command returns scope with args: this test binary, which TestMain turns into
// it.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	// With the race detector a program would end a second late.
	cmd.Env = append(os.Environ(), "SCOPE_TEST_MAIN=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// session is a run of the command.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout <-chan string // the lines; the test must read them
	stderr <-chan string
}

// start starts scope with args.
func start(t *testing.T, args ...string) *session {
	t.Helper()
	return startCmd(t, command(t, args...))
}

func startCmd(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	return launch(t, &session{t: t, cmd: cmd, stdout: lines(stdout), stderr: lines(stderr)})
}

func launch(t *testing.T, s *session) *session {
	t.Helper()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil { // the test has failed early
			_ = s.cmd.Process.Signal(syscall.SIGTERM)
			s.wait()
		}
	})
	return s
}

// lines returns the lines of r until its end. Nobody has to read them.
func lines(r io.Reader) <-chan string {
	ch := make(chan string, 1<<16)
	go func() { // ends with r
		defer close(ch)
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			ch <- scanner.Text()
		}
	}()
	return ch
}

// out waits for the next line on standard output.
func (s *session) out() string {
	s.t.Helper()
	return s.next(s.stdout)
}

// err waits for the next line on standard error.
func (s *session) err() string {
	s.t.Helper()
	return s.next(s.stderr)
}

func (s *session) next(lines <-chan string) string {
	s.t.Helper()
	line, ok := <-lines
	if !ok {
		s.t.Fatalf("the output ended early; stderr: %q", rest(s.stderr))
	}
	return line
}

// pid reads the number of a process from a line on standard output.
func (s *session) pid() int {
	s.t.Helper()
	_, text, _ := strings.Cut(s.out(), " | ")
	pid, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func (s *session) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// wait waits for scope to end and returns its exit status, or minus the number
// of the signal that ended it.
func (s *session) wait() int {
	// Not cmd.Wait: that would close the pipes before they have been read.
	state, err := s.cmd.Process.Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd.ProcessState = state
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return -int(ws.Signal())
	}
	return state.ExitCode()
}

// rest returns the remaining lines.
func rest(lines <-chan string) string {
	var all []string
	for line := range lines {
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// result is how a run of the command ended.
type result struct {
	status         int
	stdout, stderr string
}

// runScope runs scope with args to its end.
func runScope(t *testing.T, args ...string) result {
	t.Helper()
	s := start(t, args...)
	return result{status: s.wait(), stdout: rest(s.stdout), stderr: rest(s.stderr)}
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

// gate is a named pipe that a command reads from to be held until it is opened.
type gate string

func newGate(t *testing.T) gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return gate(path)
}

// wait is the shell command that is held.
func (g gate) wait() string { return "read x < " + string(g) }

func (g gate) open(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(string(g), []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
}

// startTo starts scope with its standard output going to w, which it closes
// here.
func startTo(t *testing.T, w *os.File, args ...string) *session {
	t.Helper()
	cmd := command(t, args...)
	cmd.Stdout = w
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s := launch(t, &session{t: t, cmd: cmd, stderr: lines(stderr)})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// scopesOwn returns those of the lines in text that are from scope itself.
func scopesOwn(text string) string {
	var own strings.Builder
	for line := range strings.Lines(text + "\n") {
		if strings.HasPrefix(line, "scope: ") {
			own.WriteString(line)
		}
	}
	return own.String()
}
