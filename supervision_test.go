package scope_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A runner runs body in a scope and returns the scope's result.
type runner func(
	ctx context.Context, body func(context.Context, *scope.Scope) error, opts ...scope.Option,
) error

// A form is one of the ways to get a scope.
type form struct {
	name string
	run  runner
}

// longLived makes a runner of a long-lived scope: what stands for the body is
// followed by Drain.
func longLived(open func(context.Context, ...scope.Option) *scope.Scope) runner {
	return func(
		ctx context.Context, body func(context.Context, *scope.Scope) error, opts ...scope.Option,
	) error {
		s := open(ctx, opts...)
		if err := body(ctx, s); err != nil {
			s.Cancel(err)
		}
		return s.Drain(context.WithoutCancel(ctx))
	}
}

func supervisedForms() []form {
	return []form{
		{name: "Supervise", run: scope.Supervise},
		{name: "OpenSupervised", run: longLived(scope.OpenSupervised)},
	}
}

func failFastForms() []form {
	return []form{
		{name: "Run", run: scope.Run},
		{name: "Open", run: longLived(scope.Open)},
	}
}

func allForms() []form { return append(supervisedForms(), failFastForms()...) }

func lexicalForms() []form {
	return []form{
		{name: "Run", run: scope.Run},
		{name: "Supervise", run: scope.Supervise},
	}
}

// inBubbles runs test once per form, each time in a bubble of its own.
func inBubbles(t *testing.T, forms []form, test func(t *testing.T, run runner)) {
	t.Helper()
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, f.run) })
		})
	}
}

// A failureLog is a handler that keeps what it is given.
type failureLog struct {
	mu   sync.Mutex
	list []*scope.Failure
}

func (l *failureLog) handle(_ context.Context, f *scope.Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, f)
}

func (l *failureLog) all() []*scope.Failure {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.list
}

// only returns the one failure that was logged.
func (l *failureLog) only(t *testing.T) *scope.Failure {
	t.Helper()
	all := l.all()
	if len(all) != 1 {
		t.Fatalf("handler was given %d failures %v, want 1", len(all), all)
	}
	return all[0]
}

var errBoom = errors.New("boom")

func failing(context.Context) error { return errBoom }

// failsWhenCancelled is a task whose clean-up fails.
func failsWhenCancelled(ctx context.Context) error {
	<-ctx.Done()
	return errBoom
}

// untilCancelled is a task that does nothing until it is told to end.
func untilCancelled(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Rows 1, 2 and 3.
// Guarantee 4.
func TestScope_SupervisedFailureLeavesOthersAlone(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		var finished atomic.Int32
		err := run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			for range 9 {
				s.Go("sibling", func(ctx context.Context) error {
					time.Sleep(time.Hour)
					finished.Add(1)
					return ctx.Err()
				})
			}
			failed := s.Go("failing", failing)
			<-failed.Done()
			synctest.Wait()
			if got := s.Info().Counts.Live; got != 9 {
				t.Errorf("%d siblings live after the failure, want 9", got)
			}
			time.Sleep(time.Minute)
			if err := ctx.Err(); err != nil {
				t.Errorf("body's ctx.Err() = %v after a task's failure, want nil", err)
			}
			return ctx.Err()
		}, scope.OnFailure(log.handle))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		if n := finished.Load(); n != 9 {
			t.Errorf("%d siblings finished, want 9", n)
		}
		if f := log.only(t); !errors.Is(f, errBoom) {
			t.Errorf("handler was given %v, want %v", f, errBoom)
		}
	})
}

// Row 4.
// Guarantee 3.
func TestScope_SimultaneousFailuresAreEachReportedOnce(t *testing.T) {
	const tasks = 100
	rounds := 100
	if testing.Short() {
		rounds = 5
	}
	for _, f := range allForms() {
		t.Run(f.name, func(t *testing.T) {
			for range rounds {
				for i, n := range failTogether(t, f.run, tasks) {
					if n != 1 {
						t.Fatalf("failure %d was seen %d times, want once", i, n)
					}
				}
			}
		})
	}
}

// failTogether has n tasks fail at the same time. It returns how often each
// failure was seen, by the handler and in the result.
func failTogether(t *testing.T, run runner, n int) []int {
	t.Helper()
	var log failureLog
	err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		start := make(chan struct{})
		for i := range n {
			s.Go("", func(context.Context) error { <-start; return numbered(i) })
		}
		close(start)
		return nil
	}, scope.OnFailure(log.handle))
	seen := make([]int, n)
	if e, ok := errors.AsType[numbered](err); ok {
		seen[e]++
	}
	for _, f := range log.all() {
		if e, ok := errors.AsType[numbered](f); ok {
			seen[e]++
		}
	}
	return seen
}

// numbered is an error that can be told from its like.
type numbered int

func (n numbered) Error() string { return fmt.Sprintf("failure number %d", int(n)) }

// Row 5.
func TestTask_KeepsItsOwnOutcome(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var ok, failed, cancelled, panicked, exited *scope.Task
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			ok = s.Go("ok", func(context.Context) error { return nil })
			failed = s.Go("failed", failing)
			cancelled = s.Go("cancelled", untilCancelled)
			panicked = s.Go("panicked", func(context.Context) error { panic("aua") })
			exited = s.Go("exited", func(context.Context) error { runtime.Goexit(); return nil })
			cancelled.Cancel(nil)
			return nil
		}, scope.OnFailure(scope.Ignore))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		var p *scope.PanicError
		for _, c := range []struct {
			task  *scope.Task
			good  bool
			state string
		}{
			{task: ok, good: ok.Err() == nil, state: "ok"},
			{task: failed, good: errors.Is(failed.Err(), errBoom), state: "failed"},
			{
				task: cancelled, good: errors.Is(cancelled.Err(), scope.ErrCancelled),
				state: "cancelled",
			},
			{task: panicked, good: errors.As(panicked.Err(), &p), state: "panicked"},
			{task: exited, good: errors.Is(exited.Err(), scope.ErrGoexit), state: "failed"},
		} {
			if !c.good {
				t.Errorf("task %s: Err() = %v", c.task.Name(), c.task.Err())
			}
			if got := c.task.Info().State; got != c.state {
				t.Errorf("task %s: State = %q, want %q", c.task.Name(), got, c.state)
			}
		}
	})
}

// Row 6.
func TestScope_NothingToDoEndsAtOnce(t *testing.T) {
	inBubbles(t, allForms(), func(t *testing.T, run runner) {
		began := time.Now()
		err := run(t.Context(), func(context.Context, *scope.Scope) error { return nil })
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("it took %v, want no time", d)
		}
	})
}

// Row 7.
func TestRun_ReturnsTheBodysOwnError(t *testing.T) {
	inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("", func(context.Context) error { return nil })
			return errBoom
		})
		if err != errBoom {
			t.Errorf("result = %v, want body's error as it is", err)
		}
	})
}

// Rows 8 and 9.
func TestRun_ReturnsWhenBodyAndTasksAreOver(t *testing.T) {
	for _, c := range []struct {
		name             string
		body, task, want time.Duration
	}{
		{name: "body is last", body: 2 * time.Hour, task: time.Hour, want: 2 * time.Hour},
		{name: "task is last", body: time.Hour, task: 2 * time.Hour, want: 2 * time.Hour},
		{name: "same instant", body: time.Hour, task: time.Hour, want: time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
				began := time.Now()
				over := false
				err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("", func(context.Context) error {
						time.Sleep(c.task)
						over = true
						return nil
					})
					time.Sleep(c.body)
					return nil
				})
				if err != nil || !over {
					t.Errorf("result = %v with the task over: %t, want nil and true", err, over)
				}
				if d := time.Since(began); d != c.want {
					t.Errorf("returned after %v, want %v", d, c.want)
				}
			})
		})
	}
}

// Row 10.
func TestOpen_StaysOpenWithNoTaskLive(t *testing.T) {
	for _, open := range []func(context.Context, ...scope.Option) *scope.Scope{
		scope.Open, scope.OpenSupervised,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t.Context())
			ran := 0
			for range 3 {
				checkIdle(t, s)
				s.Go("", func(context.Context) error { ran++; return nil })
				time.Sleep(time.Hour)
			}
			checkIdle(t, s)
			if ran != 3 {
				t.Errorf("%d tasks ran, want 3", ran)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
		})
	}
}

// checkIdle finds out whether s is open and without a task.
func checkIdle(t *testing.T, s *scope.Scope) {
	t.Helper()
	if err := s.Wait(t.Context()); err != nil {
		t.Errorf("Wait() = %v, want nil", err)
	}
	if i := s.Info(); i.State != "open" || i.Counts.Live != 0 {
		t.Errorf("state %q with %d live, want open with 0", i.State, i.Counts.Live)
	}
}

// Row 11.
func TestScope_GoFromManyGoroutines(t *testing.T) {
	const spawners, each = 100, 100
	for _, f := range allForms() {
		t.Run(f.name, func(t *testing.T) {
			var ran atomic.Int32
			var counts scope.Counts
			err := f.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				goFromMany(s, spawners, each, func(context.Context) error {
					ran.Add(1)
					return nil
				})
				err := s.Wait(ctx)
				counts = s.Info().Counts
				return err
			})
			if n := ran.Load(); err != nil || n != spawners*each {
				t.Errorf("result = %v with %d tasks run, want nil with %d", err, n, spawners*each)
			}
			want := scope.Counts{Started: spawners * each, OK: spawners * each}
			if counts != want {
				t.Errorf("Counts = %+v, want %+v", counts, want)
			}
		})
	}
}

// goFromMany starts task many times, from many goroutines.
func goFromMany(s *scope.Scope, spawners, each int, task func(context.Context) error) {
	var wg sync.WaitGroup
	for range spawners {
		wg.Go(func() {
			for range each {
				s.Go("", task)
			}
		})
	}
	wg.Wait()
}

// Row 12.
func TestScope_FailFastEndsWithTheFirstFailure(t *testing.T) {
	inBubbles(t, failFastForms(), func(t *testing.T, run runner) {
		var cause error
		err := run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			if got := s.Info().Policy; got != "fail-fast" {
				t.Errorf("Policy = %q, want fail-fast", got)
			}
			s.Go("sibling", func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return ctx.Err()
			})
			s.Go("failing", failing)
			return nil
		}, scope.Name("srv"))
		checkFirstFailure(t, err, cause)
	})
	// Its body, which only the lexical form has, is cancelled as well.
	synctest.Test(t, func(t *testing.T) {
		err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			s.Go("failing", failing)
			<-ctx.Done()
			return ctx.Err()
		}, scope.Name("srv"))
		checkFirstFailure(t, err, err)
	})
}

func checkFirstFailure(t *testing.T, err, cause error) {
	t.Helper()
	var f *scope.Failure
	if !errors.As(err, &f) || f.Err != errBoom || f.Task.Path != "srv/failing" {
		t.Errorf("result = %v, want the failure of srv/failing", err)
	}
	if cause != err {
		t.Errorf("cause = %v, want the result, %v", cause, err)
	}
}

// Row 12. The failure that wins is the one that the others see as the cause;
// the one that loses goes to the handler.
func TestRun_FirstFailureIsCauseAndResult(t *testing.T) {
	rounds := 10_000
	if testing.Short() {
		rounds = 500
	}
	won := map[error]int{}
	for round := range rounds {
		var log failureLog
		var cause error
		start := make(chan struct{})
		err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			for i := range 2 {
				n := numbered((round + i) % 2) // so that each is the first now and then
				s.Go("", func(context.Context) error { <-start; return n })
			}
			s.Go("third", func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return numbered(2)
			})
			close(start)
			return nil
		}, scope.OnFailure(log.handle))
		f, ok := err.(*scope.Failure)
		if !ok || cause != err {
			t.Fatalf("result = %v with cause %v, want the same *Failure", err, cause)
		}
		won[f.Err]++
		if n := len(log.all()); n != 2 {
			t.Fatalf("handler was given %v, want the two that came later", log.all())
		}
	}
	if won[numbered(0)] == 0 || won[numbered(1)] == 0 || won[numbered(2)] > 0 {
		t.Errorf("wins = %v, want some for 0 and 1 and none for 2, which came later", won)
	}
}

// Row 13.
func TestScope_NestedFailFastIsOneFailureOfItsTask(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("request", func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("query", failing)
					s.Go("other", untilCancelled)
					return nil
				})
			})
			s.Go("sibling", func(ctx context.Context) error {
				time.Sleep(time.Hour)
				return ctx.Err()
			})
			return nil
		}, scope.OnFailure(log.handle), scope.Name("srv"))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		f := log.only(t)
		if f.Task.Path != "srv/request" || !errors.Is(f, errBoom) {
			t.Errorf("handler was given %v, want the failure of srv/request", f)
		}
		if !strings.Contains(f.Error(), "srv/request/query") {
			t.Errorf("text %q does not name the task it came from", f)
		}
	})
}

// A careless error has methods that cannot stand a nil receiver.
type careless struct{ err error }

func (e *careless) Error() string { return e.err.Error() }
func (e *careless) Unwrap() error { return e.err }

// A nil pointer in an error is an error: the function did not say that it went
// well.
func TestScope_TypedNilErrorIsAFailure(t *testing.T) {
	for name, err := range map[string]error{
		"user's":     (*careless)(nil),
		"Failure":    (*scope.Failure)(nil),
		"PanicError": (*scope.PanicError)(nil),
		"Stragglers": (*scope.StragglersError)(nil),
	} {
		t.Run(name, func(t *testing.T) {
			if _, parent := childStderr(t); parent {
				return
			}
			inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
				if n, result := failWith(t, run, err); result != nil || n != 4 {
					t.Errorf("result = %v after %d failures, want nil after 4", result, n)
				}
			})
			inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
				body := func(context.Context, *scope.Scope) error { return err }
				if got := run(t.Context(), body, scope.Contain()); got != err {
					t.Errorf("result is of type %T, want the body's %T", got, err)
				}
			})
		})
	}
}

// failWith has tasks fail with err in all ways. The handler panics with what it
// is given, so that it is printed, too.
func failWith(t *testing.T, run runner, err error) (failures int, result error) {
	t.Helper()
	var log failureLog
	result = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("returned", func(context.Context) error { return err })
		s.Go("late", func(ctx context.Context) error { <-ctx.Done(); return err })
		s.Go("panicked", func(context.Context) error { panic(err) })
		scope.Async(s, "future", func(context.Context) (int, error) { return 0, err })
		_, started := s.Start(ctx, "", func(context.Context, func()) error { return err })
		if started == nil {
			t.Error("Start() = nil, want an error")
		}
		synctest.Wait()
		s.Cancel(nil)
		return nil
	}, scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
		log.handle(ctx, f)
		panic(f)
	}))
	return len(log.all()), result
}

func TestScope_NilContextPanicsWithTheFix(t *testing.T) {
	var none context.Context
	s := scope.OpenSupervised(t.Context())
	task := s.Go("", untilCancelled)
	defer func() { _ = s.Shutdown(t.Context()) }()
	future := scope.Async(s, "", func(ctx context.Context) (int, error) {
		return 0, untilCancelled(ctx)
	})
	for name, call := range map[string]func(){
		"Run": func() {
			_ = scope.Run(none, func(context.Context, *scope.Scope) error { return nil })
		},
		"Supervise": func() {
			_ = scope.Supervise(none, func(context.Context, *scope.Scope) error { return nil })
		},
		"Open":           func() { scope.Open(none) },
		"OpenSupervised": func() { scope.OpenSupervised(none) },
		"From":           func() { scope.From(none) },
		"TaskFrom":       func() { scope.TaskFrom(none) },
		"Describe":       func() { scope.Describe(none, func() any { return nil }) },
		"Report":         func() { scope.Report(none, &scope.Failure{}) },
		"Wait":           func() { _ = s.Wait(none) },
		"Drain":          func() { _ = s.Drain(none) },
		"Shutdown":       func() { _ = s.Shutdown(none) },
		"Task.Wait":      func() { _ = task.Wait(none) },
		"Future.Wait":    func() { _, _ = future.Wait(none) },
		"Do":             func() { _ = s.Do(none, "", failing) },
		"Start": func() {
			_, _ = s.Start(none, "", func(context.Context, func()) error { return nil })
		},
	} {
		text, _ := panicOf(call).(string)
		if !strings.HasPrefix(text, "scope: nil context; pass ") {
			t.Errorf("%s panics with %q, want what to do about a nil context", name, text)
		}
	}
	if got := s.Info().State; got != "open" {
		t.Errorf("State = %q after calls that panicked, want open", got)
	}
}

// As the verbs that start tasks, those that wait and look say where a scope comes
// from.
func TestScope_ZeroHasNothingToTell(t *testing.T) {
	ctx := t.Context()
	for kind, s := range map[string]*scope.Scope{"nil": nil, "zero": new(scope.Scope)} {
		for method, call := range map[string]func(){
			"Done":     func() { s.Done() },
			"Drain":    func() { _ = s.Drain(ctx) },
			"Info":     func() { s.Info() },
			"Scopes":   func() { s.Scopes() },
			"Shutdown": func() { _ = s.Shutdown(ctx) },
			"Tasks":    func() { s.Tasks() },
			"Wait":     func() { _ = s.Wait(ctx) },
		} {
			text, _ := panicOf(call).(string)
			if !strings.HasPrefix(text, "scope: nil or zero Scope; get one from Run, ") {
				t.Errorf("%s of a %s Scope panics with %q", method, kind, text)
			}
		}
	}
}

func TestPanicError_LeadsToTheValue(t *testing.T) {
	for name, value := range map[string]any{
		"nil": nil, "error": errBoom, "to abort": http.ErrAbortHandler, "int": 42,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log failureLog
				_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("", func(context.Context) error { panic(value) })
					return nil
				}, scope.OnFailure(log.handle))
				f := log.only(t)
				p, ok := errors.AsType[*scope.PanicError](f)
				if !ok {
					t.Fatalf("handler was given %v, want a PanicError", f)
				}
				if _, isNil := p.Value.(*runtime.PanicNilError); p.Value != value && !isNil {
					t.Errorf("Value = %v, want %v", p.Value, value)
				}
				if err, ok := p.Value.(error); ok && !errors.Is(f, err) {
					t.Errorf("errors.Is does not find %v", err)
				}
			})
		})
	}
}

// The panic of a body that is a task's goes through each scope on its way; the
// stack is that of where it began.
func TestPanicError_RepeatedPanicKeepsTheFirstStack(t *testing.T) {
	for name, task := range map[string]func(context.Context) error{
		"through bodies": func(ctx context.Context) error {
			return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
				return scope.Supervise(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return panicsDeeply(ctx)
				})
			})
		},
		"as an error": func(ctx context.Context) error {
			err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("", panicsDeeply)
				return nil
			})
			panic(fmt.Errorf("once more: %w", err))
		},
		"through Do": func(ctx context.Context) error {
			return scope.From(ctx).Do(ctx, "", panicsDeeply)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log failureLog
				_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("", task)
					return nil
				}, scope.OnFailure(log.handle))
				const first = "github.com/supervisorscope/scope_test.panicsDeeply("
				p, ok := errors.AsType[*scope.PanicError](log.only(t))
				if !ok || !strings.HasPrefix(p.Stack(), first) {
					t.Errorf("%+v\nhas not the stack of the first panic", p)
				}
			})
		})
	}
}
