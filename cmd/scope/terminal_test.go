//go:build linux || darwin

package main_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// terminal runs scope on a terminal of its own and returns the user's end.
func terminal(t *testing.T, env []string, args ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	cmd := command(t, args...)
	cmd.Env = append(cmd.Env, env...)
	user, err := pty.Start(cmd) // scope leads the session and its foreground group
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil { // the test has failed early
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
		_ = user.Close()
	})
	return cmd, user
}

// The commands are in groups of their own: the terminal signals scope alone.
func TestRun_CtrlCReachesTheCommandsOnceAndAsSIGTERM(t *testing.T) {
	const script = "trap 'echo got INT' INT; trap 'echo got TERM; exit 0' TERM; echo ready" + idle
	cmd, user := terminal(t, nil, "run", "--grace=1h", "--", "sh", "-c", script)
	var all strings.Builder
	screen := bufio.NewScanner(io.TeeReader(user, &all))
	for screen.Scan() {
		if strings.HasSuffix(screen.Text(), "ready") {
			if _, err := user.WriteString("\x03"); err != nil { // Ctrl-C
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 130 {
		t.Errorf("Wait() = %v, want exit status 130", err)
	}
	if got := all.String(); !strings.Contains(got, "got TERM") || strings.Contains(got, "got INT") {
		t.Errorf("screen: %q, want the command to have got TERM and not INT", got)
	}
}

func TestRun_ColoursTheNamesOnATerminal(t *testing.T) {
	tests := []struct {
		name string
		env  []string
		want string
	}{
		{"colour", []string{"NO_COLOR="}, "\x1b[36mecho |\x1b[0m hello\r\n"},
		{"NO_COLOR", []string{"NO_COLOR=1"}, "echo | hello\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cmd, user := terminal(t, tt.env, "run", "echo", "hello")
			screen, _ := io.ReadAll(user) // Linux reports the end as EIO
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if string(screen) != tt.want {
				t.Errorf("screen: %q, want %q", screen, tt.want)
			}
		})
	}
}
