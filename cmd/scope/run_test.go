//go:build linux || darwin

package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idle keeps a shell that has traps busy. A single long sleep would not do: a
// process newly forked from a shell can swallow a signal, for it has the
// shell's traps until it executes its own program.
const idle = "; while :; do sleep 0.1; done"

func TestRun_ExitStatus(t *testing.T) {
	dir := t.TempDir()
	plain, garbage := filepath.Join(dir, "plain"), filepath.Join(dir, "garbage")
	for path, mode := range map[string]os.FileMode{plain: 0o600, garbage: 0o700} {
		if err := os.WriteFile(path, []byte("no program"), mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		args   string // separated by commas
		status int
		stderr string // part of it
	}{
		{"all well", "run,true,:::,true", 0, ""},
		{"failure", "run,--,sh,-c,exit 3", 3, "scope: sh failed: exit status 3"},
		{"supervised failure", "run,--policy,supervise,--,sh,-c,exit 3,:::,true", 3,
			"scope: sh failed: exit status 3"},
		{"signal", "run,--,sh,-c,kill -KILL $$", 137, "scope: sh failed: signal: killed"},
		{"SIGPIPE works in commands", "run,--,sh,-c,kill -PIPE $$", 141, "signal: broken pipe"},
		{"left a process that ignores SIGTERM",
			"run,--grace=50ms,--,sh,-c,trap '' TERM; sleep 1000 &", 137,
			"scope: sh failed: exit status 0; SIGKILL was needed"},
		{"not found", "run,no-such-command", 127, `scope: no-such-command failed: exec: "no-such-`},
		{"no such file", "run," + dir + "/none", 127, "no such file"},
		{"not executable", "run," + plain, 126, "permission denied"},
		{"a directory", "run," + dir, 126, "is a directory"},
		{"no program", "run," + garbage, 126, "scope: garbage failed: fork/exec"},
		{"no program, supervised", "run,--policy,supervise," + garbage, 126, "garbage failed"},
		{"no command", "run", 2, "scope: no command given"},
		{"no command after --", "run,--", 2, "scope: no command given"},
		{"empty command", "run,true,:::,:::,true", 2, "scope: command 2 is empty"},
		{"empty last command", "run,true,:::", 2, "scope: command 2 is empty"},
		{"grace without unit", "run,--grace,10,true", 2, "missing unit"},
		{"negative grace", "run,--grace=-1s,true", 2, "the grace -1s is negative"},
		{"unknown policy", "run,--policy,some,true", 2, "--policy"},
		{"unknown flag", "run,--polcy,all,true", 2, "--polcy"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runScope(t, strings.Split(tt.args, ",")...)
			if got.status != tt.status || got.stdout != "" {
				t.Errorf("exit status %d, stdout %q, want %d and none",
					got.status, got.stdout, tt.status)
			}
			if !strings.Contains(got.stderr, tt.stderr) || tt.stderr == "" && got.stderr != "" {
				t.Errorf("stderr %q, want %q", got.stderr, tt.stderr)
			}
		})
	}
}

func TestRun_StartsNothingIfOneCommandIsMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "started")
	got := runScope(t, "run", "touch", file, ":::", "none-1", ":::", "none-2")
	if got.status != 127 {
		t.Errorf("exit status %d, want 127", got.status)
	}
	for _, name := range []string{"none-1", "none-2"} {
		if !strings.Contains(got.stderr, "scope: "+name+" failed: ") {
			t.Errorf("stderr %q, want %s named", got.stderr, name)
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a command was started")
	}
}

func TestRun_AllEndsTheRestWithTheFirstFailure(t *testing.T) {
	gate := newGate(t)
	s := start(t, "run", "--",
		"sh", "-c", "echo $$; sleep 1000 & echo $!; wait", ":::",
		"sh", "-c", gate.wait()+"; exit 3")
	pids := []int{s.pid(), s.pid()}
	gate.open(t)
	if got := s.wait(); got != 3 {
		t.Errorf("exit status %d, want 3", got)
	}
	if got, want := rest(s.stderr), "scope: sh-2 failed: exit status 3"; got != want {
		t.Errorf("stderr %q, want %q: who is stopped has not failed", got, want)
	}
	wantGone(t, pids...)
}

func TestRun_AllEndsTheRestWhenACommandCannotBeStarted(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := runScope(t, "run", "sleep", "1000", ":::", garbage, ":::", "echo", "never")
	if got.status != 126 || got.stdout != "" {
		t.Errorf("exit status %d, stdout %q, want 126 and none", got.status, got.stdout)
	}
}

func TestRun_AllLeavesTheRestAloneWhenACommandEndsWell(t *testing.T) {
	gate := newGate(t)
	s := start(t, "run", "--", "echo", "first", ":::", "sh", "-c", gate.wait()+"; echo second")
	if got, want := s.out(), "echo | first"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	gate.open(t)
	if got, want := s.out(), "sh   | second"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	if got := s.wait(); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

func TestRun_SuperviseReportsAFailureAndGoesOn(t *testing.T) {
	gate := newGate(t)
	s := start(t, "run", "--policy", "supervise", "--",
		"sh", "-c", "exit 3", ":::", "sh", "-c", gate.wait()+"; echo alive; exit 4")
	if got, want := s.err(), "scope: sh failed: exit status 3"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	gate.open(t)
	if got, want := s.out(), "sh-2 | alive"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	if got := s.wait(); got != 3 {
		t.Errorf("exit status %d, want 3: that of the first failure", got)
	}
}

func TestRun_PutsTheNameInFrontOfEachLine(t *testing.T) {
	got := runScope(t, "run", "--policy", "supervise", "--",
		"sh", "-c", "printf 'one\ntwo'; printf 'err' >&2", ":::",
		"/bin/echo", "three", ":::", "echo", "-n")
	stdout := strings.Split(got.stdout, "\n")
	slices.Sort(stdout)
	want := []string{"echo   | three", "sh     | one", "sh     | two"}
	if !slices.Equal(stdout, want) {
		t.Errorf("stdout %q, want %q", stdout, want)
	}
	if want := "sh     | err"; got.stderr != want {
		t.Errorf("stderr %q, want %q", got.stderr, want)
	}
}

func TestRun_NeverTearsOrLosesLines(t *testing.T) {
	const count = 3000
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do printf out; echo \" $i\"; "+
		"printf err >&2; echo \" $i\" >&2; i=$((i+1)); done", count)
	args := []string{"run", "--"}
	names := []string{"sh", "sh-2", "sh-3"}
	for range names {
		args = append(args, "sh", "-c", script, ":::")
	}
	got := runScope(t, args[:len(args)-1]...)
	for stream, text := range map[string]string{"out": got.stdout, "err": got.stderr} {
		next := map[string]int{}
		for line := range strings.Lines(text + "\n") {
			name := strings.TrimRight(line[:4], " ")
			want := fmt.Sprintf("%-4s | %s %d\n", name, stream, next[name])
			if !slices.Contains(names, name) || line != want {
				t.Fatalf("line %q, want %q", line, want)
			}
			next[name]++
		}
		for _, name := range names {
			if next[name] != count {
				t.Errorf("%d lines of %s on std%s, want %d", next[name], name, stream, count)
			}
		}
	}
}

func TestRun_FlagsAfterTheFirstWordBelongToTheCommand(t *testing.T) {
	for _, args := range [][]string{
		{"run", "echo", "--grace", "-h", "--"},
		{"run", "--", "echo", "--grace", "-h", "--"},
	} {
		if got, want := runScope(t, args...).stdout, "echo | --grace -h --"; got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}

func TestRun_GivesTheCommandsNoInput(t *testing.T) {
	s := start(t, "run", "cat", ":::", "echo", "end")
	if got := s.wait(); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

func TestRun_EndsWhenNobodyReadsItsOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := startTo(t, w, "run", "--", "sh", "-c", "echo $$; exec yes")
	stdout := lines(r)
	_, text, _ := strings.Cut(<-stdout, " | ")
	var pid int
	if _, err := fmt.Sscan(text, &pid); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if got := s.wait(); got != 141 {
		t.Errorf("exit status %d, want 141", got)
	}
	if got := rest(s.stderr); !strings.Contains(got, "broken pipe") {
		t.Errorf("stderr %q, want the broken pipe named", got)
	}
	wantGone(t, pid)
}

func TestScope_HelpAndVersion(t *testing.T) {
	tests := []struct {
		args   string
		status int
		stdout []string
	}{
		{"--help", 0, []string{"Usage: scope <command>", "version"}},
		{"run --help", 0, []string{"Usage: scope run [flags] [--]", "Example:", "--grace"}},
		{"version", 0, []string{"scope ", "go1."}},
		{"", 2, nil},
		{"walk", 2, nil},
	}
	for _, tt := range tests {
		got := runScope(t, strings.Fields(tt.args)...)
		if got.status != tt.status {
			t.Errorf("scope %s: exit status %d, want %d", tt.args, got.status, tt.status)
		}
		for _, want := range tt.stdout {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("scope %s: %q, want %q in it", tt.args, got.stdout, want)
			}
		}
		if tt.status != 0 && !strings.HasPrefix(got.stderr, "scope: ") {
			t.Errorf("scope %s: stderr %q", tt.args, got.stderr)
		}
	}
}
