package scope_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// lineBelow returns the line n below that of the call, as sites are written.
func lineBelow(n int) string {
	_, file, line, _ := runtime.Caller(1)
	return file + ":" + strconv.Itoa(line+n)
}

// goroutineID returns the number of the calling goroutine.
func goroutineID() (id int64) {
	buf := make([]byte, 64)
	_, _ = fmt.Sscanf(string(buf[:runtime.Stack(buf, false)]), "goroutine %d ", &id)
	return id
}

// stragglersOf shuts s down with little time and returns who is left.
func stragglersOf(t *testing.T, s *scope.Scope) *scope.StragglersError {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	var left *scope.StragglersError
	if err := s.Shutdown(ctx); !errors.As(err, &left) {
		t.Fatalf("Shutdown() = %v, want a *StragglersError", err)
	}
	return left
}

// stragglerNames returns the names of the tasks that are left.
func stragglerNames(left *scope.StragglersError) []string {
	var names []string
	for _, st := range left.Tasks {
		names = append(names, st.Task.Name)
	}
	return names
}

// A stuckTask is one that waits for release, and what is to be seen of it.
type stuckTask struct {
	release, waits chan struct{}
	site, at       string
	goroutine      int64
}

func startStuckTask(s *scope.Scope) *stuckTask {
	st := &stuckTask{release: make(chan struct{}), waits: make(chan struct{})}
	st.site = lineBelow(1)
	s.Go("stuck", func(context.Context) error {
		st.goroutine = goroutineID()
		st.at = lineBelow(2)
		close(st.waits)
		<-st.release
		return nil
	})
	return st
}

// check compares what is reported of the task.
func (st *stuckTask) check(t *testing.T, got *scope.Straggler) {
	t.Helper()
	if k := got.Task; k.Name != "stuck" || k.Path != "server/stuck" || k.State != "cancelling" {
		t.Errorf("task = %q, %q, %s, want stuck, server/stuck, cancelling", k.Name, k.Path, k.State)
	}
	if got.Task.Site != st.site || got.At != st.at {
		t.Errorf("site = %s, at = %s, want %s, %s", got.Task.Site, got.At, st.site, st.at)
	}
	if got.Goroutine != st.goroutine || got.Wait != "chan receive" || got.Minutes != 0 {
		t.Errorf("goroutine = %d, wait = %q, minutes = %d, want %d, chan receive, 0",
			got.Goroutine, got.Wait, got.Minutes, st.goroutine)
	}
	if !strings.HasPrefix(got.Stack, fmt.Sprintf("goroutine %d [chan receive", st.goroutine)) ||
		!strings.Contains(got.Stack, "startStuckTask") {
		t.Errorf("stack = %s, want that of the task", got.Stack)
	}
}

// Row 51.
func TestStragglersError_TellsWhereATaskIsStuck(t *testing.T) {
	s := scope.OpenSupervised(context.Background(), scope.Name("server"))
	st := startStuckTask(s)
	<-st.waits
	got := stragglersOf(t, s)
	for got.Tasks[0].Wait != "chan receive" { // it is on its way
		got = stragglersOf(t, s)
	}
	if got.Scope != "server" || len(got.Tasks) != 1 ||
		!errors.Is(got.Err, context.DeadlineExceeded) {
		t.Fatalf("stragglers = %+v, want one of server", got)
	}
	st.check(t, &got.Tasks[0])
	close(st.release)
	<-s.Done()
}

// Row 51.
func TestStragglersError_InABubble(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.Name("server"))
		st := startStuckTask(s)
		time.Sleep(time.Hour)
		<-st.waits
		got := stragglersOf(t, s)
		if len(got.Tasks) != 1 {
			t.Fatalf("stragglers = %v, want one", got)
		}
		st.check(t, &got.Tasks[0])
		if age := got.Tasks[0].Task.Age; age != time.Hour+time.Millisecond {
			t.Errorf("age = %v, want 1 h and the time for Shutdown, 1 ms", age)
		}
		want := fmt.Sprintf(`scope "server": context deadline exceeded; still running: 1: `+
			`"server/stuck" (1h0m0.001s, started at %s, in chan receive at %s)`, st.site, st.at)
		if got.Error() != want {
			t.Errorf("Error() = %s, want %s", got.Error(), want)
		}
		close(st.release)
	})
}

// Row 51.
func TestStragglersError_NamesNestedTasks(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		stuck := ignore(release)
		s := p.open(t.Context(), scope.Name("server"))
		s.Go("a", func(ctx context.Context) error {
			return scope.Run(ctx, func(ctx context.Context, in *scope.Scope) error {
				in.Go("a1", func(ctx context.Context) error {
					scope.Open(ctx, scope.Name("deep")).Go("a11", stuck)
					return stuck(ctx)
				})
				in.Go("a2", stuck)
				return stuck(ctx)
			})
		})
		synctest.Wait()
		s.Daemon("b", stuck)
		s.Go("ends", obey)
		synctest.Wait()
		got := stragglersOf(t, s)
		want := []string{"a", "a1", "a11", "a2", "b"} // parents first, oldest first
		if names := stragglerNames(got); !slices.Equal(names, want) {
			t.Errorf("stragglers = %v, want %v", names, want)
		}
		if path := got.Tasks[2].Task.Path; path != "server/a/a1/deep/a11" {
			t.Errorf("path = %s, want server/a/a1/deep/a11", path)
		}
		for _, st := range got.Tasks {
			if st.Goroutine == 0 || st.Wait == "" || st.Stack == "" || st.At == "" {
				t.Errorf("of %s: goroutine %d, wait %q, at %q: the stack was not found",
					st.Task.Path, st.Goroutine, st.Wait, st.At)
			}
		}
		close(release)
	})
}

// Row 51.
func TestStragglersError_NamesDoAndDeferred(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		releaseDo, releaseCleanup := make(chan struct{}), make(chan struct{})
		s := p.open(t.Context(), scope.Name("server"))
		s.Defer("cleanup", ignore(releaseCleanup))
		var caller int64
		go func() {
			caller = goroutineID()
			_ = s.Do(context.Background(), "request", ignore(releaseDo))
		}()
		synctest.Wait()
		for _, want := range []struct {
			name, kind string
			release    chan struct{}
		}{{"request", "do", releaseDo}, {"cleanup", "defer", releaseCleanup}} {
			got := stragglersOf(t, s)
			if len(got.Tasks) != 1 || got.Tasks[0].Task.Name != want.name ||
				got.Tasks[0].Task.Kind != want.kind {
				t.Fatalf("stragglers = %v, want %q alone", got, want.name)
			}
			if g := got.Tasks[0].Goroutine; g == 0 || want.kind == "do" && g != caller {
				t.Errorf("goroutine of %s = %d, want %d", want.name, g, caller)
			}
			close(want.release)
			synctest.Wait()
		}
		if !isClosed(s.Done()) {
			t.Error("the scope has not ended")
		}
	})
}

// Row 51.
func TestStragglersError_OfADrain(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context())
		s.Go("works on", obey)
		synctest.Wait()
		var left *scope.StragglersError
		if err := s.Drain(doneContext()); !errors.As(err, &left) || len(left.Tasks) != 1 {
			t.Fatalf("Drain() = %v, want one straggler", err)
		}
		if info := left.Tasks[0].Task; info.State != "running" || info.Cause != nil {
			t.Errorf("state = %s, cause = %v, want running, nil", info.State, info.Cause)
		}
		_ = s.Shutdown(t.Context())
	})
}

func TestStragglersError_AtIsTheUsersLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		other := scope.Open(t.Context())
		stuck := other.Go("", ignore(release))
		fu := scope.Async(other, "", asyncOf(ignore(release)))
		ctx := context.Background()
		lines := make(chan string, 1)
		places := map[string]func(task context.Context){
			"nested Run": func(task context.Context) {
				lines <- lineBelow(1)
				_ = scope.Run(task, func(_ context.Context, s *scope.Scope) error {
					s.Go("inner", ignore(release))
					return nil
				})
			},
			"Task.Wait":   func(context.Context) { lines <- lineBelow(0); _ = stuck.Wait(ctx) },
			"Future.Wait": func(context.Context) { lines <- lineBelow(0); _, _ = fu.Wait(ctx) },
			"Scope.Wait":  func(context.Context) { lines <- lineBelow(0); _ = other.Wait(ctx) },
			"Sleep":       func(context.Context) { lines <- lineBelow(0); time.Sleep(time.Hour) },
			"WaitGroup": func(context.Context) {
				var wg sync.WaitGroup
				wg.Go(func() { <-release })
				lines <- lineBelow(1)
				wg.Wait()
			},
		}
		s := scope.Open(t.Context())
		want := map[string]string{}
		for name, place := range places {
			s.Go(name, func(ctx context.Context) error { place(ctx); return nil })
			want[name] = <-lines
		}
		for _, st := range stragglersOf(t, s).Tasks {
			if st.Task.Name != "inner" && st.At != want[st.Task.Name] {
				t.Errorf("%s: at = %s, want %s", st.Task.Name, st.At, want[st.Task.Name])
			}
		}
		close(release)
		<-s.Done()
		_ = other.Shutdown(ctx)
	})
}

// A task is found by its stack wherever it stands, not only in its function.
func TestStragglersError_FindsTheGoroutine(t *testing.T) {
	boom := errors.New("boom")
	type taskFunc = func(context.Context) error
	places := map[string]func(ctx context.Context, stuck taskFunc) error{
		"deferred call": func(ctx context.Context, stuck taskFunc) error {
			defer func() { _ = stuck(ctx) }()
			return nil
		},
		"panic": func(ctx context.Context, stuck taskFunc) error {
			defer func() { _ = stuck(ctx) }()
			panic("task")
		},
		"deep recursion": func(ctx context.Context, stuck taskFunc) error {
			return recurse(1000, func() error { return stuck(ctx) })
		},
		"handler of an error": func(context.Context, taskFunc) error { return boom },
		"handler of a panic":  func(context.Context, taskFunc) error { panic(boom) },
		"handler of a Goexit": func(context.Context, taskFunc) error {
			runtime.Goexit()
			return nil
		},
		"waits for its scopes": func(ctx context.Context, stuck taskFunc) error {
			scope.Open(ctx).Go("left behind", stuck)
			return nil
		},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				s := scope.OpenSupervised(t.Context(),
					scope.OnFailure(func(context.Context, *scope.Failure) { <-release }))
				var goroutine int64
				s.Go("task", func(ctx context.Context) error {
					goroutine = goroutineID()
					return place(ctx, ignore(release))
				})
				synctest.Wait()
				got := stragglersOf(t, s)
				if len(got.Tasks) == 0 || got.Tasks[0].Goroutine != goroutine {
					t.Errorf("stragglers = %+v, want the task on goroutine %d", got, goroutine)
				}
				close(release)
			})
		})
	}
}

// recurse calls f below depth frames.
func recurse(depth int, f func() error) error {
	if depth == 0 {
		return f()
	}
	return recurse(depth-1, f)
}

// A task that does not block at all is a straggler, too.
func TestStragglersError_OfABusyTask(t *testing.T) {
	s := scope.Open(context.Background())
	begun, release := make(chan struct{}), make(chan struct{})
	s.Go("busy", func(context.Context) error {
		close(begun)
		for !isClosed(release) {
		}
		return nil
	})
	<-begun
	got := stragglersOf(t, s)
	if len(got.Tasks) != 1 || !strings.HasPrefix(got.Tasks[0].Wait, "run") {
		t.Errorf("stragglers = %v, want one that is running or runnable", got)
	}
	close(release)
	<-s.Done()
}

func TestStragglersError_TextNamesTen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("server"))
		for i := range 13 {
			s.Go(fmt.Sprintf("conn-%d", i), ignore(release))
		}
		synctest.Wait()
		got := stragglersOf(t, s)
		text := got.Error()
		if len(got.Tasks) != 13 || !strings.Contains(text, "still running: 13:") ||
			strings.Count(text, `"server/conn-`) != 10 || !strings.HasSuffix(text, "; and 3 more") {
			t.Errorf("of %d tasks: %s, want ten named, and 3 more", len(got.Tasks), text)
		}
		if n := strings.Count(text, "\n"); n != 0 {
			t.Errorf("Error() has %d line breaks, want none", n)
		}
		close(release)
	})
}

func TestStragglersError_Format(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := scope.Open(t.Context())
		s.Go("a", ignore(release))
		s.Go("b", ignore(release))
		synctest.Wait()
		got := stragglersOf(t, s)
		text := got.Error()
		for format, want := range map[string]string{
			"%v": text, "%s": text, "%q": strconv.Quote(text),
		} {
			if s := fmt.Sprintf(format, got); s != want {
				t.Errorf("%s = %s, want %s", format, s, want)
			}
		}
		long := fmt.Sprintf("%+v", got)
		if !strings.HasPrefix(long, text+"\n\n") {
			t.Errorf("%%+v = %s, want the text first", long)
		}
		for _, st := range got.Tasks {
			if !strings.Contains(long, strings.TrimSpace(st.Stack)) {
				t.Errorf("%%+v lacks the stack of %s", st.Task.Path)
			}
		}
		close(release)
	})
}

// Row 52.
func TestGrace_ReportsStragglersOnce(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		reports := make(chan *scope.Failure, 10)
		observed := make(chan *scope.StragglersError, 10)
		s := p.open(t.Context(), scope.Grace(time.Minute),
			scope.OnFailure(func(_ context.Context, f *scope.Failure) { reports <- f }),
			scope.Observe(scope.Observer{Straggling: func(e *scope.StragglersError) {
				observed <- e
			}}))
		s.Go("stuck", ignore(release))
		s.Go("slow", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(59 * time.Second)
			return nil
		})
		time.Sleep(time.Hour)
		s.Cancel(nil)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if len(reports) != 0 {
			t.Errorf("report within the grace = %v, want none", <-reports)
		}
		time.Sleep(time.Hour)
		close(release)
		<-s.Done()
		if len(reports) != 1 || len(observed) != 1 {
			t.Fatalf("reports, observed = %d, %d, want 1, 1", len(reports), len(observed))
		}
		report := <-reports
		var left *scope.StragglersError
		if !errors.As(report, &left) || len(left.Tasks) != 1 || left.Tasks[0].Task.Name != "stuck" {
			t.Errorf("report = %v, want one that names the stuck task", report)
		}
	})
}

// Row 52.
func TestGrace_IsSilentIfAllEndInTime(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		err := live(func(_ context.Context, s *scope.Scope) {
			s.Go("slow", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(59 * time.Second)
				return nil
			})
			s.Cancel(nil)
		}, scope.Grace(time.Minute), scope.OnFailure(func(_ context.Context, f *scope.Failure) {
			t.Errorf("handler got %v, want no report", f)
		}))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		time.Sleep(time.Hour) // beyond the grace
		synctest.Wait()
	})
}

// Row 52.
func TestGrace_IsAboutTasks(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		_ = p.run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("", obey)
			s.Cancel(nil)
			time.Sleep(time.Hour) // a slow body, and no task
			return nil
		}, scope.Grace(time.Minute), scope.OnFailure(func(_ context.Context, f *scope.Failure) {
			t.Errorf("handler got %v, want no report", f)
		}))
	})
}

// A straggler that ends after the report leaves nothing: not the task, nor its
// scopes, nor a goroutine, which the bubble would find.
func TestScope_AStragglerEndsAfterTheReport(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context(), scope.Grace(time.Minute), scope.OnFailure(scope.Ignore))
		task := s.Go("stuck", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
				in.Go("below", ignore(release))
				return nil
			})
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown() = %v, want %v", err, context.DeadlineExceeded)
		}
		if n := len(stragglersOf(t, s).Tasks); n != 2 {
			t.Errorf("stragglers = %d, want 2", n)
		}
		close(release)
		synctest.Wait()
		if !isClosed(s.Done()) || !isClosed(task.Done()) {
			t.Error("the scope did not end with its last straggler")
		}
		if len(s.Tasks()) > 0 || len(task.Scopes()) > 0 || slices.Contains(scope.Roots(), s) {
			t.Errorf("left in the tree: tasks %v, scopes %v", s.Tasks(), task.Scopes())
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// TestStackFrames pins the format of the runtime's tracebacks, as far as the
// join of stacks and tasks rests on it: a frame of run, exit or inline prints its
// receiver, and that is live, without a question mark, wherever below it the
// goroutine is. If this fails with a new Go, see internal/traceback and ADR 10.
func TestStackFrames(t *testing.T) {
	frame := regexp.MustCompile(
		`(?m)^github\.com/supervisorscope/scope\.\(\*Task\)\.(run|exit|inline)\(([^,)]*)[,)]`)
	receiver := regexp.MustCompile(`^0x[0-9a-f]+$`)
	boom := errors.New("boom")
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := ignore(release)
		s := scope.OpenSupervised(t.Context(),
			scope.OnFailure(func(context.Context, *scope.Failure) { <-release }))
		for _, v := range spawnVerbs() {
			go func() { _ = v.spawn(s, stuck) }()
		}
		for _, end := range []func(){func() {}, func() { panic(boom) }, runtime.Goexit} {
			s.Go("in the handler", func(context.Context) error { end(); return boom })
		}
		s.Go("ends its scopes", func(ctx context.Context) error {
			scope.Open(ctx).Go("left behind", stuck)
			return nil
		})
		s.Go("body", func(ctx context.Context) error {
			return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
				return stuck(ctx)
			})
		})
		synctest.Wait()

		buf := make([]byte, 1<<20)
		frames := frame.FindAllStringSubmatch(string(buf[:runtime.Stack(buf, true)]), -1)
		found := map[string]int{}
		for _, f := range frames {
			found[f[1]]++
			if !receiver.MatchString(f[2]) {
				t.Errorf("frame = %s, want a live receiver as the first argument", f[0])
			}
		}
		// Of the verbs all but Do have a goroutine of their own.
		// Behind runtime.Goexit the frame of run is there as well as that of exit.
		want := map[string]int{"run": len(spawnVerbs()) - 1 + 2 + 1, "exit": 3 + 1, "inline": 2}
		if !maps.Equal(found, want) {
			t.Errorf("frames: %v, want %v", found, want)
		}
		close(release)
		_ = s.Shutdown(context.Background())
	})
}

// nestDeeply opens n scopes, each in a task of the one before, and calls bottom.
func nestDeeply(ctx context.Context, n int, bottom func()) error {
	if n == 0 {
		bottom()
		return ctx.Err()
	}
	return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("t", func(ctx context.Context) error { return nestDeeply(ctx, n-1, bottom) })
		return nil
	}, scope.Name("s"))
}

// A path has at most 64 names, so that a report grows with the depth and not
// with its square.
func TestStragglersError_PathsAreBounded(t *testing.T) {
	const depth = 500
	release, up := make(chan struct{}), make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	s.Go("down", func(ctx context.Context) error {
		return nestDeeply(ctx, depth, func() { close(up); <-release })
	})
	<-up
	var left *scope.StragglersError
	if err := s.Shutdown(doneContext()); !errors.As(err, &left) ||
		len(left.Tasks) != depth+1 {
		t.Fatalf("Shutdown() = %T, want %d stragglers", err, depth+1)
	}
	for _, straggler := range left.Tasks {
		path := straggler.Task.Path
		if n := strings.Count(path, "/"); n > 64 || n == 64 && !strings.HasPrefix(path, "…/") {
			t.Fatalf("a path of %d names: %s", n+1, path)
		}
	}
	close(release)
	_ = s.Shutdown(t.Context())
}
