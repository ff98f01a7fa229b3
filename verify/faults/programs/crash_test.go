package programs_test

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A crash is a program that ends badly, or nearly.
type crash struct {
	name    string
	program func()
	signal  os.Signal // sent when it says that it is ready; optional
	env     []string  // optional

	code   int            // its exit code
	killed syscall.Signal // or what killed it
	says   []string       // on standard error, in this order
	silent []string       // what it must not say
}

// What a program does when things go wrong: its exit code, and what it says on
// standard error. A panic with CrashOnPanic is in the core's own
// TestCrashOnPanic_KillsTheProcessFirst.
func TestCrash_Programs(t *testing.T) {
	for _, c := range slices.Concat(crashes(), signals()) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, play(t, c.name, c.signal, c.env...))
		})
	}
}

func (c crash) check(t *testing.T, r result) {
	if status, ok := r.state.Sys().(syscall.WaitStatus); c.killed != 0 {
		if !ok || !status.Signaled() || status.Signal() != c.killed {
			t.Errorf("it ended with %v, want signal %v", r.state, c.killed)
		}
	} else if r.code != c.code {
		t.Errorf("it ended with %v, want exit status %d", r.state, c.code)
	}
	rest := r.stderr
	for _, want := range c.says {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Errorf("it does not say %q, or not in this order", want)
			continue
		}
		rest = after
	}
	for _, not := range c.silent {
		if strings.Contains(r.stderr, not) {
			t.Errorf("it says %q", not)
		}
	}
	if t.Failed() {
		t.Logf("standard error:\n%s", r.stderr)
	}
}
