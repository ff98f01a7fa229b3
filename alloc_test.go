package scope_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/supervisorscope/scope"
)

// builtWithRace reports whether this binary was built with -race, which
// allocates for itself and is some ten times slower.
func builtWithRace() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}

// allocSkip skips a test whose numbers hold only for an ordinary build.
func allocSkip(t *testing.T) {
	t.Helper()
	if builtWithRace() || testing.CoverMode() != "" {
		t.Skip("allocations are counted in an ordinary build only")
	}
}

// allocRun runs a scope with n tasks that do nothing but look at their context.
func allocRun(t *testing.T, ctx context.Context, n int) func() {
	t.Helper()
	nothing := func(ctx context.Context) error { return ctx.Err() }
	body := func(ctx context.Context, s *scope.Scope) error {
		for range n {
			s.Go("task", nothing)
		}
		return ctx.Err()
	}
	return func() {
		if err := scope.Run(ctx, body); err != nil {
			t.Error(err)
		}
	}
}

// allocBytes returns how many bytes a call of f allocates.
func allocBytes(f func()) uint64 {
	const rounds = 20
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range rounds {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / rounds
}

// A task costs its handle and the closure of its go statement: 112 and 16 bytes.
func TestAllocs_PerTask(t *testing.T) {
	allocSkip(t)
	const n = 1000
	run := allocRun(t, context.Background(), n)
	if got := testing.AllocsPerRun(20, run) / n; got > 2.1 {
		t.Errorf("a task costs %.2f allocations, want 2", got)
	}
	// Goroutines that are started anew, not reused, count, too: allow for some.
	if got := float64(allocBytes(run)) / n; got > 128*1.1 {
		t.Errorf("a task costs %.1f bytes, want 128", got)
	}
}

// To wait in the body, again and again, costs a channel and the list of late things,
// once: not a look at the traceback, which costs more than a hundred tasks.
func TestAllocs_WaitInTheBody(t *testing.T) {
	allocSkip(t)
	nothing := func(context.Context) error { return nil }
	err := scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
		got := testing.AllocsPerRun(100, func() {
			s.Go("task", nothing) // runs when the body waits: there is one processor
			_ = s.Wait(context.Background())
		})
		if got > 4 {
			t.Errorf("a task and a wait for it cost %v allocations, want 2 and 2", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The smallest scope: itself, its task, and the task's go statement. Under a
// context that can be cancelled it has to listen, too.
func TestAllocs_OneTask(t *testing.T) {
	allocSkip(t)
	cases := []struct {
		name  string
		ctx   context.Context
		tasks int
		want  float64
	}{
		{"empty", context.Background(), 0, 1},
		{"one task", context.Background(), 1, 3},
		{"two tasks", context.Background(), 2, 5},
		{"under a parent that can be cancelled", t.Context(), 1, 8},
	}
	for _, c := range cases {
		if got := testing.AllocsPerRun(1000, allocRun(t, c.ctx, c.tasks)); got > c.want {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.want)
		}
	}
}

func TestTask_Size(t *testing.T) {
	if got := scope.TaskSize; got > 112 && ^uintptr(0)>>32 != 0 {
		t.Errorf("a Task has %d bytes, want at most 112, a size class of the allocator", got)
	}
}

// A scope is a multiple of 64 bytes to the allocator, so that each begins with a line
// of the processor's cache; and what each task writes is a line, the second one.
func TestScope_Lines(t *testing.T) {
	if ^uintptr(0)>>32 == 0 {
		t.Skip("pointers of 32 bits are not what this is measured for")
	}
	if got := scope.ScopeSize; got <= 352 || got > 384 {
		t.Errorf("a Scope has %d bytes, want 353 to 384, a size class of the allocator", got)
	}
	if at, end := scope.LedgerAt, scope.LedgerEnd; at != 64 || end != 128 {
		t.Errorf("a task writes the bytes %d to %d of its scope, want 64 to 128", at, end)
	}
}

// The tenth level of nested scopes costs what the second does, and so does the
// hundredth.
func TestAllocs_NestedScopesAreFlatInDepth(t *testing.T) {
	allocSkip(t)
	var nest func(ctx context.Context, depth int) error
	nest = func(ctx context.Context, depth int) error {
		if depth == 0 {
			return nil
		}
		return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
			return nest(ctx, depth-1)
		})
	}
	cost := func(depth int) float64 {
		return testing.AllocsPerRun(20, func() {
			if err := nest(context.Background(), depth); err != nil {
				t.Error(err)
			}
		})
	}
	first, hundredth := cost(2)-cost(1), (cost(101)-cost(1))/100
	if hundredth > first || first > 3 {
		t.Errorf("a level costs %.1f allocations, on average of 100 %.1f; want at most 3",
			first, hundredth)
	}
}

// Looking on costs those who look, not those who are looked at: an Info, and
// nothing that grows with the number of tasks.
func TestAllocs_ScopeInfoIsFlatInTasks(t *testing.T) {
	allocSkip(t)
	cost := func(n int) float64 {
		s := scope.Open(t.Context())
		for range n {
			s.Go("task", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}
		defer func() { _ = s.Shutdown(t.Context()) }()
		return testing.AllocsPerRun(100, func() { s.Info() })
	}
	if one, many := cost(1), cost(1000); many > one {
		t.Errorf("Info() of a scope with 1000 tasks allocates %v times, with one %v", many, one)
	}
}

// The failure, its texts, where it is kept and the handler's context.
func TestAllocs_PerFailingTask(t *testing.T) {
	allocSkip(t)
	const n = 1000
	for name, c := range map[string]struct {
		f    func(context.Context) error
		want float64
	}{
		"fails":  {failing, 8},
		"panics": {func(context.Context) error { panic("boom") }, 11},
	} {
		got := testing.AllocsPerRun(10, func() {
			_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				for range n {
					s.Go("task", c.f)
				}
				return nil
			}, scope.OnFailure(scope.Ignore))
		}) / n
		if got > c.want+0.2 {
			t.Errorf("%s: a task costs %.2f allocations, want %v", name, got, c.want)
		}
	}
}
