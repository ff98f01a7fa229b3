package inspect_test

import (
	"context"
	"io"
	"strings"
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
