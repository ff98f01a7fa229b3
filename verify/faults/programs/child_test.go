package programs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"
)

// childEnv makes the test binary play one of the programs instead of testing.
const childEnv = "PROGRAMS_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	program := programs()[name]
	if program == nil {
		fmt.Fprintln(os.Stderr, "no program of this name:", name)
		os.Exit(99)
	}
	program() // on the main goroutine
	os.Exit(0)
}

// programs are what the test binary can play, by name.
func programs() map[string]func() {
	all := map[string]func(){}
	for _, c := range slices.Concat(crashes(), signals()) {
		all[c.name] = c.program
	}
	maps.Copy(all, pressurePrograms())
	maps.Copy(all, sizePrograms())
	return all
}

// A result is how a program ended.
type result struct {
	code           int // or -1 for a signal
	state          *os.ProcessState
	stdout, stderr string
	took           time.Duration
}

// childTime is what a program has before it counts as hanging.
const childTime = 5 * time.Minute

// play runs a program in a process of its own. Its first line of output, if it
// is "ready", has signal sent to it.
func play(t *testing.T, name string, signal os.Signal, env ...string) result {
	t.Helper()
	if withRace {
		t.Skip("NOT TESTED: the detector needs memory of its own, and links cgo; see doc.go")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), childTime)
	defer cancel()
	began := time.Now()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childEnv+"="+name, "GOTRACEBACK=single")
	cmd.Env = append(cmd.Env, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Stdout = &stdout
	if signal != nil {
		cmd.Stdout = onReady{&stdout, func() { _ = cmd.Process.Signal(signal) }}
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v after %v\n%s%s", name, err, time.Since(began), &stdout, &stderr)
	}
	return result{
		code: cmd.ProcessState.ExitCode(), state: cmd.ProcessState,
		stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began),
	}
}

// onReady is a writer that calls f when it gets the line "ready".
type onReady struct {
	out *bytes.Buffer
	f   func()
}

func (w onReady) Write(p []byte) (int, error) {
	if string(p) == "ready\n" {
		w.f()
	}
	return w.out.Write(p)
}

// say writes to standard output, for the test that plays the program.
func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

var errBoom = errors.New("boom")

func failing(context.Context) error { return errBoom }

func obeying(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// done returns a context that is done.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// envInt returns the number that the test has put into the environment.
func envInt(name string) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		log.Fatal(err)
	}
	return n
}
