package inspect_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// Row 157.
func TestTake_WaitEdges(t *testing.T) {
	release := make(chan struct{})
	ctx := t.Context()
	outer := scope.Open(ctx, scope.Name("waiting"))
	a := outer.Go("a", func(context.Context) error { <-release; return nil })
	f := scope.Async(outer, "f", func(context.Context) (int, error) { <-release; return 1, nil })
	inner := scope.Open(ctx, scope.Name("inner"))
	inner.Go("held", func(context.Context) error { <-release; return nil })
	onFuture := func(ctx context.Context) error { _, err := f.Wait(ctx); return err }
	ways := map[string]struct {
		wait func(context.Context) error
		want string
	}{
		"on task":     {a.Wait, a.Info().ID},
		"on future":   {onFuture, f.Info().ID},
		"on wait":     {inner.Wait, inner.Info().ID},
		"on drain":    {inner.Drain, inner.Info().ID},
		"on shutdown": {inner.Shutdown, inner.Info().ID},
	}
	for name, way := range ways {
		outer.Go(name, way.wait)
	}
	snap := settled(func(s *inspect.Snapshot) bool { return edges(s) == len(ways) })
	for name, way := range ways {
		n := node(t, snap, "waiting/"+name)
		if len(n.WaitsFor) != 1 || n.WaitsFor[0] != way.want {
			t.Errorf("%s waits for %v, want %s", name, n.WaitsFor, way.want)
		}
	}
	if got := snap.Cycles(); len(got) != 0 {
		t.Errorf("cycles %v where there is none", got)
	}
	close(release)
	for _, s := range []*scope.Scope{outer, inner} {
		_ = s.Wait(ctx) // until all have seen the end of what they wait for
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
}

// The end of a scope.Run is shown as what it is, not as how and where it waits.
func TestTake_WaitForOwnTasks(t *testing.T) {
	release := make(chan struct{})
	s := scope.Open(t.Context(), scope.Name("joining"))
	run := func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, inner *scope.Scope) error {
			inner.Go("held", func(context.Context) error { <-release; return nil })
			return nil
		}, scope.Name("inner"))
	}
	s.Go("at the end", run)
	var group sync.WaitGroup
	group.Add(1)
	s.Go("own", func(context.Context) error { group.Wait(); return nil })
	isParked := func(n *inspect.Node) bool {
		return n.Goroutine != nil && n.Goroutine.Wait != "running" && n.Goroutine.Wait != "runnable"
	}
	snap := settled(func(s *inspect.Snapshot) bool {
		end, own := s.Find("joining/at the end"), s.Find("joining/own")
		return len(end) == 1 && len(own) == 1 && isParked(end[0]) && isParked(own[0])
	})
	end := node(t, snap, "joining/at the end").Goroutine
	if end.Wait != "waits for its tasks" || end.At != "" || len(end.Frames) == 0 {
		t.Errorf("at the end of Run: %q at %q, %d frames", end.Wait, end.At, len(end.Frames))
	}
	text := write(t, func(w io.Writer) error { return snap.WriteTree(w, inspect.TreeOptions{}) })
	if !strings.Contains(text, "[waits for its tasks]\n") {
		t.Errorf("not in the tree:\n%s", text)
	}
	own := node(t, snap, "joining/own").Goroutine
	if !strings.Contains(own.Wait, "WaitGroup") || !strings.Contains(own.At, "waits_test.go:") {
		t.Errorf("in a WaitGroup of its own: %q at %q", own.Wait, own.At)
	}
	group.Done()
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func edges(s *inspect.Snapshot) int {
	n := 0
	for i := range s.Nodes {
		n += len(s.Nodes[i].WaitsFor)
	}
	return n
}

// settled takes snapshots until one is as it will be: what tasks are blocked in
// is known only by looking.
func settled(ok func(*inspect.Snapshot) bool) *inspect.Snapshot {
	for range 1000 {
		if s := inspect.Take(inspect.Options{Stacks: true}); ok(s) {
			return s
		}
		time.Sleep(time.Millisecond)
	}
	return inspect.Take(inspect.Options{Stacks: true})
}

// Row 157.
func TestTake_Cycles(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s := scope.Open(t.Context(), scope.Name("knot"))
	other := scope.Open(t.Context(), scope.Name("other"))
	var a, b *scope.Task
	known := make(chan struct{})
	wait := func(of **scope.Task) func(context.Context) error {
		return func(context.Context) error { <-known; _ = (*of).Wait(ctx); return nil }
	}
	a = s.Go("a", wait(&b))
	b = s.Go("b", wait(&a))
	c := s.Go("c", func(context.Context) error { <-known; return other.Wait(ctx) })
	other.Go("d", func(context.Context) error { <-known; _ = c.Wait(ctx); return nil })
	close(known)
	snap := settled(func(s *inspect.Snapshot) bool { return edges(s) == 4 })
	var got []string
	for _, cycle := range snap.Cycles() {
		var names []string
		for _, id := range cycle {
			names = append(names, snap.Find(id)[0].Path)
		}
		got = append(got, strings.Join(names, " → "))
	}
	want := "knot/a → knot/b, knot/c → other → other/d"
	if strings.Join(got, ", ") != want {
		t.Errorf("cycles %v, want %v", got, want)
	}
	text := write(t, func(w io.Writer) error { return snap.WriteTree(w, inspect.TreeOptions{}) })
	if want := "deadlock: knot/a → knot/b → knot/a\n"; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
	stop()
	_ = s.Shutdown(t.Context())
	_ = other.Shutdown(t.Context())
}
