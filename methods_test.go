package scope_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A badError has a method that calls runtime.Goexit.
type badError struct{ method string }

func (e badError) hit(method string) {
	if e.method == method {
		runtime.Goexit()
	}
}

func (e badError) Error() string { e.hit("Error"); return "bad" }
func (e badError) Is(error) bool { e.hit("Is"); return false }
func (e badError) As(any) bool   { e.hit("As"); return false }
func (e badError) Unwrap() error { e.hit("Unwrap"); return nil }

// What a method of the user's error does not answer counts as no, and the task
// fails like any other.
func TestTask_GoexitInMethodsOfItsErrorLosesNothing(t *testing.T) {
	tasks := map[string]func(ctx context.Context) error{
		"returns, Unwrap": func(context.Context) error { return badError{"Unwrap"} },
		"panics, As":      func(context.Context) error { panic(badError{"As"}) },
		"panics, Unwrap":  func(context.Context) error { panic(badError{"Unwrap"}) },
		"cancelled, Is": func(ctx context.Context) error {
			<-ctx.Done()
			return badError{"Is"}
		},
		"cancelled, Unwrap": func(ctx context.Context) error {
			<-ctx.Done()
			return badError{"Unwrap"}
		},
		"fails, described": func(ctx context.Context) error {
			scope.Describe(ctx, func() any { runtime.Goexit(); return nil })
			return errors.New("boom")
		},
	}
	for name, f := range tasks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var in inbox
				s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
				task := s.Go("x", f)
				synctest.Wait()
				task.Cancel(nil)
				synctest.Wait()
				if c := s.Info().Counts; len(in.failures()) != 1 || c.OK != 0 || c.Live != 0 {
					t.Errorf("told %d times, counts %+v; want once, and not ok",
						len(in.failures()), c)
				}
				_ = s.Shutdown(t.Context())

				failFast := scope.Open(t.Context())
				failFast.Go("x", f).Cancel(nil)
				if failFast.Wait(t.Context()) == nil {
					t.Error("a fail-fast scope has not ended with the failure")
				}
			})
		})
	}
}

func TestRun_GoexitInMethodsOfTheBodysErrorJoinsAll(t *testing.T) {
	bodies := map[string]func() error{
		"returned": func() error { return badError{"Unwrap"} },
		"panicked": func() error { panic(badError{"Unwrap"}) },
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var slow *scope.Task
				over := make(chan struct{})
				go func() {
					defer close(over)
					_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
						slow = s.Go("slow", func(ctx context.Context) error {
							<-ctx.Done()
							time.Sleep(time.Hour)
							return nil
						})
						return body()
					}, scope.OnFailure(scope.Ignore))
					t.Error("Run has returned, and hides the Goexit")
				}()
				<-over
				if slow.Err() != nil {
					t.Errorf("Run is over, and its task is %v", slow.Err())
				}
			})
		})
	}
}

func TestContain_GoexitInTheCauseDoesNotHoldTheScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
		s.Go("nests", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Cancel(badError{"Unwrap"})
				return nil
			}, scope.Contain())
		})
		synctest.Wait()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// A badContext panics when package context looks for its like at a release.
type badContext struct {
	context.Context

	calls atomic.Int32
}

func (c *badContext) Value(key any) any {
	if c.calls.Add(1) > 2 {
		panic("value")
	}
	return c.Context.Value(key)
}

// The panic is the caller's; the scope ends all the same.
func TestDo_ContextThatPanicsDoesNotHoldTheScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := scope.OpenSupervised(t.Context())
		v, _ := leave(func() {
			_ = s.Do(&badContext{Context: parent}, "x", func(context.Context) error { return nil })
		})
		if err := s.Shutdown(t.Context()); err != nil || v != "value" {
			t.Errorf("Shutdown() = %v, panic %v; want nil, value", err, v)
		}
	})
}

// A handler that exits, too, does not keep the task from its end.
func TestTask_GoexitInItsErrorAndInTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(
			func(context.Context, *scope.Failure) { runtime.Goexit() }))
		s.Go("x", func(context.Context) error { return badError{"Unwrap"} })
		synctest.Wait()
		if n := s.Info().Counts.Live; n != 0 {
			t.Errorf("%d tasks live, want none", n)
		}
		_ = s.Shutdown(t.Context())
	})
}

func TestRun_GoexitInTheBodysErrorLosesNoFailure(t *testing.T) {
	for name, body := range map[string]func() error{
		"error": func() error { return badError{"Unwrap"} },
		"panic": func() error { panic(badError{"Unwrap"}) },
		"plain": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var in inbox
			over := make(chan struct{})
			go func() {
				defer close(over)
				_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					<-s.Go("fails", failing).Done()
					return body()
				}, scope.OnFailure(in.handle))
			}()
			<-over
			told := false
			for _, f := range in.failures() {
				told = told || errors.Is(f, errBoom)
			}
			if !told {
				t.Errorf("the handler was told %v, want boom among it", in.failures())
			}
		})
	}
}

func TestDo_NestedScopeAndAContextThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := scope.OpenSupervised(t.Context())
		c := &badContext{Context: parent}
		c.calls.Store(-1000)
		v, _ := leave(func() {
			_ = s.Do(c, "x", func(ctx context.Context) error {
				scope.Open(ctx)
				c.calls.Store(1000)
				return nil
			})
		})
		if err := s.Shutdown(t.Context()); err != nil || v != "value" {
			t.Errorf("Shutdown() = %v, panic %v; want nil, value", err, v)
		}
	})
}

// A handler that exits is not to displace the panic of the body.
func TestRun_HandlerThatExitsDoesNotHideThePanic(t *testing.T) {
	var told atomic.Int32
	v, _ := leave(func() {
		_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			both := make(chan struct{}) // are there, before the first one ends the scope
			fails := func(ctx context.Context) error { <-both; return failing(ctx) }
			first, second := s.Go("a", fails), s.Go("b", fails)
			close(both)
			<-first.Done()
			<-second.Done()
			panic("aua")
		}, scope.KeepErrors(5), scope.OnFailure(func(context.Context, *scope.Failure) {
			told.Add(1)
			runtime.Goexit()
		}))
	})
	if v != "aua" || told.Load() != 2 {
		t.Errorf("panic %v, and the handler was told %d times; want aua, 2", v, told.Load())
	}
}

// Row 21: what a handler or an observer panics with may call runtime.Goexit when it is
// looked into. The report on standard error is made all the same.
func TestHandler_PanicsWithAnErrorThatExits(t *testing.T) {
	for _, method := range []string{"As", "Unwrap"} {
		aua := func() { panic(badError{method}) }
		for name, opts := range map[string][]scope.Option{
			"handler": {scope.OnFailure(func(context.Context, *scope.Failure) { aua() })},
			"observer": {scope.OnFailure(scope.Ignore),
				scope.Observe(scope.Observer{TaskStarted: func(scope.TaskInfo) { aua() }})},
		} {
			text := observeStderr(t, func() {
				s := scope.OpenSupervised(t.Context(), opts...)
				s.Go("x", failing)
				if err := s.Drain(t.Context()); err != nil {
					t.Errorf("%s, %s: Drain() = %v, want nil", name, method, err)
				}
			})
			for _, want := range []string{"panic: bad", "started at"} {
				if !strings.Contains(text, want) {
					t.Errorf("%s, %s: stderr has %q, want %q in it", name, method, text, want)
				}
			}
		}
	}
}

// A doneless context panics when it is waited for.
type doneless struct{ context.Context }

func (doneless) Done() <-chan struct{} { panic("done") }

// Guarantee 3: who was to be told of a failure, and panics on its way into the wait,
// waits no more.
func TestWait_PanicOfItsContextLosesNoFailure(t *testing.T) {
	ctx := doneless{t.Context()}
	waits := func(wait func()) {
		defer func() {
			if recover() != "done" {
				t.Error("the wait did not panic; the test shows nothing")
			}
		}()
		wait()
	}
	for name, leave := range map[string]func(*scope.Scope){
		"Future": func(s *scope.Scope) {
			begun := make(chan struct{})
			fu := scope.Async(s, "", func(context.Context) (int, error) {
				<-begun
				return 0, errBoom
			})
			waits(func() { _, _ = fu.Wait(ctx) })
			close(begun)
		},
		"Scope": func(s *scope.Scope) {
			s.Go("", func(ctx context.Context) error {
				in := scope.Open(ctx)
				in.Go("", failsWhenCancelled)
				waits(func() { _ = in.Wait(doneless{context.Background()}) })
				return nil
			})
		},
	} {
		var log failureLog
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(log.handle))
		leave(s)
		if err := s.Drain(t.Context()); err != nil || len(log.all()) != 1 {
			t.Errorf("%s: Drain() = %v, told of %v; want nil, one failure", name, err, log.all())
		}
	}
}
