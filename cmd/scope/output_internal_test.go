package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

func TestPrefixer_WritesWholeLines(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"one line", "one\n", "p| one\n"},
		{"several lines", "one\n\ntwo\n", "p| one\np| \np| two\n"},
		{"no newline at the end", "one\ntwo", "p| one\np| two\n"},
		{"carriage return", "50%\r100%\r\n", "p| 50%\r100%\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got strings.Builder
			x := &prefixer{prefix: "p| ", to: &got}
			if n, err := x.Write([]byte(tt.in)); n != len(tt.in) || err != nil {
				t.Errorf("Write() = %d, %v, want %d, nil", n, err, len(tt.in))
			}
			if got.String() != tt.want {
				t.Errorf("wrote %q, want %q", &got, tt.want)
			}
		})
	}
}

func TestPrefix_PadsAndColours(t *testing.T) {
	tests := []struct {
		name   string
		i      int
		colour bool
		want   string
	}{
		{"web", 0, false, "web   | "},
		{"worker", 0, false, "worker | "},
		{"größe", 0, false, "größe | "},
		{"web", 0, true, "\x1b[36mweb   |\x1b[0m "},
		{"web", 6, true, "\x1b[36mweb   |\x1b[0m "},
	}
	for _, tt := range tests {
		if got := prefix(tt.name, 5, tt.i, tt.colour); got != tt.want {
			t.Errorf("prefix(%q, 5, %d, %v) = %q, want %q", tt.name, tt.i, tt.colour, got, tt.want)
		}
	}
}

func TestRunner_TellsOfCommandsAndNotOfTheirParts(t *testing.T) {
	var stderr strings.Builder
	r := &runner{out: newOutput(nil, &stderr)}
	for _, path := range []string{"scope/run/web/process/leader", "scope/run/web"} {
		info := scope.TaskInfo{Name: path[strings.LastIndexByte(path, '/')+1:], Path: path}
		info.State, info.Err = "failed", &scope.Failure{Err: errors.New("no luck")}
		r.ended(info)
		info.State = "cancelled"
		r.ended(info)
	}
	if got, want := stderr.String(), "scope: web failed: no luck\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	if got := r.verdict.get(); got != statusOther {
		t.Errorf("exit status %d, want %d", got, statusOther)
	}
}

// No test can make a process that SIGKILL does not end.
func TestRunner_NamesWhatSIGKILLDidNotEnd(t *testing.T) {
	var stderr strings.Builder
	r := &runner{out: newOutput(nil, &stderr), grace: 10 * time.Second}
	r.stuck(&scope.StragglersError{
		Err: errors.New("grace is over"),
		Tasks: []scope.Straggler{
			{Task: scope.TaskInfo{Name: "web", Detail: process.Info{PID: 123}}},
			{Task: scope.TaskInfo{Name: "leader"}},
		},
	})
	want := "scope: web (process 123) still runs 15s after it was asked to end; waiting\n"
	if stderr.String() != want {
		t.Errorf("stderr %q, want %q", &stderr, want)
	}
}
