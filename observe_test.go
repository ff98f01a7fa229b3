package scope_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// An observeLog is an Observer that writes down what it is told.
type observeLog struct {
	mu     sync.Mutex
	events []string
}

func (l *observeLog) add(event, name, state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, strings.TrimSpace(fmt.Sprintf("%s <%s> %s", event, name, state)))
}

func (l *observeLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// about returns the events of one task or scope, in order.
func (l *observeLog) about(name string) []string {
	return slices.DeleteFunc(l.all(), func(event string) bool {
		return !strings.Contains(event, "<"+name+">")
	})
}

func (l *observeLog) option() scope.Option {
	return scope.Observe(scope.Observer{
		TaskStarted:    func(i scope.TaskInfo) { l.add("started", i.Name, "") },
		TaskEnded:      func(i scope.TaskInfo) { l.add("ended", i.Name, i.State) },
		ScopeOpened:    func(i scope.ScopeInfo) { l.add("opened", i.Name, "") },
		ScopeCancelled: func(i scope.ScopeInfo) { l.add("cancelled", i.Name, "") },
		ScopeEnded:     func(i scope.ScopeInfo) { l.add("closed", i.Name, "") },
		Straggling: func(e *scope.StragglersError) {
			l.add("straggling", e.Scope, fmt.Sprint(len(e.Tasks)))
		},
	})
}

// Row 155: what an observer holds up is the end, too.
func TestObserver_IsToldOfTheCancellationBeforeTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		ctx, cancel := context.WithCancel(t.Context())
		_ = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
			done := ctx.Done() // first, so that it is not the body that finds out
			cancel()
			<-done
			return nil
		}, scope.Observe(scope.Observer{
			ScopeCancelled: func(scope.ScopeInfo) {
				time.Sleep(time.Hour)
				book.note("cancelled")
			},
			ScopeEnded: func(scope.ScopeInfo) { book.note("ended") },
		}))
		if got, want := book.String(), "cancelled ended"; got != want {
			t.Errorf("told of %q when Run has returned, want %q", got, want)
		}
	})
}

// Row 155: each task has one start and one end, with the state it ended in.
func TestObserver_IsToldOfEachTaskOnce(t *testing.T) {
	boom := errors.New("boom")
	var log observeLog
	ctx := context.Background()
	s := scope.OpenSupervised(ctx, log.option(), scope.OnFailure(scope.Ignore))
	s.Defer("defer", func(context.Context) error { return boom })
	s.Go("ok", func(context.Context) error { return nil })
	s.Go("failed", func(context.Context) error { return boom })
	s.Go("panicked", func(context.Context) error { panic(boom) })
	s.Go("goexit", func(context.Context) error {
		runtime.Goexit()
		return nil
	})
	s.Go("cancelled", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}).Cancel(nil)
	scope.Async(s, "async", func(context.Context) (int, error) { return 1, nil })
	_ = s.Do(ctx, "do", func(context.Context) error { return boom })
	_, _ = s.Start(ctx, "start", func(context.Context, func()) error { return nil })
	s.Daemon("daemon", func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err := s.Drain(ctx); err != nil {
		t.Fatalf("Drain() = %v, want nil", err)
	}
	s.Go("refused", func(context.Context) error { return nil })
	ends := map[string]string{
		"ok": "ok", "failed": "failed", "panicked": "panicked", "goexit": "failed",
		"cancelled": "cancelled", "async": "ok", "do": "failed", "start": "failed",
		"daemon": "cancelled", "defer": "failed",
	}
	for name, state := range ends {
		want := []string{"started <" + name + ">", "ended <" + name + "> " + state}
		if got := log.about(name); !slices.Equal(got, want) {
			t.Errorf("events of %s = %q, want %q", name, got, want)
		}
	}
	if got := log.about("refused"); len(got) > 0 {
		t.Errorf("events of a refused task = %q, want none", got)
	}
}

// Row 155: each scope is opened, cancelled at most once, and ended, in this
// order, in whatever state it is opened.
func TestObserver_IsToldOfEachScopeOnce(t *testing.T) {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	body := func(context.Context, *scope.Scope) error { return nil }
	failing := func(context.Context, *scope.Scope) error { return errors.New("boom") }
	whole := []string{"opened <s>", "closed <s>"}
	cancelled := []string{"opened <s>", "cancelled <s>", "closed <s>"}
	cases := []struct {
		name string
		run  func(opts ...scope.Option)
		want []string
	}{
		{"ends", func(opts ...scope.Option) {
			_ = scope.Run(context.Background(), body, opts...)
		}, whole},
		{"body fails", func(opts ...scope.Option) {
			_ = scope.Supervise(context.Background(), failing, opts...)
		}, cancelled},
		{"parent is done", func(opts ...scope.Option) {
			_ = scope.Run(done, body, opts...)
		}, cancelled},
		{"parent is done, long-lived", func(opts ...scope.Option) {
			<-scope.Open(done, opts...).Done()
		}, cancelled},
		{"cancelled many times", func(opts ...scope.Option) {
			s := scope.Open(context.Background(), opts...)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { s.Cancel(nil) })
			}
			wg.Wait()
			<-s.Done()
		}, cancelled},
		{"drained", func(opts ...scope.Option) {
			_ = scope.OpenSupervised(context.Background(), opts...).Drain(context.Background())
		}, whole},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var log observeLog
			c.run(log.option(), scope.Name("s"))
			if got := log.all(); !slices.Equal(got, c.want) {
				t.Errorf("events = %q, want %q", got, c.want)
			}
		})
	}
}

// Rows 20 and 155: the handler comes before the event, and the event before the
// task counts as ended; the start before the task's function.
func TestObserver_OrderWithTheTask(t *testing.T) {
	var log observeLog
	s := scope.OpenSupervised(context.Background(), log.option(),
		scope.OnFailure(func(_ context.Context, f *scope.Failure) {
			log.add("handled", f.Task.Name, "")
		}))
	task := s.Go("x", func(context.Context) error {
		log.add("runs", "x", "")
		return errors.New("boom")
	})
	<-task.Done()
	log.add("done", "x", "")
	_ = s.Shutdown(context.Background())
	want := []string{"started <x>", "runs <x>", "handled <x>", "ended <x> failed", "done <x>"}
	if got := log.about("x"); !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
}

// Nested scopes inherit the observer, until one has its own.
func TestObserver_IsInherited(t *testing.T) {
	var outer, inner observeLog
	body := func(_ context.Context, s *scope.Scope) error {
		s.Go(s.Info().Name+"-task", func(ctx context.Context) error { return ctx.Err() })
		return nil
	}
	err := scope.Run(context.Background(), func(ctx context.Context, _ *scope.Scope) error {
		err1 := scope.Run(ctx, body, scope.Name("a"))
		err2 := scope.Run(ctx, body, scope.Name("b"), inner.option())
		return errors.Join(err1, err2)
	}, outer.option(), scope.Name("outer"))
	if err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
	want := []string{
		"opened <outer>", "opened <a>", "started <a-task>", "ended <a-task> ok", "closed <a>",
		"closed <outer>",
	}
	if got := outer.all(); !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
	want = []string{"opened <b>", "started <b-task>", "ended <b-task> ok", "closed <b>"}
	if got := inner.all(); !slices.Equal(got, want) {
		t.Errorf("events of the inner observer = %q, want %q", got, want)
	}
}

// Row 52: stragglers are an event.
func TestObserver_IsToldOfStragglers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log observeLog
		s := scope.OpenSupervised(context.Background(), log.option(), scope.Name("s"),
			scope.Grace(time.Second), scope.OnFailure(scope.Ignore))
		s.Go("slow", func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		})
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		want := []string{"opened <s>", "cancelled <s>", "straggling <s> 1", "closed <s>"}
		if got := log.about("s"); !slices.Equal(got, want) {
			t.Errorf("events = %q, want %q", got, want)
		}
	})
}

// An observer that panics, or calls runtime.Goexit, as t.FailNow does, is
// reported and not called again; scope and tasks go on to their end.
func TestObserver_FaultsAreContained(t *testing.T) {
	faults := []struct {
		name string
		call func()
		text string // in the report
	}{
		{"panic", func() { panic("aua") }, "panic: aua"},
		{"Goexit", runtime.Goexit, scope.ErrGoexit.Error()},
	}
	events := map[string]int{ // calls up to the fault, its own included
		"ScopeOpened": 1, "TaskStarted": 2, "TaskEnded": 3,
		"ScopeCancelled": 5, "Straggling": 6, "ScopeEnded": 8,
	}
	for event, want := range events {
		for _, fault := range faults {
			t.Run(event+"/"+fault.name, func(t *testing.T) {
				o, calls := observeFault(event, fault.call)
				text, ran := observeScene(t, o)
				if *calls != want || ran != 2 {
					t.Errorf("%d calls, %d tasks ran, want %d and 2", *calls, ran, want)
				}
				if strings.Count(text, fault.text) != 1 {
					t.Errorf("standard error = %s\nwant one report of the %s", text, fault.name)
				}
			})
		}
	}
}

// observeFault returns an observer that counts its calls and in one of its
// functions calls fault.
func observeFault(event string, fault func()) (o scope.Observer, calls *int) {
	calls = new(int)
	var mu sync.Mutex
	call := func(name string) {
		mu.Lock()
		*calls++
		mu.Unlock()
		if name == event {
			fault()
		}
	}
	return scope.Observer{
		TaskStarted:    func(scope.TaskInfo) { call("TaskStarted") },
		TaskEnded:      func(scope.TaskInfo) { call("TaskEnded") },
		ScopeOpened:    func(scope.ScopeInfo) { call("ScopeOpened") },
		ScopeCancelled: func(scope.ScopeInfo) { call("ScopeCancelled") },
		ScopeEnded:     func(scope.ScopeInfo) { call("ScopeEnded") },
		Straggling:     func(*scope.StragglersError) { call("Straggling") },
	}, calls
}

// observeScene plays the life of a scope with one task that ends at once and
// one that ends late, and checks that it comes to its end. It returns what was
// written to standard error, and how many tasks ran.
func observeScene(t *testing.T, o scope.Observer) (stderr string, ran int) {
	t.Helper()
	scene := func(ctx context.Context, s *scope.Scope) error {
		s.Go("quick", func(ctx context.Context) error {
			ran++
			return ctx.Err()
		})
		synctest.Wait()
		s.Go("slow", func(context.Context) error {
			ran++
			time.Sleep(time.Minute)
			return nil
		})
		s.Cancel(nil)
		return ctx.Err()
	}
	play := func(t *testing.T) {
		t.Helper()
		over := make(chan struct{})
		go func() { // which Goexit may end
			defer close(over)
			_ = scope.Supervise(context.Background(), scene, scope.Name("observed"),
				scope.Observe(o), scope.Grace(time.Second), scope.OnFailure(scope.Ignore))
		}()
		select {
		case <-over:
		case <-time.After(time.Hour):
		}
		for _, s := range scope.Roots() {
			if info := s.Info(); info.Name == "observed" {
				t.Errorf("the scope has not ended: %+v", info)
			}
		}
	}
	stderr = observeStderr(t, func() { synctest.Test(t, play) })
	return stderr, ran
}

// observeStderr returns what f writes to standard error.
func observeStderr(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	defer func() { os.Stderr = stderr }()
	os.Stderr = w
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		text <- string(b)
	}()
	f()
	_ = w.Close()
	return <-text
}

// Row 155: who cancels may be within what the scope waits for then.
func TestObserver_OfACancellationFromBelow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			scope.Open(ctx).Go("", func(context.Context) error { s.Cancel(nil); return nil })
			synctest.Wait() // until the observer is told, who holds up the end
			return nil
		}, scope.Observe(scope.Observer{
			ScopeCancelled: func(scope.ScopeInfo) { time.Sleep(time.Hour) },
		}))
	})
}

// Row 155: a scope that is cancelled while the observer is told that it was opened has
// that told, and its end, afterwards.
func TestObserver_IsToldOfTheOpeningFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var book logbook
		outer := scope.OpenSupervised(t.Context())
		outer.Go("", func(ctx context.Context) error {
			<-scope.Open(ctx, scope.Observe(scope.Observer{
				ScopeOpened: func(scope.ScopeInfo) {
					time.Sleep(time.Hour)
					book.note("opened")
				},
				ScopeCancelled: func(scope.ScopeInfo) { book.note("cancelled") },
				ScopeEnded:     func(scope.ScopeInfo) { book.note("ended") },
			})).Done()
			return nil
		})
		synctest.Wait()
		if err := outer.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if got, want := book.String(), "opened cancelled ended"; got != want {
			t.Errorf("told of %q, want %q", got, want)
		}
	})
}
