//go:build linux || darwin

package process_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

func TestRun_ReportsHowTheProcessEnded(t *testing.T) {
	tests := []struct {
		name   string
		script string
		code   int
		signal syscall.Signal
		text   string
	}{
		{"status", "exit 3", 3, 0, "exit status 3"},
		{"highest status", "exit 255", 255, 0, "exit status 255"},
		{"killed", "kill -KILL $$", -1, syscall.SIGKILL, "signal: killed"},
		{"terminated by another", "kill -TERM $$", -1, syscall.SIGTERM, "signal: terminated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exit := asExitError(t, process.Run(t.Context(), sh(tt.script)))
			want := process.ExitError{Name: "sh", PID: exit.PID, Code: tt.code, Signal: tt.signal}
			if *exit != want {
				t.Errorf("Run() = %+v, want %+v", *exit, want)
			}
			if want := `process: "sh": ` + tt.text; exit.Error() != want {
				t.Errorf("Error() = %q, want %q", exit, want)
			}
			wantReaped(t, exit.PID)
		})
	}
}

func TestRun_ReturnsNilForStatusZero(t *testing.T) {
	if err := process.Run(t.Context(), sh("exit 0")); err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

func TestRun_TellsOfTheStart(t *testing.T) {
	var got recorder
	var pids []int // Run waits for Started
	spec := sh("echo $$")
	spec.Stdout = &got
	spec.Started = func(pid int) { pids = append(pids, pid) }
	if err := process.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	if len(pids) != 1 || fmt.Sprintln(pids[0]) != got.String() {
		t.Errorf("Started was called with %v, want %q", pids, &got)
	}
}

func TestRun_StartsNothingWhenCancelledBefore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "started")
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("too late")
	cancel(cause)

	if err := process.Run(ctx, sh("touch "+file)); !errors.Is(err, cause) {
		t.Errorf("Run() = %v, want %v", err, cause)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the process was started")
	}
}

func TestRun_SaysWhyItCannotStart(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	garbage := filepath.Join(dir, "garbage")
	for path, mode := range map[string]fs.FileMode{plain: 0o600, garbage: 0o700} {
		if err := os.WriteFile(path, []byte("no program"), mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name    string
		args    []string
		dir     string
		want    error
		text    string
		atStart bool // only the attempt shows it
	}{
		{name: "no command", text: "no command; set Spec.Args"},
		{name: "not in PATH", args: []string{"no-such-command"},
			want: exec.ErrNotFound, text: "no-such-command"},
		{name: "no such file", args: []string{dir + "/none"}, want: fs.ErrNotExist, text: "/none"},
		{name: "not executable", args: []string{plain}, want: fs.ErrPermission, text: "plain"},
		{name: "a directory", args: []string{dir}, want: syscall.EISDIR, text: dir},
		{name: "no program", args: []string{garbage},
			want: syscall.ENOEXEC, text: "garbage", atStart: true},
		{name: "no such Dir", args: []string{"true"}, dir: dir + "/none",
			want: fs.ErrNotExist, text: "working directory"},
		{name: "Dir is a file", args: []string{"true"}, dir: plain,
			want: syscall.ENOTDIR, text: "working directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := process.Spec{Args: tt.args, Dir: tt.dir}
			if err := spec.Check(); (err == nil) != tt.atStart {
				t.Errorf("Check() = %v", err)
			}
			err := process.Run(t.Context(), spec)
			var start *process.StartError
			if !errors.As(err, &start) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Run() = %v, want a *StartError with %q", err, tt.text)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Run() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRun_FindsARelativeCommandInDir(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "tool")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\npwd\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := start(t, process.Spec{Args: []string{"./tool"}, Dir: dir})
	if got := r.line(); filepath.Base(got) != filepath.Base(dir) {
		t.Errorf("working directory %q, want %q", got, dir)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

func TestRun_HandsOverTheEnvironment(t *testing.T) {
	spec := sh(`echo "$GREETING $HOME"`)
	spec.Env = []string{"GREETING=hi", "GREETING=hello"}
	if got := start(t, spec).line(); got != "hello " {
		t.Errorf("environment: %q, want %q", got, "hello ")
	}
}

func TestRun_ReadsFromTheNullDeviceOrAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(path, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()

	for want, in := range map[string]*os.File{"end\n": nil, "from a file\nend\n": file} {
		var got recorder
		spec := sh("cat; echo end")
		spec.Stdin, spec.Stdout = in, &got
		if err := process.Run(t.Context(), spec); err != nil || got.String() != want {
			t.Errorf("output %q, %v, want %q", &got, err, want)
		}
	}
}

// The process must be visible for what it is to whoever looks at the tree.
func TestRun_DescribesItself(t *testing.T) {
	spec := sh("echo $$; exec sleep 1000")
	lines := make(chan string, 1)
	spec.Stdout = process.LineFunc(func(line []byte) error {
		lines <- string(line)
		return nil
	})
	s := scope.Open(t.Context())
	task := s.Go("web", func(ctx context.Context) error { return process.Run(ctx, spec) })
	pid := <-lines
	info, ok := task.Info().Detail.(process.Info)
	if !ok || fmt.Sprint(info.PID) != pid || info.Args[1] != "-c" {
		t.Errorf("Detail = %#v, want the number %s", task.Info().Detail, pid)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

func TestRun_LeaksNoFiles(t *testing.T) {
	open := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("no /proc/self/fd:", err)
		}
		return len(fds)
	}
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, sh("")) // whatever the runtime opens once
	before := open()
	for range 20 {
		for _, command := range []string{"/bin/true", garbage} {
			_ = process.Run(t.Context(), process.Spec{
				Args:   []string{command},
				Stdout: process.LineFunc(func([]byte) error { return nil }),
				Stderr: process.LineFunc(func([]byte) error { return nil }),
			})
		}
	}
	if after := open(); after > before+5 {
		t.Errorf("%d open files before, %d after", before, after)
	}
}

// A program that waits for any child takes the status away, and with it the
// right to signal the group: the number may be another's by then.
func TestRun_SaysThatTheStatusIsLost(t *testing.T) {
	in := fifo(t)
	r := start(t, sh("echo $$; read x < "+in))
	pid := r.pid()
	stolen := make(chan error)
	go func() {
		_, err := syscall.Wait4(pid, nil, 0, nil)
		stolen <- err
	}()
	if err := os.WriteFile(in, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-stolen; err != nil {
		t.Skip("Run was faster:", err)
	}
	if err := <-r.done; !errors.Is(err, syscall.ECHILD) || !strings.Contains(err.Error(), "lost") {
		t.Errorf("Run() = %v, want ECHILD and a word about the lost status", err)
	}
}

func ExampleRun() {
	err := scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
		s.Go("greeter", func(ctx context.Context) error {
			return process.Run(ctx, process.Spec{
				Args:   []string{"echo", "hello"},
				Stdout: os.Stdout,
			})
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// hello
	// <nil>
}

func ExampleExitError() {
	err := process.Run(context.Background(), process.Spec{
		Name:  "job",
		Args:  []string{"sh", "-c", "exit 3"},
		Grace: time.Minute,
	})
	var exit *process.ExitError
	if errors.As(err, &exit) {
		fmt.Println(exit.Name, "ended with", exit.Code)
	}
	// Output: job ended with 3
}

func ExampleLineFunc() {
	count := 0
	err := process.Run(context.Background(), process.Spec{
		Args: []string{"printf", "one\\ntwo\\nthree"},
		Stdout: process.LineFunc(func(line []byte) error {
			count++
			fmt.Printf("%d: %s\n", count, line)
			return nil
		}),
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// 1: one
	// 2: two
	// 3: three
}

// "./web" is here, not in PATH, whatever Dir is.
func TestSpec_FindsACommandInTheWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("web", []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "."} {
		spec := process.Spec{Args: []string{"./web"}, Dir: dir}
		if err := errors.Join(spec.Check(), process.Run(t.Context(), spec)); err != nil {
			t.Errorf("Dir %q: %v, want that it is found and run", dir, err)
		}
	}
}
