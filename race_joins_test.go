package scope_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// The tests in this file are the other half of issue item 5: what a correct
// program relies on, the race detector knows. They prove it only when they are
// built with -race; TestRace_InABuildWithRace sees to that.

// joinTasks has four tasks of s write down that they ran; a read of what they
// write is a race unless all of them have been joined.
func joinTasks(s *scope.Scope) (wrote []int) {
	wrote = make([]int, 4)
	for i := range wrote {
		s.Go("writes", func(context.Context) error {
			wrote[i] = 1
			return nil
		})
	}
	return wrote
}

// joinSum reads what the tasks wrote.
func joinSum(t *testing.T, wrote []int) {
	t.Helper()
	sum := 0
	for _, w := range wrote {
		sum += w
	}
	if sum != len(wrote) {
		t.Errorf("%d of %d tasks are over", sum, len(wrote))
	}
}

// Row 49: whoever has waited for a scope sees all that its tasks did.
func TestJoin_ByTheScope(t *testing.T) {
	ctx := context.Background()
	var wrote []int
	body := func(ctx context.Context, s *scope.Scope) error {
		wrote = joinTasks(s)
		return ctx.Err()
	}
	object := func(end func(*scope.Scope) error) func() error {
		return func() error {
			s := scope.Open(ctx)
			wrote = joinTasks(s)
			return end(s)
		}
	}
	joins := map[string]func() error{
		"Run":       func() error { return scope.Run(ctx, body) },
		"Supervise": func() error { return scope.Supervise(ctx, body) },
		"Wait": object(func(s *scope.Scope) error {
			err := s.Wait(ctx)
			joinSum(t, wrote) // before Shutdown, which is a join, too
			return errors.Join(err, s.Shutdown(ctx))
		}),
		"Drain":    object(func(s *scope.Scope) error { return s.Drain(ctx) }),
		"Shutdown": object(func(s *scope.Scope) error { return s.Shutdown(ctx) }),
		"Wait, closing": object(func(s *scope.Scope) error {
			s.Cancel(nil)
			return s.Wait(ctx)
		}),
		"Done": object(func(s *scope.Scope) error {
			s.Cancel(nil)
			<-s.Done()
			return nil
		}),
		"Done, asked late": object(func(s *scope.Scope) error {
			s.Cancel(nil)
			for s.Info().State != "ended" { // no join
				runtime.Gosched()
			}
			<-s.Done()
			return nil
		}),
		"Wait in the body": func() error {
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				wrote = joinTasks(s)
				err := s.Wait(ctx)
				joinSum(t, wrote)
				return err
			})
		},
		"nested Run": func() error {
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("nests", func(ctx context.Context) error { return scope.Run(ctx, body) })
				return ctx.Err()
			})
		},
		"nested Open": func() error { // which its task's end brings to its end
			return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
				s.Go("nests", func(ctx context.Context) error {
					wrote = joinTasks(scope.Open(ctx))
					return ctx.Err()
				})
				return ctx.Err()
			})
		},
	}
	for name, join := range joins {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				if err := join(); err != nil {
					t.Errorf("result = %v, want nil", err)
				}
				joinSum(t, wrote)
			}
		})
	}
}

// Row 97: whoever has waited for a task sees all that it did.
func TestJoin_ByTheTask(t *testing.T) {
	ctx := context.Background()
	s := scope.OpenSupervised(ctx)
	x := 0
	write := func(ctx context.Context) error {
		x++
		return ctx.Err()
	}
	number := func(context.Context) (*int, error) { return &x, write(ctx) }
	joins := map[string]func() error{
		"Task.Wait": func() error { return s.Go("x", write).Wait(ctx) },
		"Task.Done": func() error {
			<-s.Go("x", write).Done()
			return nil
		},
		"Task.Err": func() error {
			task := s.Go("x", write)
			for errors.Is(task.Err(), scope.ErrRunning) {
				runtime.Gosched()
			}
			return task.Err()
		},
		"Future.Wait": func() error {
			got, err := scope.Async(s, "x", number).Wait(ctx)
			*got++
			return err
		},
		"Future.Result": func() error {
			f := scope.Async(s, "x", number)
			<-f.Done()
			got, err := f.Result()
			*got++
			return err
		},
		"Start, ready": func() error {
			_, err := s.Start(ctx, "x", func(ctx context.Context, ready func()) error {
				err := write(ctx)
				ready()
				return err
			})
			return err
		},
		"Start, failed": func() error {
			_, err := s.Start(ctx, "x", func(ctx context.Context, _ func()) error {
				return write(ctx)
			})
			if errors.Is(err, scope.ErrNotReady) {
				return nil
			}
			return err
		},
		"Do": func() error {
			over := make(chan error)
			go func() { over <- s.Do(ctx, "x", write) }()
			return <-over
		},
	}
	for name, join := range joins {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				if err := join(); err != nil {
					t.Errorf("result = %v, want nil", err)
				}
				x++
			}
		})
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Row 90: deferred functions come after the tasks and one after the other; the
// scope's end is after them.
func TestJoin_ByDefer(t *testing.T) {
	ctx := context.Background()
	for i := range 200 {
		s := scope.OpenSupervised(ctx)
		wrote := joinTasks(s)
		last := 0
		step := func(ctx context.Context) error {
			joinSum(t, wrote)
			last++
			return ctx.Err()
		}
		if i%2 == 0 {
			s.Daemon("daemon", func(ctx context.Context) error {
				<-ctx.Done()
				return step(context.WithoutCancel(ctx))
			})
		} else {
			s.Defer("first of all", step)
		}
		s.Defer("clean up", step)
		s.Defer("clean up", step)
		if err := s.Drain(ctx); err != nil || last != 3 {
			t.Errorf("Drain() = %v after %d steps, want nil and 3", err, last)
		}
	}
}

// A joinError is read when it is asked for its text. Package fmt is not used to
// make errors here: its pool of buffers synchronizes those who use it.
type joinError struct {
	text string
	err  error
}

func (e *joinError) Error() string { return e.text }
func (e *joinError) Unwrap() error { return e.err }

// newJoinError writes into an error that is there already: the detector does not
// look at how a value is made.
//
//go:noinline
func newJoinError(text string) *joinError {
	e := new(joinError)
	e.write(text)
	return e
}

//go:noinline
func (e *joinError) write(text string) { e.text, e.err = text, errors.ErrUnsupported }

// Row 20: a handler sees what its task did, and the join what the handler did.
func TestJoin_WithTheHandler(t *testing.T) {
	ctx := context.Background()
	for name, fail := range map[string]func(s *scope.Scope){
		"Go": func(s *scope.Scope) {
			s.Go("x", func(context.Context) error { return newJoinError("boom") })
		},
		"panic": func(s *scope.Scope) {
			s.Go("x", func(context.Context) error { panic(newJoinError("boom")) })
		},
		"Async, unseen": func(s *scope.Scope) {
			scope.Async(s, "x", func(context.Context) (int, error) {
				return 0, newJoinError("boom")
			})
		},
		"Defer": func(s *scope.Scope) {
			s.Defer("x", func(context.Context) error { return newJoinError("boom") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			s := scope.OpenSupervised(ctx, scope.OnFailure(
				func(_ context.Context, f *scope.Failure) {
					var err *joinError
					if errors.As(f, &err) {
						got = append(got, err.text)
					}
				}))
			fail(s)
			if err := s.Drain(ctx); err != nil || len(got) != 1 {
				t.Errorf("Drain() = %v, handler was given %v, want nil and boom", err, got)
			}
		})
	}
}

// Who finds a scope or a task by looking sees it whole, without a join: all that
// it tells was written before it could be found.
func TestJoin_ByLooking(t *testing.T) {
	for name, look := range map[string]func(*scope.Task) []*scope.Scope{
		"Task.Scopes":  (*scope.Task).Scopes,
		"Scope.Scopes": func(task *scope.Task) []*scope.Scope { return task.Scope().Scopes() },
		"Roots":        func(*scope.Task) []*scope.Scope { return scope.Roots() },
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				lookAtNewcomers(t, look)
			}
		})
	}
}

// lookAtNewcomers has look find a scope that another goroutine opens meanwhile.
func lookAtNewcomers(t *testing.T, look func(*scope.Task) []*scope.Scope) {
	t.Helper()
	release := make(chan struct{})
	opens := func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("below", func(context.Context) error { <-release; return nil })
			<-release
			return nil
		}, scope.Name("newcomer"), scope.Limit(1))
	}
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		defer close(release)
		task := s.Go("opens in a task", opens)
		for _, ctx := range []context.Context{ctx, context.Background()} {
			s.Go("opens elsewhere", func(context.Context) error { return opens(ctx) })
		}
		for {
			for _, found := range look(task) {
				if info := found.Info(); info.Name == "newcomer" && len(found.Tasks()) > 0 {
					return errors.Join(found.Tasks()[0].Info().Err, ctx.Err())
				}
			}
			runtime.Gosched()
		}
	})
	if err != nil {
		t.Errorf("result = %v, want nil", err)
	}
}

// Row 74: what a cause says was said before it can be read; and what a failure
// says, before it is a result.
func TestJoin_WithCausesAndResults(t *testing.T) {
	ctx := context.Background()
	boom := func() error { return newJoinError("boom") }
	untilStopped := func(ctx context.Context) error {
		for ctx.Err() == nil { // not the channel, which would tell by itself
			time.Sleep(time.Millisecond)
		}
		return newJoinError(context.Cause(ctx).Error())
	}
	late := func(ctx context.Context) error {
		time.Sleep(time.Second)
		return ctx.Err()
	}
	bodyFails := func(_ context.Context, s *scope.Scope) error {
		s.Go("late", late)
		return boom()
	}
	taskFails := func(ctx context.Context, s *scope.Scope) error {
		s.Go("fails", func(context.Context) error { return boom() })
		s.Go("late", late)
		return ctx.Err()
	}
	cases := map[string]func() error{
		"Cancel": func() error {
			s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
			task := s.Go("x", untilStopped)
			time.Sleep(time.Minute)
			s.Cancel(boom())
			time.Sleep(time.Minute)
			return task.Err()
		},
		"Task.Cancel": func() error {
			s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
			task := s.Go("x", untilStopped)
			time.Sleep(time.Minute)
			task.Cancel(boom())
			time.Sleep(time.Minute)
			return errors.Join(s.Drain(ctx), task.Err())
		},
		"parent": func() error {
			ctx, cancel := context.WithCancelCause(ctx)
			s := scope.OpenSupervised(ctx, scope.OnFailure(scope.Ignore))
			task := s.Go("x", untilStopped)
			time.Sleep(time.Minute)
			cancel(boom())
			time.Sleep(time.Minute)
			return task.Err()
		},
		"body":          func() error { return scope.Supervise(ctx, bodyFails) },
		"body, Contain": func() error { return scope.Supervise(ctx, bodyFails, scope.Contain()) },
		"task":          func() error { return scope.Run(ctx, taskFails) },
		"task, Contain": func() error { return scope.Run(ctx, taskFails, scope.Contain()) },
		"KeepErrors": func() error {
			return scope.Supervise(ctx, taskFails, scope.KeepErrors(1))
		},
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := run(); err == nil || !strings.HasSuffix(err.Error(), "boom") {
					t.Errorf("result = %v, want one that ends in boom", err)
				}
			})
		})
	}
}

// Whoever is told the body's error before the end of the scope reads what the body
// wrote.
func TestJoin_ByTheBodysError(t *testing.T) {
	for round := range max(rounds(20_000), 2_000) {
		var s *scope.Scope
		opened, over := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(over)
			_ = scope.Run(t.Context(), func(_ context.Context, own *scope.Scope) error {
				s = own
				close(opened)
				stagger(round)
				return newJoinError("boom")
			})
		}()
		<-opened
		if err := s.Shutdown(t.Context()); err != nil && err.Error() != "boom" {
			t.Errorf("Shutdown() = %v, want nil or boom", err)
		}
		<-over
	}
}
