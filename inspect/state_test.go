package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// stubborn does not hear that it is to end.
func stubborn(release <-chan struct{}) func(context.Context) error {
	return func(context.Context) error { <-release; return nil }
}

// states returns "path state" of all nodes of s.
func states(s *inspect.Snapshot) string {
	var all []string
	for i := range s.Nodes {
		all = append(all, s.Nodes[i].Path+" "+s.Nodes[i].State)
	}
	return strings.Join(all, ", ")
}

// Guarantee 4.
func TestTake_Straggling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("a"), scope.Grace(30*time.Second),
			scope.OnFailure(scope.Ignore), scope.Observe(scope.Observer{}))
		s.Go("nest", func(ctx context.Context) error {
			inner := scope.Open(ctx, scope.Name("b"))
			inner.Go("deep", stubborn(release))
			<-release
			return nil
		})
		time.Sleep(time.Nanosecond) // roots are in the order of their times
		plain := scope.Open(t.Context(), scope.Name("c"))
		plain.Go("alone", stubborn(release)).Cancel(nil)
		plain.Go("calm", stubborn(release))
		synctest.Wait()
		s.Cancel(errBoom)
		for _, tt := range []struct {
			sleep time.Duration
			opts  inspect.Options
			want  string
		}{
			{9 * time.Second, inspect.Options{}, "a cancelling, a/nest cancelling, " +
				"a/nest/b cancelling, a/nest/b/deep cancelling, " +
				"c open, c/alone cancelling, c/calm running"},
			{2 * time.Second, inspect.Options{}, "a cancelling, a/nest cancelling, " +
				"a/nest/b cancelling, a/nest/b/deep cancelling, " +
				"c open, c/alone straggling, c/calm running"},
			{0, inspect.Options{Grace: time.Minute}, "a cancelling, a/nest cancelling, " +
				"a/nest/b cancelling, a/nest/b/deep cancelling, " +
				"c open, c/alone cancelling, c/calm running"},
			{20 * time.Second, inspect.Options{Grace: time.Minute}, "a straggling, " +
				"a/nest straggling, a/nest/b straggling, a/nest/b/deep straggling, " +
				"c open, c/alone cancelling, c/calm running"},
		} {
			time.Sleep(tt.sleep)
			if got := states(inspect.Take(tt.opts)); got != tt.want {
				t.Errorf("after %v more:\n%s, want\n%s", tt.sleep, got, tt.want)
			}
		}
		close(release)
		_ = s.Shutdown(t.Context())
		if err := plain.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func wantStates(t *testing.T, want string) {
	t.Helper()
	if got := states(inspect.Take(inspect.Options{})); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A daemon is asked to end when nothing else is left, and the scope completes
// until it has.
func TestTake_Completing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("a"))
		s.Daemon("serves", stubborn(release))
		ended := make(chan error, 1)
		go func() { ended <- s.Drain(t.Context()) }()
		synctest.Wait()
		wantStates(t, "a completing, a/serves cancelling")
		time.Sleep(11 * time.Second)
		wantStates(t, "a completing, a/serves straggling")
		close(release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// The body of a lexical scope, or the function of a task, is over, and what hangs
// below is not. What a task said of itself is over, too.
func TestTake_CompletingWhatIsBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("task", func(ctx context.Context) error {
					scope.Describe(ctx, func() any { return map[string]any{"state": "busy"} })
					below := scope.Open(ctx, scope.Name("below"))
					below.Go("held", stubborn(release))
					return nil
				})
				return nil
			}, scope.Name("a"))
		}()
		synctest.Wait()
		wantStates(t, "a completing, a/task completing, a/task/below cancelling, "+
			"a/task/below/held cancelling")
		close(release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestTake_Draining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("a"))
		s.Go("last", stubborn(release))
		ended := make(chan error, 1)
		go func() { ended <- s.Drain(t.Context()) }()
		synctest.Wait()
		wantStates(t, "a draining, a/last running")
		close(release)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A task that says itself how it is, is believed until it is asked to end.
func TestTake_OwnState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("a"))
		said := "backoff"
		at := time.Now().Add(-time.Minute)
		s.Go("child", func(ctx context.Context) error {
			scope.Describe(ctx, func() any {
				return map[string]any{"state": said, "last_failure": "bang", "last_failure_at": at}
			})
			<-release
			return nil
		})
		synctest.Wait()
		for _, said = range []string{"backoff", "parked"} {
			child := node(t, inspect.Take(inspect.Options{}), "a/child")
			if child.State != said {
				t.Errorf("state %s, want %s", child.State, said)
			}
			want := inspect.Failure{Text: "bang", At: at}
			if got := child.LastFailure; got == nil || got.Text != want.Text || !got.At.Equal(at) {
				t.Errorf("last failure %+v, want %+v", got, want)
			}
		}
		s.Cancel(nil)
		if n := node(t, inspect.Take(inspect.Options{}), "a/child"); n.State != "cancelling" {
			t.Errorf("state %s, want cancelling", n.State)
		}
		close(release)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// watched opens a scope that r observes.
func watched(t *testing.T, r *inspect.Recorder, name string) *scope.Scope {
	t.Helper()
	return scope.OpenSupervised(
		t.Context(), scope.Name(name), r.Option(), scope.OnFailure(scope.Ignore))
}

// A recorder knows the last failure of each scope as long as that lives, however
// small its ring.
func TestRecorder_LastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(3)
		s := watched(t, r, "a")
		fail(t, s, "job-0", errors.New("no 0"))
		fail(t, s, "job-1", errors.New("no 1"))
		for range 10 {
			fail(t, s, "fine", nil)
		}
		got := node(t, r.Take(inspect.Options{}), "a").LastFailure
		if got == nil || got.Text != "no 1" || got.Task != "a/job-1" || got.ID == "" ||
			time.Since(got.At) != 11*time.Second || !strings.Contains(got.Site, "state_test.go:") {
			t.Errorf("last failure %+v", got)
		}
		if n := node(t, inspect.Take(inspect.Options{}), "a"); n.LastFailure != nil {
			t.Errorf("without a recorder it is known, too: %+v", n.LastFailure)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Of more scopes than the ring has places, the oldest failures are given up.
func TestRecorder_LastFailuresAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(3)
		var all []*scope.Scope
		for i := range 5 {
			s := watched(t, r, fmt.Sprint("s", i))
			fail(t, s, "fails", errBoom)
			all = append(all, s)
		}
		var known []string
		for _, n := range r.Take(inspect.Options{}).Nodes {
			if n.LastFailure != nil {
				known = append(known, n.Path)
			}
		}
		if want := []string{"s2", "s3", "s4"}; !slices.Equal(known, want) {
			t.Errorf("the last failures of %v are known, want %v", known, want)
		}
		for _, s := range all {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// fail runs a task that returns err, and lets a second pass.
func fail(t *testing.T, s *scope.Scope, name string, err error) {
	t.Helper()
	_ = s.Go(name, func(context.Context) error { return err }).Wait(t.Context())
	time.Sleep(time.Second)
}

// What is beyond the number wanted is counted where it would be.
func TestTake_Max(t *testing.T) {
	release := make(chan struct{})
	a := scope.Open(t.Context(), scope.Name("a"))
	for range 5 {
		a.Go("task", stubborn(release))
	}
	a.Go("nest", func(ctx context.Context) error {
		return scope.Run(ctx, func(context.Context, *scope.Scope) error { <-release; return nil })
	})
	b := scope.Open(t.Context(), scope.Name("b"))
	for _, tt := range []struct{ most, nodes, below, roots int }{
		{1, 1, 6, 1}, {4, 4, 3, 1}, {7, 7, 0, 1}, {100, 0, 0, 0},
	} {
		s := inspect.Take(inspect.Options{Max: tt.most})
		if tt.most < 8 && len(s.Nodes) != tt.nodes {
			t.Errorf("%d nodes, want %d", len(s.Nodes), tt.nodes)
		}
		if got := node(t, s, "a").LeftOut; tt.most < 7 && got != tt.below {
			t.Errorf("at most %d: %d left out in a, want %d", tt.most, got, tt.below)
		}
		if s.LeftOut != tt.roots {
			t.Errorf("at most %d: %d roots left out, want %d", tt.most, s.LeftOut, tt.roots)
		}
	}
	close(release)
	for _, s := range []*scope.Scope{a, b} {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
