package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

var errBoom = errors.New("boom")

// park waits until release is closed, on a line that parkLine names.
//
//go:noinline
func park(release <-chan struct{}) {
	<-release
}

// village calls look while a tree of all kinds of tasks stands.
func village(t *testing.T, look func()) {
	t.Helper()
	release := make(chan struct{})
	var up sync.WaitGroup
	up.Add(7)
	hold := func(ctx context.Context) error { up.Done(); park(release); return ctx.Err() }
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("plain", hold)
		s.Daemon("daemon", hold)
		s.Go("stray owner", func(ctx context.Context) error {
			go func() {
				go func() { up.Done(); park(release) }()
				park(release)
			}()
			park(release)
			return nil
		})
		s.Go("telling", func(ctx context.Context) error {
			scope.Describe(ctx, func() any { return detail{State: "backoff", Restarts: 3} })
			return hold(ctx)
		})
		f := scope.Async(s, "future", func(ctx context.Context) (int, error) {
			return 1, hold(ctx)
		})
		inner := scope.OpenSupervised(ctx,
			scope.Name("inner"), scope.Limit(7), scope.OnFailure(scope.Ignore))
		inner.Go("stubborn", hold)
		_ = inner.Go("failed", func(context.Context) error { return errBoom }).Wait(ctx)
		inner.Cancel(errBoom)
		s.Go("starter", func(ctx context.Context) error {
			_, err := s.Start(ctx, "starting", func(ctx context.Context, ready func()) error {
				up.Done()
				park(release)
				ready()
				return nil
			})
			return err
		})
		up.Wait()
		look()
		close(release)
		_, err := f.Wait(ctx)
		return err
	}, scope.Name("village"))
	if err != nil {
		t.Error(err)
	}
}

type detail struct {
	State    string `json:"state"`
	Restarts int    `json:"restarts"`
}

// node returns the one node that ends in path.
func node(t *testing.T, s *inspect.Snapshot, path string) *inspect.Node {
	t.Helper()
	found := s.Find(path)
	if len(found) != 1 {
		tree := write(t, func(w io.Writer) error {
			return s.WriteTree(w, inspect.TreeOptions{All: true})
		})
		t.Fatalf("%d nodes are called %s, want 1:\n%s", len(found), path, tree)
	}
	return found[0]
}

// Row 155.
func TestTake_Village(t *testing.T) {
	village(t, func() {
		s := inspect.Take(inspect.Options{})
		for _, tt := range []struct{ path, kind, state, parent string }{
			{"village", "scope", "open", ""},
			{"village/plain", "task", "running", "village"},
			{"village/daemon", "daemon", "running", "village"},
			{"village/future", "async", "running", "village"},
			{"village/telling", "task", "backoff", "village"},
			{"village/inner", "scope", "cancelling", "village"},
			{"village/inner/stubborn", "task", "cancelling", "village/inner"},
			{"village/starting", "start", "starting", "village"},
		} {
			n := node(t, s, tt.path)
			if n.Kind != tt.kind || n.State != tt.state || n.Path != tt.path {
				t.Errorf("%s is a %s %s, want a %s %s", n.Path, n.Kind, n.State, tt.kind, tt.state)
			}
			if tt.parent != "" && n.Parent != node(t, s, tt.parent).ID {
				t.Errorf("%s hangs below %q, want %s", n.Path, n.Parent, tt.parent)
			}
			checkPlain(t, n)
		}
	})
}

// checkPlain fails the test if n lacks what each node has, or has a stack.
func checkPlain(t *testing.T, n *inspect.Node) {
	t.Helper()
	if !strings.Contains(n.Site, "take_test.go:") || n.Age <= 0 || n.Started.IsZero() {
		t.Errorf("%s: site %q, age %v, started %v", n.Path, n.Site, n.Age, n.Started)
	}
	if n.Goroutine != nil || n.Strays != nil {
		t.Errorf("%s has a stack that nobody asked for", n.Path)
	}
}

func TestTake_CountsCausesAndDetails(t *testing.T) {
	village(t, func() {
		s := inspect.Take(inspect.Options{})
		if s.Goroutines != nil {
			t.Error("goroutines were counted that nobody asked for")
		}
		inner := node(t, s, "inner")
		want := inspect.Counts{Live: 1, Started: 2, Failed: 1}
		if *inner.Counts != want || inner.Limit != 7 || inner.Policy != "supervised" {
			t.Errorf("inner has %+v, limit %d, policy %s", inner.Counts, inner.Limit, inner.Policy)
		}
		if len(inner.Causes) != 1 || inner.Causes[0].Text != "boom" {
			t.Errorf("causes %+v, want boom", inner.Causes)
		}
		telling := node(t, s, "telling")
		if got := string(telling.Detail); got != `{"state":"backoff","restarts":3}` {
			t.Errorf("detail %s", got)
		}
		if telling.Note != `state="backoff" restarts=3` {
			t.Errorf("note %q", telling.Note)
		}
	})
}

// Guarantee 3.
func TestTake_StacksStandAtTheirTasks(t *testing.T) {
	village(t, func() {
		s := inspect.Take(inspect.Options{Stacks: true})
		for _, path := range []string{
			"village/plain", "village/daemon", "village/future", "village/telling", "stubborn",
		} {
			checkParked(t, node(t, s, path))
		}
		if got := len(node(t, s, "stray owner").Strays); got != 2 {
			t.Errorf("%d strays, want 2: a goroutine and one that it started", got)
		}
		body := node(t, s, "village").Goroutine
		if body == nil || body.Wait != "running" || !strings.Contains(body.At, "take_test.go") {
			t.Errorf("the body is %+v, want running in this file", body)
		}
		g := s.Goroutines
		if g.Strays != 2 || g.Tasks < 8 || g.Total != g.Tasks+g.Strays+g.Others {
			t.Errorf("goroutines %+v", g)
		}
		if s.Cost.Stacks <= 0 || s.Cost.StackBytes == 0 || s.Cost.Walk <= 0 || s.Cost.Cut {
			t.Errorf("cost %+v", s.Cost)
		}
	})
}

// checkParked fails the test if the stack of n does not show park.
func checkParked(t *testing.T, n *inspect.Node) {
	t.Helper()
	g := n.Goroutine
	if g == nil {
		t.Errorf("%s has no stack", n.Path)
		return
	}
	if g.Wait != "chan receive" || !strings.Contains(g.At, "take_test.go:") || g.ID == 0 {
		t.Errorf("%s: goroutine %d in %q at %q", n.Path, g.ID, g.Wait, g.At)
	}
	if len(g.Frames) < 2 || !strings.HasSuffix(g.Frames[0].Func, "inspect_test.park") {
		t.Errorf("%s: frames %+v", n.Path, g.Frames)
	}
}

// Guarantee 1.
// Row 158.
func TestTake_Churn(t *testing.T) {
	churn := func(ctx context.Context, s *scope.Scope) {
		for ctx.Err() == nil {
			_ = s.Go("short", func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("leaf", func(context.Context) error { return nil })
					return nil
				})
			}).Wait(ctx)
		}
	}
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		for i := range 500 {
			s.Daemon(fmt.Sprint("resident ", i), func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
		}
		for range 4 {
			s.Go("churn", func(context.Context) error { churn(ctx, s); return nil })
		}
		for i := range 60 {
			snap := inspect.Take(inspect.Options{Stacks: i%10 == 9})
			checkWhole(t, snap)
			if got := len(snap.Find("crowd/resident *")); got != 500 {
				t.Errorf("%d residents, want 500", got)
			}
			runtime.Gosched()
		}
		return nil
	}, scope.Name("crowd"))
	if err != nil {
		t.Error(err)
	}
}

// checkWhole fails the test if a node is there twice, hangs below none, or if a
// scope's counts do not add up.
func checkWhole(t *testing.T, s *inspect.Snapshot) {
	t.Helper()
	seen := map[string]bool{}
	for _, n := range s.Nodes {
		if seen[n.ID] {
			t.Errorf("%s (%s) is there twice", n.ID, n.Path)
		}
		seen[n.ID] = true
		if slices.Contains([]string{"ok", "failed", "cancelled", "ended"}, n.State) {
			t.Errorf("%s (%s) is %s, and still there", n.ID, n.Path, n.State)
		}
		if n.Parent != "" && !seen[n.Parent] {
			t.Errorf("%s (%s) stands before its parent %s", n.ID, n.Path, n.Parent)
		}
		if c := n.Counts; c != nil {
			sum := uint64(c.Live+c.Daemons) + c.OK + c.Failed + c.Panicked + c.Cancelled
			if c.Started != sum {
				t.Errorf("%s has started %d, the rest is %d", n.Path, c.Started, sum)
			}
		}
	}
}

// Guarantee 2.
func TestTake_WhileAHandlerBlocksAndATaskRefusesToStop(t *testing.T) {
	handling, release := make(chan struct{}), make(chan struct{})
	handler := func(context.Context, *scope.Failure) { close(handling); <-release }
	s := scope.OpenSupervised(t.Context(), scope.Name("blocked"), scope.OnFailure(handler))
	s.Go("fails", func(context.Context) error { return errBoom })
	s.Go("refuses", func(context.Context) error { <-release; return nil })
	<-handling
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Shutdown(over); err == nil {
		t.Fatal("the scope has ended")
	}
	snap := inspect.Take(inspect.Options{Stacks: true})
	for _, name := range []string{"fails", "refuses"} {
		if n := node(t, snap, "blocked/"+name); n.State != "cancelling" || n.Goroutine == nil {
			t.Errorf("%s is %s, on %v", name, n.State, n.Goroutine)
		}
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTake_PerScope(t *testing.T) {
	village(t, func() {
		s := inspect.Take(inspect.Options{PerScope: 2})
		if n := node(t, s, "village"); n.LeftOut != 5 {
			t.Errorf("%d tasks left out, want 5", n.LeftOut)
		}
		if got := len(s.Find("village/*")); got != 3 { // two tasks, and a scope
			t.Errorf("%d nodes, want 3", got)
		}
	})
}

func TestTake_CausesLeadToTheFirstFailure(t *testing.T) {
	release := make(chan struct{})
	var snap *inspect.Snapshot
	_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("bystander", func(ctx context.Context) error { <-release; return nil })
		outer := s.Go("outer", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("culprit", func(context.Context) error { return errBoom })
				return nil
			}, scope.Name("inner"))
		})
		_ = outer.Wait(context.WithoutCancel(ctx))
		snap = inspect.Take(inspect.Options{})
		close(release)
		return nil
	}, scope.Name("case"))
	got := node(t, snap, "bystander").Causes
	if len(got) != 2 || got[0].Task != "case/outer" || got[1].Task != "case/outer/inner/culprit" ||
		got[1].Text != "boom" || !strings.Contains(got[1].Site, "take_test.go:") {
		t.Errorf("causes %+v", got)
	}
}

func TestTake_LongErrorsAreCut(t *testing.T) {
	s := scope.Open(t.Context(), scope.Name("wordy"))
	release := make(chan struct{})
	s.Go("held", func(context.Context) error { <-release; return nil })
	s.Cancel(errors.New(strings.Repeat("ä", 1<<20)))
	text := node(t, inspect.Take(inspect.Options{}), "wordy/held").Causes[0].Text
	if len(text) > 5000 || !strings.HasSuffix(text, "ä…") {
		t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-8:])
	}
	close(release)
	_ = s.Wait(t.Context())
}

// A goroutine runs a task and, within it, the body of a scope: what it starts
// there is the body's.
func TestTake_StraysBelongToTheInnermost(t *testing.T) {
	release := make(chan struct{})
	up := make(chan struct{})
	s := scope.Open(t.Context(), scope.Name("outside"))
	s.Go("task", func(ctx context.Context) error {
		return scope.Run(ctx, func(context.Context, *scope.Scope) error {
			go func() { close(up); park(release) }()
			park(release)
			return nil
		}, scope.Name("inside"))
	})
	<-up
	snap := inspect.Take(inspect.Options{Stacks: true})
	inside, task := node(t, snap, "task/inside"), node(t, snap, "outside/task")
	if in, out := len(inside.Strays), len(task.Strays); in != 1 || out != 0 {
		t.Errorf("%d strays inside, %d of the task, want 1 and 0", in, out)
	}
	if g, h := inside.Goroutine, task.Goroutine; g == nil || h == nil || g.ID != h.ID {
		t.Errorf("%+v and %+v are not one goroutine", g, h)
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What a program says of itself can be wrong in every way.
func TestTake_BadDetails(t *testing.T) {
	release := make(chan struct{})
	cycle := map[string]any{}
	cycle["m"] = cycle
	details := map[string]any{
		"channel": make(chan int), "panics": panicky{}, "long": strings.Repeat("x", 1<<20),
		"number": 7, "nil": nil, "cycle": cycle, "state": map[string]any{"state": 3},
	}
	var up sync.WaitGroup
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		for name, d := range details {
			up.Add(1)
			s.Go(name, func(ctx context.Context) error {
				scope.Describe(ctx, func() any { return d })
				up.Done()
				<-release
				return nil
			})
		}
		up.Wait()
		s.Cancel(panicky{})
		snap := inspect.Take(inspect.Options{})
		close(release)
		for name := range details {
			n := node(t, snap, "bad/"+name)
			if len(n.Note) > 500 || n.State != "cancelling" {
				t.Errorf("%s: %s, a note of %d bytes", name, n.State, len(n.Note))
			}
			if n.Causes[0].Text != "inspect_test.panicky whose Error method panics" {
				t.Errorf("cause %q", n.Causes[0].Text)
			}
		}
		if got := node(t, snap, "bad/number").Note; got != "7" {
			t.Errorf("the note of 7 is %q", got)
		}
		return nil
	}, scope.Name("bad"))
	if _, ok := errors.AsType[panicky](err); !ok {
		t.Error("the scope did not end with its cause")
	}
}

type panicky struct{}

func (panicky) Error() string { panic("no text") }
