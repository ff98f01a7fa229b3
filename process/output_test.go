//go:build linux || darwin

package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

// recorder is a sink that keeps each Write apart.
type recorder struct {
	mu     sync.Mutex
	writes []string
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, string(p))
	return len(p), nil
}

func (r *recorder) String() string { return strings.Join(r.writes, "") }

// Guarantee 4.
func TestRun_NeverTearsLines(t *testing.T) {
	const lines = 2000
	var sink recorder
	names := []string{"a", "b", "c", "d"}
	var wg sync.WaitGroup
	for _, name := range names {
		spec := helper(t, "fragments", name, fmt.Sprint(lines))
		spec.Stdout = &sink
		wg.Go(func() {
			if err := process.Run(t.Context(), spec); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()

	next := map[string]int{}
	for _, write := range sink.writes {
		if !strings.HasSuffix(write, "\n") {
			t.Fatalf("a Write ends inside a line: %q", write)
		}
	}
	for line := range strings.Lines(sink.String()) {
		name := line[:1]
		i := next[name]
		if want := fmt.Sprintf("%s %d %s\n", name, i, strings.Repeat(name, i%200)); line != want {
			t.Fatalf("line %q, want %q", line, want)
		}
		next[name]++
	}
	for _, name := range names {
		if next[name] != lines {
			t.Errorf("%d lines of %s, want %d", next[name], name, lines)
		}
	}
}

// Guarantee 3.
func TestRun_DeliversEveryByte(t *testing.T) {
	tests := []struct {
		name   string
		script string
		stdout string
		stderr string
	}{
		{"last line without newline", "printf 'one\ntwo'; printf 'err' >&2", "one\ntwo", "err"},
		{"nothing", "", "", ""},
		{"empty lines", `printf '\n\n\n'`, "\n\n\n", ""},
		{"no text", `printf 'a\0b\377\n'`, "a\x00b\xff\n", ""},
		{"by a child that stays", `printf 'one\n'; printf two & wait`, "one\ntwo", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr recorder
			spec := sh(tt.script)
			spec.Stdout, spec.Stderr = &stdout, &stderr
			if err := process.Run(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
			if stdout.String() != tt.stdout {
				t.Errorf("stdout %q, want %q", &stdout, tt.stdout)
			}
			if stderr.String() != tt.stderr {
				t.Errorf("stderr %q, want %q", &stderr, tt.stderr)
			}
		})
	}
}

func TestRun_SplitsALineThatIsTooLong(t *testing.T) {
	const length = 1 << 20
	var sink recorder
	spec := sh(fmt.Sprintf(
		"echo before; head -c %d /dev/zero | tr '\\0' x; echo; echo after", length))
	spec.Stdout = &sink
	if err := process.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	want := "before\n" + strings.Repeat("x", length) + "\nafter\n"
	if sink.String() != want {
		t.Errorf("%d bytes, want the %d that were written", len(sink.String()), len(want))
	}
	pieces := 0
	for _, write := range sink.writes {
		if len(write) > process.MaxLine {
			t.Errorf("a Write of %d bytes, want at most %d", len(write), process.MaxLine)
		}
		if !strings.HasSuffix(write, "\n") {
			pieces++
			if len(write) != process.MaxLine {
				t.Errorf("a piece of %d bytes, want %d", len(write), process.MaxLine)
			}
		}
	}
	if want := length / process.MaxLine; pieces != want {
		t.Errorf("%d pieces, want %d", pieces, want)
	}
}

func TestRun_KeepsTheOrderOfOneSinkForBoth(t *testing.T) {
	var sink recorder
	spec := sh("for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done")
	spec.Stdout, spec.Stderr = &sink, &sink
	if err := process.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := 1; i <= 9; i++ {
		fmt.Fprintf(&want, "out %d\nerr %d\n", i, i)
	}
	if sink.String() != want.String() {
		t.Errorf("got %q, want %q", &sink, want.String())
	}
}

func TestRun_StopsTheProcessWhenASinkFails(t *testing.T) {
	full := errors.New("disk full")
	calls := 0
	spec := sh("trap 'echo more; exit 0' TERM; echo one" + idle)
	spec.Stdout = process.LineFunc(func([]byte) error {
		calls++
		return full
	})
	err := process.Run(t.Context(), spec)
	exit := asExitError(t, err)
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "stdout") || exit.Killed {
		t.Errorf("Run() = %v, want %v of stdout", err, full)
	}
	if calls != 1 {
		t.Errorf("the sink was called %d times, want once", calls)
	}
}

// Lost output is a failure even of a process that has been cancelled.
func TestRun_ACancellationDoesNotHideAFailingSink(t *testing.T) {
	full := errors.New("disk full")
	ctx, cancel := context.WithCancelCause(t.Context())
	spec := sh("trap 'echo bye; exit 0' TERM; echo ready" + idle)
	spec.Stdout = process.LineFunc(func(line []byte) error {
		if string(line) == "bye" {
			return full
		}
		cancel(errStop)
		return nil
	})
	err := process.Run(ctx, spec)
	if !errors.Is(err, full) || !errors.Is(err, errStop) {
		t.Errorf("Run() = %v, want both %v and %v", err, errStop, full)
	}
}

func TestRun_ASinkFailureDoesNotHideTheStatus(t *testing.T) {
	full := errors.New("disk full")
	spec := sh("echo $$; exit 3")
	spec.Stdout = process.LineFunc(func(line []byte) error {
		pid, err := strconv.Atoi(string(line))
		for err == nil && alive(pid) {
			runtime.Gosched() // it ends by itself, soon
		}
		return full
	})
	err := process.Run(t.Context(), spec)
	if exit := asExitError(t, err); exit.Code != 3 || !errors.Is(err, full) {
		t.Errorf("Run() = %v, want status 3 and %v", err, full)
	}
}

func TestRun_StopsTheProcessWhenTheCallersCodePanics(t *testing.T) {
	sink, started := sh("echo ready; exec sleep 1000"), sh("exec sleep 1000")
	sink.Stdout = process.LineFunc(func([]byte) error { panic("no sink") })
	started.Started = func(int) { panic("no start") }
	for name, spec := range map[string]process.Spec{"sink": sink, "Started": started} {
		t.Run(name, func(t *testing.T) {
			err := process.Run(t.Context(), spec)
			if _, ok := errors.AsType[*scope.PanicError](err); !ok {
				t.Errorf("Run() = %v, want a *PanicError", err)
			}
			wantReaped(t, asExitError(t, err).PID)
		})
	}
}

func TestLineFunc_GetsEachLineWithoutItsNewline(t *testing.T) {
	var got []string
	f := process.LineFunc(func(line []byte) error {
		got = append(got, string(line))
		return nil
	})
	for _, p := range []string{"one\ntwo\n", "\n", "no end"} {
		if n, err := f.Write([]byte(p)); n != len(p) || err != nil {
			t.Errorf("Write(%q) = %d, %v", p, n, err)
		}
	}
	if want := []string{"one", "two", "", "no end"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("lines %q, want %q", got, want)
	}
}

func BenchmarkRun_Output(b *testing.B) {
	// What it costs to carry 64 MiB of short lines from a pipe to a file.
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	line := bytes.Repeat([]byte("x"), 79)
	b.SetBytes(64 << 20)
	for b.Loop() {
		spec := sh(fmt.Sprintf("yes %s | head -c %d", line, 64<<20))
		spec.Stdout = null
		if err := process.Run(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRun_Start(b *testing.B) {
	for b.Loop() {
		if err := process.Run(b.Context(), process.Spec{Args: []string{"/bin/true"}}); err != nil {
			b.Fatal(err)
		}
	}
}
