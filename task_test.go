package scope_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/supervisorscope/scope"
)

var errDisk = errors.New("disk full")

// obedient is a task that lives until it is cancelled.
func obedient(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// An inbox is a Handler that keeps what it gets.
type inbox struct {
	mu  sync.Mutex
	got []*scope.Failure
}

func (in *inbox) handle(_ context.Context, f *scope.Failure) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.got = append(in.got, f)
}

func (in *inbox) failures() []*scope.Failure {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.got
}

// runs reports whether the task has not ended.
func runs(task *scope.Task) bool { return errors.Is(task.Err(), scope.ErrRunning) }

// A lexical is one of the calls that make a scope for as long as they last.
type lexical func(
	ctx context.Context, body func(context.Context, *scope.Scope) error, opts ...scope.Option,
) error

func lexicals() []lexical { return []lexical{scope.Run, scope.Supervise} }

// An opener is one of the calls that make a long-lived scope.
type opener func(ctx context.Context, opts ...scope.Option) *scope.Scope

func openers() []opener { return []opener{scope.Open, scope.OpenSupervised} }

// A trial is a test with an open scope, of one form and policy.
type trial struct {
	*testing.T

	ctx context.Context // of the body, or of the owner if there is no body
	s   *scope.Scope
	in  *inbox // what the handler got
}

// inAnyScope calls f once per form and policy, each time in a bubble. The scope
// is cancelled and joined when f returns.
func inAnyScope(t *testing.T, f func(t *trial), opts ...scope.Option) {
	t.Helper()
	for i, run := range lexicals() {
		t.Run([]string{"Run", "Supervise"}[i], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var in inbox
				_ = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					f(&trial{T: t, ctx: ctx, s: s, in: &in})
					s.Cancel(nil)
					return nil
				}, append(slices.Clone(opts), scope.OnFailure(in.handle))...)
			})
		})
	}
	for i, open := range openers() {
		t.Run([]string{"Open", "OpenSupervised"}[i], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var in inbox
				s := open(t.Context(), append(slices.Clone(opts), scope.OnFailure(in.handle))...)
				f(&trial{T: t, ctx: t.Context(), s: s, in: &in})
				_ = s.Shutdown(t.Context())
			})
		})
	}
}

// failure returns the one failure that is known: in a supervised scope to the
// handler, in a fail-fast one as the result.
func (t *trial) failure() *scope.Failure {
	t.Helper()
	got := t.in.failures()
	if t.s.Info().Policy == "supervised" {
		if len(got) != 1 {
			t.Fatalf("handler got %d failures, want 1", len(got))
		}
		return got[0]
	}
	var f *scope.Failure
	if err := t.s.Wait(context.Background()); !errors.As(err, &f) {
		t.Fatalf("Wait() = %v, want a *Failure", err)
	}
	if len(got) > 0 {
		t.Errorf("handler got %d failures beside the result, want none", len(got))
	}
	return f
}

// A taskEnd is one of the ways in which a task can end.
type taskEnd struct {
	name   string
	f      func(context.Context) error
	cancel bool  // the task is cancelled with errDisk
	is     error // what Err Is; nil for none
	failed bool  // Err is a *Failure
	state  string
}

func taskEnds() []taskEnd {
	return []taskEnd{
		{name: "ok", state: "ok", f: func(context.Context) error { return nil }},
		{name: "error", state: "failed", is: errDisk, failed: true,
			f: func(context.Context) error { return errDisk }},
		{name: "panic", state: "panicked", is: errDisk, failed: true,
			f: func(context.Context) error { panic(errDisk) }},
		{name: "Goexit", state: "failed", is: scope.ErrGoexit, failed: true,
			f: func(context.Context) error { runtime.Goexit(); return nil }},
		{name: "cancelled", state: "cancelled", is: scope.ErrCancelled, cancel: true, f: obedient},
	}
}

// check compares err, from a handle, with what e promises.
func (e taskEnd) check(tb testing.TB, call string, err error) {
	tb.Helper()
	if e.is == nil && err != nil || !errors.Is(err, e.is) {
		tb.Errorf("%s = %v, want one that Is %v", call, err, e.is)
	}
	var f *scope.Failure
	if errors.As(err, &f) != e.failed {
		tb.Errorf("%s = %#v; a *Failure: %v, want %v", call, err, !e.failed, e.failed)
	}
	if errors.Is(err, scope.ErrCancelled) != e.cancel {
		tb.Errorf("%s = %v; Is ErrCancelled: %v, want %v", call, err, !e.cancel, e.cancel)
	}
}

// Row 91.
func TestTask_CancelReachesThatTaskAlone(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		ctx, s, in := t.ctx, t.s, t.in
		sibling := s.Go("sibling", obedient)
		for _, victim := range []*scope.Task{
			s.Go("task", obedient),
			s.Daemon("daemon", obedient),
			startReady(t, s, obedient),
		} {
			victim.Cancel(nil)
			<-victim.Done()
			if got := victim.Info().State; got != "cancelled" {
				t.Errorf("state of cancelled %s = %q", victim.Name(), got)
			}
		}
		synctest.Wait()
		if err := sibling.Err(); !errors.Is(err, scope.ErrRunning) {
			t.Errorf("Err() of the sibling = %v, want ErrRunning", err)
		}
		if ctx.Err() != nil || s.Info().State != "open" {
			t.Errorf("context of the body: %v, scope %s; want both live", ctx.Err(), s.Info().State)
		}
		if got := in.failures(); len(got) > 0 {
			t.Errorf("handler got %v, want nothing", got)
		}
	})
}

// startReady starts f by Start.
func startReady(
	tb testing.TB, s *scope.Scope, f func(context.Context) error,
) *scope.Task {
	tb.Helper()
	task, err := s.Start(tb.Context(), "start",
		func(ctx context.Context, ready func()) error { ready(); return f(ctx) })
	if err != nil {
		tb.Fatalf("Start() = %v", err)
	}
	return task
}

// Row 91.
func TestTask_CancelGivesTheCause(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		for cause, want := range map[error]error{nil: context.Canceled, errDisk: errDisk} {
			s.Go("victim", func(ctx context.Context) error {
				scope.TaskFrom(ctx).Cancel(cause)
				if ctx.Err() != context.Canceled {
					t.Errorf("Cancel(%v): Err() = %v at once, want Canceled", cause, ctx.Err())
				}
				scope.TaskFrom(ctx).Cancel(errors.New("second"))
				if got := context.Cause(ctx); !errors.Is(got, want) {
					t.Errorf("Cancel(%v): Cause() = %v, want %v", cause, got, want)
				}
				return nil
			})
		}
		_ = s.Wait(t.Context())
	})
}

// Row 92.
func TestTask_CancelAfterTheEndChangesNothing(t *testing.T) {
	for _, end := range taskEnds() {
		synctest.Test(t, func(t *testing.T) {
			var in inbox
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
			task := s.Go(end.name, end.f)
			if end.cancel {
				task.Cancel(errDisk)
			}
			<-task.Done()
			reported := len(in.failures())
			task.Cancel(errors.New("too late"))
			synctest.Wait()
			end.check(t, end.name+": Err()", task.Err())
			if got := task.Info().State; got != end.state {
				t.Errorf("%s: state = %q, want %q", end.name, got, end.state)
			}
			if got := len(in.failures()); got != reported {
				t.Errorf("%s: Cancel made %d reports into %d", end.name, reported, got)
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
		})
	}
}

// Row 93.
func TestTask_WaitDoesNotReturnTheTasksFailure(t *testing.T) {
	for _, end := range taskEnds() {
		inAnyScope(t, func(t *trial) {
			s := t.s
			task := s.Go(end.name, end.f)
			if end.cancel {
				task.Cancel(errDisk)
			}
			for range 2 {
				if err := task.Wait(context.Background()); err != nil {
					t.Errorf("%s: Wait() = %v, want nil", end.name, err)
				}
			}
			end.check(t, end.name+": Err()", task.Err())
		})
	}
}

// Row 93.
func TestTask_WaitGivesUpWithItsContext(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		task := s.Go("task", obedient)
		future := scope.Async(s, "future", func(ctx context.Context) (int, error) {
			return 0, obedient(ctx)
		})
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errDisk)
		defer cancel()
		if err := task.Wait(ctx); !errors.Is(err, errDisk) {
			t.Errorf("Wait() = %v, want the cause %v", err, errDisk)
		}
		if _, err := future.Wait(ctx); !errors.Is(err, errDisk) {
			t.Errorf("Future.Wait() = %v, want the cause %v", err, errDisk)
		}
		synctest.Wait()
		if err := errors.Join(task.Err(), future.Err()); task.Info().State != "running" ||
			future.Info().State != "running" {
			t.Errorf("tasks ended with the waiter's context: %v", err)
		}
	})
}

// Rows 94, 96 and 114.
func TestFuture_TellsTheEndsApart(t *testing.T) {
	for _, end := range taskEnds() {
		inAnyScope(t, func(t *trial) {
			future := scope.Async(t.s, end.name, func(ctx context.Context) (string, error) {
				return "value", end.f(ctx)
			})
			if end.cancel {
				future.Cancel(errDisk)
			}
			want := "value"
			if end.is != nil {
				want = "" // also if f returned a value beside its error
			}
			check := func(call, got string, err error) {
				t.Helper()
				end.check(t, call, err)
				if got != want {
					t.Errorf("%s of %s = %q, want %q", call, end.name, got, want)
				}
			}
			got, err := future.Wait(context.Background())
			check("Wait()", got, err)
			got, err = future.Wait(t.Context())
			check("second Wait()", got, err)
			got, err = future.Result()
			check("Result()", got, err)
			if got := future.Info().State; got != end.state {
				t.Errorf("%s: state = %q, want %q", end.name, got, end.state)
			}
		})
	}
}

// Rows 94 and 96. A refusal is known at once, by each of the calls.
func TestFuture_RefusedIsDoneAtOnce(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		s.Cancel(errDisk)
		future := scope.Async(s, "late", func(context.Context) (*int, error) {
			t.Error("a refused function was called")
			return new(int), nil
		})
		<-future.Done()
		for range 2 {
			got, err := future.Wait(context.Background())
			if got != nil || !errors.Is(err, scope.ErrClosed) || !errors.Is(err, errDisk) {
				t.Errorf("Wait() = %v, %v, want nil and ErrClosed because of %v", got, err, errDisk)
			}
		}
		if err := future.Err(); !errors.Is(err, scope.ErrClosed) {
			t.Errorf("Err() = %v, want ErrClosed", err)
		}
	})
}

// Row 94.
func TestTask_ErrOfCancelledIsTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context())
		alone, both := s.Go("alone", obedient), s.Go("both", obedient)
		alone.Cancel(errDisk)
		<-alone.Done()
		cause := errors.New("maintenance")
		s.Cancel(cause)
		<-both.Done()
		for task, want := range map[*scope.Task]error{alone: errDisk, both: cause} {
			err := task.Err()
			if !errors.Is(err, scope.ErrCancelled) || !errors.Is(err, want) {
				t.Errorf("Err() = %v, want one that Is ErrCancelled and Is the cause %v", err, want)
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Err() = %v, want one that Is what the task returned", err)
			}
			if got := task.Info().Err; got == nil || got.Error() != err.Error() {
				t.Errorf("Info().Err = %v, want that of Err(), %v", got, err)
			}
		}
		_ = s.Wait(t.Context())
	})
}

// Row 95.
func TestFuture_ResultDoesNotBlock(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		future := scope.Async(s, "", func(ctx context.Context) (int, error) {
			return 42, obedient(ctx)
		})
		for range 2 { // before and while it runs
			if got, err := future.Result(); got != 0 || !errors.Is(err, scope.ErrRunning) {
				t.Errorf("Result() = %d, %v, want 0 and ErrRunning", got, err)
			}
			if err := future.Err(); !errors.Is(err, scope.ErrRunning) {
				t.Errorf("Err() = %v, want ErrRunning", err)
			}
			synctest.Wait()
		}
	})
}

// Row 97.
func TestTask_WakesAllWaiters(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		release := make(chan struct{})
		task := s.Go("", func(context.Context) error { <-release; return nil })
		future := scope.Async(s, "", func(context.Context) (int, error) {
			<-release
			return 42, nil
		})
		var woken atomic.Int32
		for range 333 {
			go func() {
				if task.Wait(context.Background()) == nil {
					woken.Add(1)
				}
			}()
			go func() {
				<-task.Done()
				woken.Add(1)
			}()
			go func() {
				if got, err := future.Wait(context.Background()); got == 42 && err == nil {
					woken.Add(1)
				}
			}()
		}
		synctest.Wait()
		close(release)
		synctest.Wait()
		if got := woken.Load(); got != 999 {
			t.Errorf("%d of 999 waiters were woken with the result", got)
		}
	})
}

// Row 98.
func TestFuture_ResultOutlivesTheScope(t *testing.T) {
	var kept *scope.Future[string]
	var failed *scope.Task
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		kept = scope.Async(s, "", func(context.Context) (string, error) { return "value", nil })
		failed = s.Go("", func(context.Context) error { return errDisk })
		return nil
	}, scope.OnFailure(scope.Ignore))
	if err != nil {
		t.Fatalf("Supervise() = %v", err)
	}
	if got, err := kept.Wait(t.Context()); got != "value" || err != nil {
		t.Errorf("Wait() after the scope = %q, %v", got, err)
	}
	if err := failed.Err(); !errors.Is(err, errDisk) {
		t.Errorf("Err() after the scope = %v, want %v", err, errDisk)
	}
}

// Row 98.
func TestScope_KeepsNoEndedTask(t *testing.T) {
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	for _, end := range taskEnds() {
		task, value := endedFuture(t, s, end)
		if !collected(task) || !collected(value) {
			t.Errorf("%s: the open scope keeps the handle or the value", end.name)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// endedFuture runs a future to its end and returns what should be garbage.
func endedFuture(
	t *testing.T, s *scope.Scope, end taskEnd,
) (weak.Pointer[scope.Future[*[64]byte]], weak.Pointer[[64]byte]) {
	t.Helper()
	value := new([64]byte)
	weakValue := weak.Make(value)
	future := scope.Async(s, end.name, func(ctx context.Context) (*[64]byte, error) {
		return value, end.f(ctx)
	})
	if end.cancel {
		future.Cancel(nil)
	}
	_, err := future.Wait(t.Context())
	end.check(t, end.name+": Wait()", err)
	return weak.Make(future), weakValue
}

// collected reports whether the collector takes what w points to. The task's
// goroutine may hold it for a moment after the end, so it is asked repeatedly.
func collected[T any](w weak.Pointer[T]) bool {
	for range 100 {
		runtime.GC()
		if w.Value() == nil {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// Row 99.
func TestTask_WaitingForItselfIsAnError(t *testing.T) {
	contexts := map[string]func(context.Context) context.Context{
		"own":   func(ctx context.Context) context.Context { return ctx },
		"value": func(ctx context.Context) context.Context { return context.WithValue(ctx, t, 1) },
		"cancel": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(ctx)
			context.AfterFunc(ctx, cancel)
			return ctx
		},
		"without cancel": context.WithoutCancel,
	}
	for name, derive := range contexts {
		inAnyScope(t, func(t *trial) {
			s := t.s
			var self *scope.Future[int]
			given := make(chan struct{})
			self = scope.Async(s, "self", func(ctx context.Context) (int, error) {
				<-given
				err := scope.TaskFrom(ctx).Wait(derive(ctx))
				if !errors.Is(err, scope.ErrSelfWait) {
					t.Errorf("%s: Task.Wait() = %v, want ErrSelfWait", name, err)
				}
				if _, err := self.Wait(derive(ctx)); !errors.Is(err, scope.ErrSelfWait) {
					t.Errorf("%s: Future.Wait() = %v, want ErrSelfWait", name, err)
				}
				return 42, nil
			})
			close(given)
			if got, err := self.Wait(t.Context()); got != 42 || err != nil {
				t.Errorf("%s: Wait() of another = %d, %v", name, got, err)
			}
		})
	}
}

// Row 99. A task also waits for what runs in scopes opened with its context,
// and for its handler.
func TestTask_WaitingFromBelowIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outer *scope.Task
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(
			func(ctx context.Context, f *scope.Failure) {
				if err := scope.TaskFrom(ctx).Wait(ctx); !errors.Is(err, scope.ErrSelfWait) {
					t.Errorf("Wait() in the handler = %v, want ErrSelfWait", err)
				}
			}))
		given := make(chan struct{})
		outer = s.Go("outer", func(ctx context.Context) error {
			<-given
			return scope.Run(ctx, func(ctx context.Context, inner *scope.Scope) error {
				if err := outer.Wait(ctx); !errors.Is(err, scope.ErrSelfWait) {
					t.Errorf("Wait() in an inner body = %v, want ErrSelfWait", err)
				}
				inner.Go("inner", func(ctx context.Context) error {
					if err := outer.Wait(ctx); !errors.Is(err, scope.ErrSelfWait) {
						t.Errorf("Wait() in an inner task = %v, want ErrSelfWait", err)
					}
					return errDisk
				})
				return nil
			})
		})
		close(given)
		if err := s.Drain(t.Context()); err != nil {
			t.Errorf("Drain() = %v, want nil", err)
		}
	})
}

// Rows 83 and 99: a call of Do in another scope does not hide who waits for it.
func TestTask_WaitingFromADoElsewhereIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := scope.OpenSupervised(t.Context())
		s := scope.OpenSupervised(t.Context())
		var outer *scope.Task
		check := func(who string, ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if err := outer.Wait(ctx); !errors.Is(err, scope.ErrSelfWait) {
				t.Errorf("Wait() for the task in %s = %v, want ErrSelfWait", who, err)
			}
			if err := s.Wait(ctx); !errors.Is(err, scope.ErrSelfWait) {
				t.Errorf("Wait() for the scope in %s = %v, want ErrSelfWait", who, err)
			}
		}
		given := make(chan struct{})
		outer = s.Go("outer", func(ctx context.Context) error {
			<-given
			return other.Do(ctx, "", func(ctx context.Context) error {
				check("Do", ctx)
				return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
					in.Go("", func(ctx context.Context) error { check("a task", ctx); return nil })
					return nil
				})
			})
		})
		close(given)
		_, _ = s.Drain(t.Context()), other.Shutdown(t.Context())
	})
}

// Row 100.
func TestTask_WaiterThatIsCancelledGivesUp(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		release := make(chan struct{})
		stubborn := s.Go("stubborn", func(context.Context) error { <-release; return nil })
		var got error
		waiter := s.Go("waiter", func(ctx context.Context) error {
			stubborn.Cancel(nil)
			got = stubborn.Wait(ctx)
			return got
		})
		synctest.Wait()
		waiter.Cancel(errDisk)
		<-waiter.Done()
		if !errors.Is(got, errDisk) {
			t.Errorf("Wait() of the cancelled sibling = %v, want its cause %v", got, errDisk)
		}
		if err := stubborn.Err(); !errors.Is(err, scope.ErrRunning) {
			t.Errorf("Err() of the task waited for = %v, want ErrRunning", err)
		}
		close(release)
	})
}

// Row 101.
func TestTask_NilAfterCancelIsOK(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s, in := t.s, t.in
		ignoring := func(ctx context.Context) error { <-ctx.Done(); return nil }
		alone, both := s.Go("alone", ignoring), s.Go("both", ignoring)
		alone.Cancel(errDisk)
		<-alone.Done()
		s.Cancel(nil)
		<-both.Done()
		for _, task := range []*scope.Task{alone, both} {
			if err := task.Err(); err != nil || task.Info().State != "ok" {
				t.Errorf("%s: Err() = %v, state %s; want nil, ok",
					task.Name(), err, task.Info().State)
			}
		}
		if got := s.Info().Counts; got.OK != 2 || got.Cancelled != 0 || len(in.failures()) > 0 {
			t.Errorf("counts %+v, failures %v; want 2 OK and no failure", got, in.failures())
		}
	})
}

// stressRounds is how often a stress test repeats a race.
func stressRounds(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return 1_000
	}
	return 10_000
}

// Rows 95 and 97. Whoever sees that a task has ended sees all that it wrote; the
// race detector is the judge.
func TestFuture_PublishesWhatItWrote(t *testing.T) {
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	rounds, early := stressRounds(t), 0
	for i := range rounds {
		side := 0
		future := scope.Async(s, "", func(context.Context) (*int, error) {
			side = i
			return &i, nil
		})
		check := func(call string, v *int, err error) {
			if err != nil || *v != i || side != i {
				t.Errorf("%s = %v, %v, side effect %d, want %d", call, v, err, side, i)
			}
		}
		var readers sync.WaitGroup
		readers.Go(func() {
			v, err := future.Wait(context.Background())
			check("Wait()", v, err)
		})
		readers.Go(func() {
			<-future.Done()
			v, err := future.Result()
			check("Result()", v, err)
		})
		for range i % 4 { // a look at once, and looks a little later
			runtime.Gosched()
		}
		if v, err := future.Result(); errors.Is(err, scope.ErrRunning) {
			early++
		} else {
			check("Result()", v, err)
		}
		readers.Wait()
	}
	if early == 0 || early == rounds {
		t.Errorf("%d of %d looks came before the end, want some", early, rounds)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Rows 91, 92 and 97. The end of a task races with who cancels it and who asks for its
// context: nobody waits for ever, and each task has one outcome.
func TestTask_EndRacesCancelAndWaiters(t *testing.T) {
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(
		func(_ context.Context, f *scope.Failure) { t.Errorf("handler got %v", f) }))
	rounds := stressRounds(t)
	for i := range rounds {
		contexts, gate := make(chan context.Context), make(chan struct{})
		task := s.Go("", func(ctx context.Context) error {
			contexts <- ctx
			<-gate
			return ctx.Err()
		})
		given := <-contexts
		var others sync.WaitGroup
		others.Go(func() { <-gate; task.Cancel(nil) })
		others.Go(func() { <-gate; <-given.Done() })
		close(gate)
		if i%2 == 0 { // a head start over the task, which has to be woken
			task.Cancel(nil)
		}
		_ = task.Wait(context.Background())
		<-task.Done()
		others.Wait()
	}
	c := s.Info().Counts
	if c.OK == 0 || c.Cancelled == 0 || c.OK+c.Cancelled != uint64(rounds) {
		t.Errorf("counts %+v, want some OK, some cancelled, %d in all", c, rounds)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}
