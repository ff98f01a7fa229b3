package scope_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Row 14.
func TestHandler_IsGivenTheFailureOnce(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		var task *scope.Task
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			task = s.Go("worker", failing)
			return nil
		}, scope.Name("srv"), scope.OnFailure(log.handle))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		f := log.only(t)
		if f.Err != errBoom || f.Task.Name != "worker" || f.Task.Path != "srv/worker" {
			t.Errorf("handler was given %q, %q, %v; want worker, srv/worker, boom",
				f.Task.Name, f.Task.Path, f.Err)
		}
		if id := task.Info().ID; f.Task.ID != id || id == "" {
			t.Errorf("ID = %q, want %q as in the handle", f.Task.ID, id)
		}
		if task.Err() != error(f) {
			t.Errorf("Err() = %v, want what the handler was given", task.Err())
		}
	})
}

// Row 33.
func TestHandler_IsGivenTheCircumstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		live, cleaning := failLiveAndCleaning(t)
		if live.Task.State != "panicked" || cleaning.Task.State != "failed" {
			t.Errorf("states %q, %q; want panicked, failed", live.Task.State, cleaning.Task.State)
		}
		if live.Cause != nil || cleaning.Cause != errStop {
			t.Errorf("Cause = %v and %v, want nil and %v", live.Cause, cleaning.Cause, errStop)
		}
		if live.Task.Age != time.Second || cleaning.Task.Age != time.Minute {
			t.Errorf("Age = %v and %v, want 1s and 1m", live.Task.Age, cleaning.Task.Age)
		}
		if want := began.Add(time.Hour); !live.Task.Started.Equal(want) {
			t.Errorf("Started = %v, want %v", live.Task.Started, want)
		}
		if !strings.Contains(fmt.Sprintf("%+v", live), "scope_test.panicsDeeply(") {
			t.Errorf("%+v\nhas no stack of the panic", live)
		}
		if !strings.Contains(live.Task.Site, "handler_test.go:") {
			t.Errorf("Site = %q, want a line of this file", live.Task.Site)
		}
	})
}

// errStop is what scopes are cancelled with.
var errStop = errors.New("stop")

// failLiveAndCleaning returns two failures: one of a task that panicked while
// its context was live, one of a task that cleaned up.
func failLiveAndCleaning(t *testing.T) (live, cleaning *scope.Failure) {
	t.Helper()
	var log failureLog
	_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		time.Sleep(time.Hour)
		s.Go("live", func(ctx context.Context) error {
			time.Sleep(time.Second)
			return panicsDeeply(ctx)
		})
		s.Go("cleaning", failsWhenCancelled)
		time.Sleep(time.Minute)
		s.Cancel(errStop)
		return nil
	}, scope.OnFailure(log.handle))
	all := log.all()
	if len(all) != 2 {
		t.Fatalf("handler was given %v, want 2 failures", all)
	}
	return all[0], all[1]
}

// Row 17.
func TestHandler_IsNotToldOfCancellations(t *testing.T) {
	scopeBy := func(cause error) func(*scope.Scope, *scope.Task) {
		return func(s *scope.Scope, _ *scope.Task) { s.Cancel(cause) }
	}
	handleBy := func(cause error) func(*scope.Scope, *scope.Task) {
		return func(_ *scope.Scope, task *scope.Task) { task.Cancel(cause) }
	}
	for _, c := range []struct {
		name   string
		cancel func(*scope.Scope, *scope.Task)
		task   func(context.Context) error
	}{
		{name: "scope, Err", cancel: scopeBy(nil), task: untilCancelled},
		{name: "scope, cause", cancel: scopeBy(errStop), task: returnsCause},
		{name: "scope, wrapped", cancel: scopeBy(nil), task: returnsWrapped},
		{name: "handle, Err", cancel: handleBy(nil), task: untilCancelled},
		{name: "handle, cause", cancel: handleBy(errStop), task: returnsCause},
		{name: "handle, wrapped", cancel: handleBy(errStop), task: returnsWrapped},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubbles(t, allForms(), func(t *testing.T, run runner) {
				var log failureLog
				var task *scope.Task
				err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					task = s.Go("", c.task)
					synctest.Wait()
					c.cancel(s, task)
					return nil
				}, scope.OnFailure(log.handle))
				if err != nil && err != errStop {
					t.Errorf("result = %v, want nil or %v", err, errStop)
				}
				if all := log.all(); len(all) != 0 {
					t.Errorf("handler was given %v, want nothing", all)
				}
				if !errors.Is(task.Err(), scope.ErrCancelled) {
					t.Errorf("Err() = %v, want ErrCancelled", task.Err())
				}
			})
		})
	}
}

// Row 17. In a fail-fast scope the cause is the failure of another task.
func TestHandler_IsNotToldOfASiblingsFailureAgain(t *testing.T) {
	inBubbles(t, failFastForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("task", returnsCause)
			scope.Async(s, "future", func(ctx context.Context) (int, error) {
				return 0, returnsCause(ctx)
			})
			s.Go("nested", func(ctx context.Context) error {
				return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
					return returnsCause(ctx)
				})
			})
			s.Go("failing", failing)
			return nil
		}, scope.OnFailure(log.handle))
		if !errors.Is(err, errBoom) || len(log.all()) != 0 {
			t.Errorf("result = %v, handler was given %v; want %v alone", err, log.all(), errBoom)
		}
	})
}

func returnsCause(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func returnsWrapped(ctx context.Context) error {
	<-ctx.Done()
	return fmt.Errorf("read: %w", ctx.Err())
}

// Rows 18 and 19.
func TestHandler_IsToldOfFailuresOfCleaningUp(t *testing.T) {
	errClean := errors.New("clean-up")
	cleaning := func(ctx context.Context) error {
		<-ctx.Done()
		return errClean
	}
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("cleaning", cleaning)
			<-s.Go("failing", failing).Done()
			s.Cancel(nil)
			return nil
		}, scope.OnFailure(log.handle))
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		all := log.all()
		if len(all) != 2 || all[0].Err != errBoom || all[1].Err != errClean {
			t.Errorf("handler was given %v, want %v and then %v", all, errBoom, errClean)
		}
	})
	inBubbles(t, failFastForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("cleaning", cleaning)
			s.Go("failing", failing)
			return nil
		}, scope.OnFailure(log.handle))
		if f := log.only(t); !errors.Is(err, errBoom) || f.Err != errClean {
			t.Errorf("result = %v, handler: %v; want %v and %v", err, f, errBoom, errClean)
		}
	})
}

// Row 20.
func TestHandler_HasReturnedBeforeTheEnd(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		returned := false
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			task := s.Go("", failing)
			s.Go("watch", func(ctx context.Context) error {
				if err := task.Wait(ctx); err != nil || !returned {
					t.Errorf("Wait() = %v with the handler returned: %t, want nil, true",
						err, returned)
				}
				return nil
			})
			return nil
		}, scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
			time.Sleep(time.Hour)
			checkRuns(t, scope.TaskFrom(ctx))
			returned = true
		}))
		if err != nil || !returned {
			t.Errorf("result = %v with the handler returned: %t, want nil, true", err, returned)
		}
	})
}

// checkRuns finds out whether task counts as running.
func checkRuns(t *testing.T, task *scope.Task) {
	t.Helper()
	select {
	case <-task.Done():
		t.Error("Done() is closed")
	default:
	}
	if err := task.Err(); err != scope.ErrRunning {
		t.Errorf("Err() = %v, want ErrRunning", err)
	}
	if !slices.Contains(task.Scope().Tasks(), task) {
		t.Error("Tasks() is without the task")
	}
}

// Row 24.
func TestHandler_IsNotCutShort(t *testing.T) {
	type key struct{}
	for _, cut := range []string{"shutdown", "parent", "handle", "deadline"} {
		t.Run(cut, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
				defer cancel()
				worked := false
				s := scope.OpenSupervised(parent, scope.Timeout(10*time.Minute),
					scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
						select {
						case <-ctx.Done():
						case <-time.After(time.Hour):
							_, limited := ctx.Deadline()
							worked = ctx.Err() == nil && !limited && ctx.Value(key{}) == "v"
						}
					}))
				task := s.Go("", failing)
				synctest.Wait()
				switch cut {
				case "parent":
					cancel()
				case "handle":
					task.Cancel(nil)
				case "deadline":
					time.Sleep(20 * time.Minute)
				}
				_ = s.Shutdown(t.Context())
				if !worked {
					t.Error("the handler's ctx was cancelled, or has lost its values")
				}
			})
		})
	}
}

// Row 25.
func TestHandler_MayStartTheTaskAgain(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		runs := 0
		task := func(context.Context) error {
			if runs++; runs < 4 {
				return errBoom
			}
			return nil
		}
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("worker", task)
			return nil
		}, scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
			restarted := scope.From(ctx).Go(f.Task.Name, task)
			if err := restarted.Err(); errors.Is(err, scope.ErrClosed) {
				t.Errorf("restart: %v", err) // it may well have failed by now
			}
		}))
		if err != nil || runs != 4 {
			t.Errorf("result = %v after %d runs, want nil after 4", err, runs)
		}
	})
}

// Row 25. The restart of a task that fails while the scope is closing is
// refused; that its refusal is a failure, too, must not go on for ever.
func TestHandler_RestartIsRefusedWhenClosing(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		const endless = 1000
		calls := 0
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("worker", failsWhenCancelled)
			synctest.Wait()
			s.Cancel(nil)
			return nil
		}, scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
			if calls++; calls == endless {
				return
			}
			again := scope.From(ctx).Go("again", failing)
			if err := again.Err(); !errors.Is(err, scope.ErrClosed) {
				t.Errorf("restart while closing: Err() = %v, want ErrClosed", err)
			}
		}))
		if err != nil || calls >= endless {
			t.Errorf("result = %v after %d calls of the handler, want nil after a few", err, calls)
		}
	})
}

// Row 26.
func TestHandler_MayCancelTheScope(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		errTooMany := errors.New("too many failures")
		var cause error
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("sibling", func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return ctx.Err()
			})
			s.Go("worker", failing)
			return nil
		}, scope.OnFailure(func(ctx context.Context, _ *scope.Failure) {
			scope.From(ctx).Cancel(errTooMany)
		}))
		if err != errTooMany || cause != errTooMany {
			t.Errorf("result = %v, sibling's cause = %v; want %v", err, cause, errTooMany)
		}
	})
}

// Row 27. That a call comes from inside is known by the handler's context, on
// whatever goroutine, and by the handler's goroutine, with whatever context.
// Guarantee 6.
func TestHandler_CannotWaitForItsScope(t *testing.T) {
	tasks := map[string]func(context.Context) error{
		"error":  failing,
		"panic":  panicsDeeply,
		"goexit": func(context.Context) error { runtime.Goexit(); return nil },
	}
	for how, task := range tasks {
		for verb, wait := range waitingVerbs() {
			t.Run(how+"/"+verb, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					byContext, byGoroutine := waitInHandler(t, task, wait)
					if byContext != scope.ErrSelfWait || byGoroutine != scope.ErrSelfWait {
						t.Errorf("known by ctx: %v, by goroutine: %v; want ErrSelfWait",
							byContext, byGoroutine)
					}
					if d := time.Since(began); d != 0 {
						t.Errorf("it took %v, want no time", d)
					}
				})
			})
		}
	}
}

// waitInHandler has task fail, and its handler wait for the scope, once on
// another goroutine, once with another context.
func waitInHandler(
	t *testing.T, task func(context.Context) error, wait func(*scope.Scope, context.Context) error,
) (byContext, byGoroutine error) {
	t.Helper()
	var s *scope.Scope
	s = scope.OpenSupervised(t.Context(), scope.OnFailure(
		func(ctx context.Context, _ *scope.Failure) {
			answer := make(chan error)
			go func() { answer <- wait(s, ctx) }()
			byContext = <-answer
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			byGoroutine = wait(s, ctx)
		}))
	<-s.Go("", task).Done()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	return byContext, byGoroutine
}

func waitingVerbs() map[string]func(*scope.Scope, context.Context) error {
	return map[string]func(*scope.Scope, context.Context) error{
		"Wait":     (*scope.Scope).Wait,
		"Drain":    (*scope.Scope).Drain,
		"Shutdown": (*scope.Scope).Shutdown,
	}
}

// Row 27. The report of stragglers is given to the handler by no task.
func TestHandler_OfStragglersCannotWaitForItsScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got error
		var s *scope.Scope
		s = scope.OpenSupervised(t.Context(), scope.Grace(time.Second), scope.OnFailure(
			func(ctx context.Context, _ *scope.Failure) {
				ctx, cancel := context.WithTimeout(ctx, time.Hour)
				defer cancel()
				got = s.Shutdown(ctx)
			}))
		s.Go("stuck", func(context.Context) error { time.Sleep(time.Minute); return nil })
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if got != scope.ErrSelfWait {
			t.Errorf("Shutdown() in the handler = %v, want ErrSelfWait", got)
		}
	})
}

// Row 28.
func TestHandler_SlowOneHoldsUpItsOwnTaskOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(
			func(context.Context, *scope.Failure) { time.Sleep(time.Hour) }))
		began := time.Now()
		failed := s.Go("failing", failing)
		sibling := s.Go("sibling", func(context.Context) error {
			time.Sleep(time.Second)
			return nil
		})
		<-sibling.Done()
		if d := time.Since(began); d != time.Second {
			t.Errorf("the sibling took %v, want 1s", d)
		}
		<-s.Go("late", func(context.Context) error { return nil }).Done()
		<-failed.Done()
		if d := time.Since(began); d != time.Hour {
			t.Errorf("the failed task took %v, want the 1h of its handler", d)
		}
		_ = s.Shutdown(t.Context())
	})
}

// Row 29.
func TestHandler_CallsAreConcurrent(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var running, most atomic.Int32
		began := time.Now()
		_ = run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			for range 10 {
				s.Go("", failing)
			}
			return nil
		}, scope.OnFailure(func(context.Context, *scope.Failure) {
			running.Add(1)
			time.Sleep(time.Second)
			most.Store(max(most.Load(), running.Load()))
			time.Sleep(time.Second)
			running.Add(-1)
		}))
		if n, d := most.Load(), time.Since(began); n != 10 || d != 2*time.Second {
			t.Errorf("%d calls at a time in %v, want 10 in 2s", n, d)
		}
	})
}

// Row 16. A nested scope has the handler of the one around it, unless it sets
// its own.
func TestHandler_IsInherited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var outer, inner failureLog
		nest := func(opts ...scope.Option) func(context.Context) error {
			return func(ctx context.Context) error {
				return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("deep", failing)
					return nil
				}, opts...)
			}
		}
		_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("inherits", nest())
			s.Go("own", nest(scope.OnFailure(inner.handle)))
			s.Go("silent", nest(scope.OnFailure(scope.Ignore)))
			return nil
		}, scope.Name("srv"), scope.OnFailure(outer.handle))
		if f := outer.only(t); f.Task.Path != "srv/inherits/deep" {
			t.Errorf("outer handler was given %v, want srv/inherits/deep", f)
		}
		if f := inner.only(t); f.Task.Path != "srv/own/deep" {
			t.Errorf("inner handler was given %v, want srv/own/deep", f)
		}
	})
}

// Report takes the way of a task's failure.
func TestReport_GoesToTheNearestHandler(t *testing.T) {
	var log failureLog
	told := &scope.Failure{Task: scope.TaskInfo{Path: "my/own"}, Err: errBoom}
	_ = scope.Supervise(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
		return scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
			scope.Report(context.WithValue(ctx, numbered(0), 0), told)
			return nil
		})
	}, scope.OnFailure(log.handle))
	if f := log.only(t); f != told {
		t.Errorf("handler was given %v, want %v", f, told)
	}
	t.Run("outside", func(t *testing.T) {
		stderr, parent := childStderr(t)
		if !parent {
			scope.Report(t.Context(), told)
		} else if !strings.Contains(stderr, `task "my/own"`) || !strings.Contains(stderr, "boom") {
			t.Errorf("stderr = %q, want the failure", stderr)
		}
	})
	text, _ := panicOf(func() { scope.Report(t.Context(), nil) }).(string)
	if !strings.HasPrefix(text, "scope: Report of a nil Failure; pass ") {
		t.Errorf("Report(nil) panics with %q, want what to do about it", text)
	}
}

// Row 32.
func TestFailure_LeadsToTheOriginal(t *testing.T) {
	original := fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "/x", Err: fs.ErrNotExist})
	synctest.Test(t, func(t *testing.T) {
		var log failureLog
		s := scope.OpenSupervised(t.Context(), scope.Name("srv"), scope.OnFailure(log.handle))
		task := s.Go("worker", func(context.Context) error { return original })
		_, started := s.Start(t.Context(), "starter", func(context.Context, func()) error {
			return original
		})
		done := s.Do(t.Context(), "doer", func(context.Context) error { return original })
		<-task.Done()
		fatal := s.Go("fatal", func(context.Context) error { return scope.Fatal(original) })
		<-fatal.Done()
		for name, err := range map[string]error{
			"handler": log.only(t), "handle": task.Err(), "Start": started, "Do": done,
			"Fatal": fatal.Err(), "Wait": s.Wait(t.Context()),
		} {
			var pe *fs.PathError
			if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &pe) || pe.Path != "/x" {
				t.Errorf("%s: %v does not lead to the original", name, err)
			}
		}
	})
}

// Row 23. The handler is not always called by the task that failed: each of
// these calls is made by somebody who has more to do.
func TestHandler_GoexitInItHangsNothing(t *testing.T) {
	nested := func(ctx context.Context) {
		scope.Open(ctx, scope.OnFailure(scope.Ignore)).Go("cleaning", failsWhenCancelled)
	}
	for _, c := range []struct {
		name  string
		calls int32
		body  func(context.Context, *scope.Scope) error
	}{
		{name: "task", calls: 1, body: func(_ context.Context, s *scope.Scope) error {
			s.Go("", failing)
			return nil
		}},
		{name: "unseen", calls: 2, body: func(_ context.Context, s *scope.Scope) error {
			for range 2 {
				scope.Async(s, "", func(context.Context) (int, error) { return 0, errBoom })
			}
			return nil
		}},
		{name: "nested in task", calls: 1, body: func(_ context.Context, s *scope.Scope) error {
			s.Go("", func(ctx context.Context) error { nested(ctx); return nil })
			return nil
		}},
		{name: "nested in body", calls: 1, body: func(ctx context.Context, _ *scope.Scope) error {
			nested(ctx)
			return nil
		}},
		{name: "panic of the body", calls: 1, body: func(_ context.Context, s *scope.Scope) error {
			s.Go("", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				return nil
			})
			panic("aua")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, parent := childStderr(t); parent {
				return
			}
			synctest.Test(t, func(t *testing.T) {
				if calls := callsOfGoexitHandler(t, c.body); calls != c.calls {
					t.Errorf("the handler was called %d times, want %d", calls, c.calls)
				}
			})
		})
	}
}

// callsOfGoexitHandler runs body in a scope with a handler that ends its
// goroutine, and returns, when the scope has ended, how often that was called.
func callsOfGoexitHandler(
	t *testing.T, body func(context.Context, *scope.Scope) error,
) int32 {
	t.Helper()
	var calls atomic.Int32
	opened := make(chan *scope.Scope, 1)
	go func() {
		defer func() { _ = recover() }()
		_ = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			opened <- s
			return body(ctx, s)
		}, scope.OnFailure(func(context.Context, *scope.Failure) {
			calls.Add(1)
			runtime.Goexit()
		}))
	}()
	<-(<-opened).Done()
	return calls.Load()
}

// Row 23.
func TestHandler_GoexitInItDoesNotHideTheEndFromTheObserver(t *testing.T) {
	if _, parent := childStderr(t); parent {
		return
	}
	var ended atomic.Int32
	if err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("", failing)
		return nil
	},
		scope.OnFailure(func(context.Context, *scope.Failure) { runtime.Goexit() }),
		scope.Observe(scope.Observer{TaskEnded: func(scope.TaskInfo) { ended.Add(1) }}),
	); err != nil || ended.Load() != 1 {
		t.Errorf("result = %v, TaskEnded was called %d times; want nil and 1", err, ended.Load())
	}
}

// Rows 15, 16, 21, 22 and 23. In each case a task fails, its siblings do not
// notice, and the scope ends with nil.
func TestFailure_ReportOnStandardError(t *testing.T) {
	handler := func(f func()) []scope.Option {
		return []scope.Option{scope.OnFailure(func(context.Context, *scope.Failure) { f() })}
	}
	const worker = `task "srv/worker"`
	for _, c := range []struct {
		name   string
		task   func(context.Context) error
		opts   []scope.Option
		want   []string // each once
		silent bool
	}{
		{name: "error", task: failing,
			want: []string{worker, "boom", "started at ", "handler_test.go:"}},
		{name: "panic", task: panicsDeeply,
			want: []string{worker, "panic: aua", "scope_test.panicsDeeply(...)\n"}},
		{name: "goexit", task: func(context.Context) error { runtime.Goexit(); return nil },
			want: []string{worker, "runtime.Goexit"}},
		{name: "nil handler", task: failing,
			opts: []scope.Option{scope.OnFailure(scope.Ignore), scope.OnFailure(nil)},
			want: []string{worker, "boom"}},
		{name: "ignored", task: failing,
			opts: []scope.Option{scope.OnFailure(scope.Ignore)}, silent: true},
		{name: "handler panics", task: failing,
			opts: handler(func() { _ = panicsDeeply(t.Context()) }),
			want: []string{worker, "boom", "panic: aua", "scope_test.panicsDeeply(...)\n"}},
		{name: "handler goexits", task: failing, opts: handler(runtime.Goexit),
			want: []string{worker, "boom", "runtime.Goexit"}},
		// Here the report itself fails, which must do no harm.
		{name: "text panics", task: func(context.Context) error {
			var err wildError // and so on, when the panic is to be printed
			err = func() { panic(err) }
			return err
		}},
		{name: "text goexits", task: func(context.Context) error {
			return wildError(runtime.Goexit)
		}, want: []string{worker, "cannot be printed"}},
		{name: "text of the handler's panic goexits", task: failing,
			opts: handler(func() { panic(wildError(runtime.Goexit)) }),
			want: []string{worker, "cannot be printed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stderr, parent := childStderr(t)
			if !parent {
				failBesideSibling(t, c.task, c.opts...)
				return
			}
			if c.silent && stderr != "" {
				t.Errorf("stderr is\n%s\nwant it empty", stderr)
			}
			for _, want := range c.want {
				if n := strings.Count(stderr, want); n != 1 {
					t.Errorf("stderr has %q %d times, want once:\n%s", want, n, stderr)
				}
			}
		})
	}
}

// failBesideSibling runs a task that fails, and one that finds that it is not
// disturbed by that.
func failBesideSibling(
	t *testing.T, task func(context.Context) error, opts ...scope.Option,
) {
	t.Helper()
	err := scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		failed := s.Go("worker", task)
		s.Go("sibling", func(ctx context.Context) error {
			if err := failed.Wait(ctx); err != nil || ctx.Err() != nil {
				t.Errorf("Wait() = %v, ctx.Err() = %v; want nil, nil", err, ctx.Err())
			}
			return nil
		})
		return nil
	}, append(opts, scope.Name("srv"))...)
	if err != nil {
		t.Errorf("result = %v, want nil", err)
	}
}

//go:noinline
func panicsDeeply(context.Context) error { panic("aua") }

// A wildError is an error whose text cannot be had.
type wildError func()

func (e wildError) Error() string { e(); return "" }

// childStderr runs the calling test once more in a child process, which has to
// pass, and returns what that wrote to standard error. In the child process
// parent is false.
func childStderr(t *testing.T) (stderr string, parent bool) {
	t.Helper()
	const mark = "SCOPE_TEST_CHILD"
	if os.Getenv(mark) != "" {
		return "", false
	}
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	cmd := exec.Command(os.Args[0], "-test.run="+pattern, "-test.count=1", "-test.v")
	// Without the option a binary built with -race sleeps for a second at its end.
	cmd.Env = append(os.Environ(), mark+"=1", "GORACE=atexit_sleep_ms=0")
	var stdout, text strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &text
	err := cmd.Run()
	if err != nil || !strings.Contains(stdout.String(), "--- PASS: "+t.Name()) {
		t.Fatalf("child process: %v\n%s%s", err, stdout.String(), text.String())
	}
	return text.String(), true
}
