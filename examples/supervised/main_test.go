package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/supervisor"
)

// The program is built and run, with its sockets; the outage is shorter than a
// minute, but long enough for several failed tries.
func TestSupervised_OutlivesItsDatabase(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	binary := filepath.Join(t.TempDir(), "supervised")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(ctx, binary, "-outage", "1500ms")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the program ended with %v:\n%s", err, out)
	}
	t.Logf("\n%s", out)
	text := string(out)
	for _, want := range []string{
		"all work\n", "THE DATABASE GOES AWAY", "connection lost", "; db is tried again in",
		"connection refused", "state during the outage: db ", "worker-3 queued (incarnation 1)",
		"THE DATABASE IS BACK", "all work again: db ready", "worker-3 ready (incarnation 2)",
		"stopping\n",
	} {
		before, after, found := strings.Cut(text, want)
		if !found {
			t.Fatalf("the output lacks %q, or has it too early", want)
		}
		_, text = before, after
	}
	// The story is told once: three workers twice, one connection lost.
	parts := map[string]int{"a worker uses the value of price": 6, "connection lost": 1}
	for part, want := range parts {
		if got := strings.Count(string(out), part); got != want {
			t.Errorf("%q is there %d times, want %d", part, got, want)
		}
	}
}

// With a database that is not there at first nothing starts, and the error says
// which child it was.
func TestSupervised_FirstStartIsAllOrNothing(t *testing.T) {
	v := newService("127.0.0.1:1", &story{w: t.Output(), began: time.Now()})
	s, err := supervisor.New(v.children(), supervisor.Options{Strategy: supervisor.RestForOne})
	if err != nil {
		t.Fatal(err)
	}
	var failed *supervisor.ChildError
	err = s.Run(t.Context())
	if !errors.As(err, &failed) || failed.Child != "db" || !failed.Start {
		t.Errorf("Run() = %v, want the failed start of db", err)
	}
}
