package programs_test

import (
	"context"
	"flag"
	"fmt"
	"log"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

var live = flag.Int("live", 200_000, "how many tasks live at a time in one scope")

// sizePrograms are big, or run long.
func sizePrograms() map[string]func() { return map[string]func(){"crowd": crowd, "ends": ends} }

// crowd has many tasks live in one scope, looks at them, and ends them all.
func crowd() {
	n := envInt("TASKS")
	ctx := context.Background()
	before := memory()
	watch := time.Now()
	lap := func(what string) {
		say("%s: %v", what, time.Since(watch).Round(time.Millisecond))
		watch = time.Now()
	}
	s := scope.OpenSupervised(ctx, scope.Name("app"))
	for range n {
		s.Go("waits", obeying)
	}
	lap("started")
	for s.Info().Counts.Live != n {
		log.Fatalf("%d of %d tasks live", s.Info().Counts.Live, n)
	}
	if tasks := s.Tasks(); len(tasks) != n {
		log.Fatalf("Tasks() has %d of %d", len(tasks), n)
	}
	lap("listed")
	say("memory: %d bytes a task", (memory()-before)/uint64(n)) //nolint:gosec // positive
	s.Cancel(nil)
	lap("cancelled")
	if err := s.Shutdown(ctx); err != nil {
		log.Fatal(err)
	}
	lap("ended")
	want := scope.Counts{Started: uint64(n), Cancelled: uint64(n)} //nolint:gosec // positive
	if c := s.Info().Counts; c != want {
		log.Fatalf("Counts = %+v, want %+v", c, want)
	}
}

// A crowd of tasks lives in one scope, is listed, cancelled, and joined.
func TestSize_ManyTasks(t *testing.T) {
	if testing.Short() {
		t.Skip("a million tasks need some 3 GB")
	}
	r := play(t, "crowd", nil, fmt.Sprintf("TASKS=%d", *live))
	t.Logf("%d tasks in %v\n%s", *live, r.took, r.stdout)
	if r.code != 0 {
		t.Errorf("it ended with %v\n%s", r.state, r.stderr)
	}
}
