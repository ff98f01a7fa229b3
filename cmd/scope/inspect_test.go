//go:build linux || darwin

package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// A village is this process as a program that can be looked at.
type village struct {
	s       *scope.Scope
	release chan struct{}
	socket  string
	pid     string
}

func newVillage(t *testing.T) *village {
	t.Helper()
	dir, err := os.MkdirTemp("", "run") //nolint:usetesting // t.TempDir gives a long name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	pid := strconv.Itoa(os.Getpid())
	v := &village{
		s:       scope.OpenSupervised(context.WithoutCancel(t.Context()), scope.Name("village")),
		release: make(chan struct{}),
		socket:  filepath.Join(inspect.SocketDir(), pid+".sock"),
		pid:     pid,
	}
	for i := range 30 {
		v.s.Go(fmt.Sprint("conn-", i), func(context.Context) error { <-v.release; return nil })
	}
	history := inspect.Record(100)
	broken := scope.Open(context.WithoutCancel(t.Context()), scope.Name("broken"), history.Option())
	broken.Go("victim", func(context.Context) error { <-v.release; return nil })
	culprit := broken.Go("culprit", func(context.Context) error { return errors.New("boom") })
	_ = culprit.Wait(t.Context())
	v.s.Daemon("inspect", history.Listen)
	t.Cleanup(func() {
		v.end(t)
		_ = broken.Shutdown(context.WithoutCancel(t.Context()))
	})
	for range 5000 {
		if _, err := os.Stat(v.socket); err == nil {
			return v
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the socket does not appear")
	return nil
}

// end ends the program; it may be called twice.
func (v *village) end(t *testing.T) {
	t.Helper()
	select {
	case <-v.release:
	default:
		close(v.release)
	}
	if err := v.s.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestInspect_Verbs(t *testing.T) {
	v := newVillage(t)
	srv := httptest.NewServer(inspect.Handler())
	t.Cleanup(srv.Close)
	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"ps"}, []string{"PID", "STRAGGLING", v.pid, v.socket}},
		{[]string{"tree"}, []string{
			"conn-* ×30", "chan receive at scope/inspect_test.go:", "world stopped",
		}},
		{[]string{"tree", v.pid}, []string{
			"conn-* ×30", `cause: task "broken/culprit" failed: boom`,
		}},
		{[]string{"tree", v.socket, "--all"}, []string{"├── conn-7 ", "├── conn-29 "}},
		{[]string{"tree", srv.URL, "--no-stacks"}, []string{"conn-* ×30  running"}},
		{[]string{"ps", v.pid, "--filter", "conn-1", "--sort", "age"}, []string{"village/conn-19"}},
		{[]string{"why", v.pid, "victim"}, []string{
			"because scope broken was cancelled", `because task "broken/culprit" failed: boom`,
		}},
		{[]string{"why", v.pid, "culprit"}, []string{
			"broken/culprit  task failed  at ", "failed: boom", "the history keeps",
			"none was dropped",
		}},
		{[]string{"tree", v.pid}, []string{"last failure ", `ago: task "broken/culprit": boom`}},
		{[]string{"why", "victim"}, []string{"because scope broken was cancelled"}},
		{[]string{"why", "--help"}, []string{"Usage: scope why [<target>] <path>\n"}},
		{[]string{"stacks", "conn-[3]"}, []string{"newVillage.func", "village/conn-3 "}},
		{[]string{"stacks", "--help"}, []string{"Usage: scope stacks [<target>] <path>\n"}},
		{[]string{"stacks", v.pid, "conn-[3]"}, []string{"newVillage.func", "village/conn-3 "}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			r := runScope(t, tt.args...)
			if r.status != 0 || r.stderr != "" {
				t.Errorf("status %d, stderr %q", r.status, r.stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.stdout, want) {
					t.Errorf("no %q in:\n%s", want, r.stdout)
				}
			}
		})
	}
	if r := runScope(t, "ps", v.pid, "--filter", "conn-1"); strings.Contains(r.stdout, "conn-2") {
		t.Errorf("the filter leaves conn-2:\n%s", r.stdout)
	}
	if r := runScope(t, "tree", srv.URL, "--no-stacks"); strings.Contains(r.stdout, "stopped") {
		t.Errorf("the world was stopped all the same:\n%s", r.stdout)
	}
}

func TestInspect_TellsWhatItCannotDo(t *testing.T) {
	v := newVillage(t)
	srv := httptest.NewServer(nil) // of http.DefaultServeMux: it knows nothing
	t.Cleanup(srv.Close)
	shown := httptest.NewServer(inspect.Handler())
	t.Cleanup(shown.Close)
	tests := []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"tree", "1"}, 1, "process 1 cannot be looked at"},
		{[]string{"tree", "/nonexistent.sock"}, 1, "cannot look at /nonexistent.sock"},
		{[]string{"tree", srv.URL}, 1, "404"},
		{[]string{"why", v.pid, "nobody"}, 1, `nothing under "nobody" has ended`},
		{[]string{"why", shown.URL, "culprit"}, 1, "it keeps no history of what has ended"},
		{[]string{"why", "nobody"}, 1, `nothing under "nobody" has ended`},
		{[]string{"stacks"}, 2, "no path given; try scope stacks --help"},
		{[]string{"why"}, 2, "no path given; try scope why --help"},
		{[]string{"ps", v.pid, "--sort", "colour"}, 2, "; try scope ps --help"},
		{[]string{"top", v.pid, "--interval", "1ns"}, 2, "100ms at least; try scope top --help"},
		{[]string{"top", v.pid}, 1, "scope: top needs a terminal; scope tree does not"},
	}
	for _, tt := range tests {
		r := runScope(t, tt.args...)
		if r.status != tt.status || !strings.Contains(r.stderr, tt.want) || r.stdout != "" {
			t.Errorf("scope %q: status %d, %q, %q; want %d, %q",
				tt.args, r.status, r.stdout, r.stderr, tt.status, tt.want)
		}
	}
	v.end(t)
	const none = "scope: no program of this user can be looked at: " +
		"a program makes a socket with inspect.Listen"
	if r := runScope(t, "ps"); r.status != 0 || r.stderr != none {
		t.Errorf("scope ps without programs: %+v", r)
	}
	if r := runScope(t, "tree"); r.status != 1 || r.stderr != none {
		t.Errorf("scope tree without programs: %+v", r)
	}
}

// A console is a terminal whose screen a test waits for.
type console struct {
	t    *testing.T
	user *os.File
	text chan string
	seen string
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := c.user.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// await reads until the terminal has been sent text, after that of the last await.
func (c *console) await(text string) {
	c.t.Helper()
	deadline := time.After(30 * time.Second)
	for !strings.Contains(c.seen, text) {
		select {
		case more, ok := <-c.text:
			if !ok {
				c.t.Fatalf("scope top has ended without %q:\n%q", text, c.seen)
			}
			c.seen += more
		case <-deadline:
			c.t.Fatalf("no %q on the screen:\n%q", text, c.seen)
		}
	}
	_, c.seen, _ = strings.Cut(c.seen, text)
}

func TestTop(t *testing.T) {
	v := newVillage(t)
	cmd, user := terminal(t, []string{"TERM=xterm-256color"}, "top", "--interval=100ms", v.pid)
	if err := pty.Setsize(user, &pty.Winsize{Rows: 30, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, user: user, text: make(chan string, 1<<16)}
	go func() { // ends with the terminal
		defer close(c.text)
		buf := make([]byte, 1<<16)
		for {
			n, err := user.Read(buf)
			c.text <- string(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	c.await("conn-* ×30")
	c.press("e")
	c.await("conn-17")
	c.press("/victim\r")
	c.await("broken/victim")
	c.press("t")
	c.await("because scope broken was cancelled")
	c.await("newVillage") // its stack is below
	c.press("q")          // of that page
	c.await("filter victim")
	c.press("?")
	c.await("hold the picture")
	c.press("?")
	c.await("filter victim")
	if err := pty.Setsize(user, &pty.Winsize{Rows: 12, Cols: 60}); err != nil {
		t.Fatal(err)
	}
	c.press("\x1b")
	c.await("conn-29")
	v.end(t)
	c.await("is gone")
	c.press("q")
	var last strings.Builder
	last.WriteString(c.seen)
	for more := range c.text { // until the program has ended
		last.WriteString(more)
	}
	if !strings.Contains(last.String(), "\x1b[?1049l") {
		t.Errorf("the terminal is not as it was: %q", last.String())
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("Wait() = %v", err)
	}
}
