package scope_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A startTest is a test in a bubble with a long-lived scope of one policy, and
// what its handler was given. The scope is ended after the test.
type startTest struct {
	*testing.T
	*scope.Scope

	failFast bool
	handled  []error
}

// startEach runs test for a fail-fast and for a supervised scope.
func startEach(t *testing.T, test func(t *startTest)) {
	t.Helper()
	for policy, open := range map[string]func(context.Context, ...scope.Option) *scope.Scope{
		"fail-fast": scope.Open, "supervised": scope.OpenSupervised,
	} {
		t.Run(policy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &startTest{T: t, failFast: policy == "fail-fast"}
				st.Scope = open(context.Background(), scope.Name("start"),
					scope.OnFailure(func(_ context.Context, f *scope.Failure) {
						st.handled = append(st.handled, f)
					}))
				test(st)
				_ = st.Shutdown(context.Background())
			})
		})
	}
}

// isUntouched checks that scope and handler have not heard of a failure.
func (t *startTest) isUntouched() {
	t.Helper()
	if len(t.handled) > 0 {
		t.Errorf("handler was given %v, want nothing", t.handled)
	}
	task, err := t.TryGo("next", func(ctx context.Context) error { return ctx.Err() })
	if err != nil || task.Wait(context.Background()) != nil || task.Err() != nil {
		t.Errorf("TryGo() = %v, %v, want a scope that lives on", task, err)
	}
}

// Row 148. The value is what f wrote before it called ready.
func TestStart_ReturnsWhenReady(t *testing.T) {
	startEach(t, func(t *startTest) {
		begin := time.Now()
		address := ""
		serve := func(ctx context.Context, ready func()) error {
			time.Sleep(3 * time.Second)
			address = "127.0.0.1:80"
			ready()
			<-ctx.Done()
			return ctx.Err()
		}
		task, err := t.Start(context.Background(), "serve", serve)
		if err != nil || address == "" {
			t.Fatalf("Start() = %v, %v, address %q, want a task and address", task, err, address)
		}
		if got, want := time.Since(begin), 3*time.Second; got != want {
			t.Errorf("Start() returned after %v, want %v", got, want)
		}
		info := task.Info()
		if info.Name != "serve" || info.Kind != "start" || info.State != "running" {
			t.Errorf("Info() = %+v, want serve, start, running", info)
		}
	})
}

// startEarlyEnd is a way to end before being ready.
type startEarlyEnd struct {
	name string
	f    func(ctx context.Context, ready func()) error
	want error
}

func startEarlyEnds() []startEarlyEnd {
	boom := errors.New("boom")
	return []startEarlyEnd{
		{"error", func(context.Context, func()) error { return boom }, boom},
		{"fatal", func(context.Context, func()) error { return scope.Fatal(boom) }, boom},
		{"panic", func(context.Context, func()) error { panic(boom) }, boom},
		{"goexit", func(context.Context, func()) error {
			runtime.Goexit()
			return nil
		}, scope.ErrGoexit},
		{"nil", func(context.Context, func()) error { return nil }, scope.ErrNotReady},
		{"cancelled itself", func(ctx context.Context, _ func()) error {
			scope.TaskFrom(ctx).Cancel(boom)
			return boom
		}, scope.ErrCancelled},
	}
}

// Row 149: such a failure is the caller's alone.
func TestStart_FailureBeforeReadyIsTheCallers(t *testing.T) {
	for _, end := range startEarlyEnds() {
		t.Run(end.name, func(t *testing.T) {
			startEach(t, func(t *startTest) {
				task, err := t.Start(context.Background(), "serve", end.f)
				if !errors.Is(err, end.want) || task != nil {
					t.Errorf("Start() = %v, %v, want nil and %v", task, err, end.want)
				}
				t.isUntouched()
			})
		})
	}
}

// Row 149: a panic keeps its stack on the way to the caller.
func TestStart_PanicBeforeReadyHasItsStack(t *testing.T) {
	startEach(t, func(t *startTest) {
		_, err := t.Start(context.Background(), "serve", func(context.Context, func()) error {
			panic("aua")
		})
		var p *scope.PanicError
		if !errors.As(err, &p) || p.Value != "aua" || p.Stack() == "" {
			t.Errorf("Start() = %v, want the panic with its stack", err)
		}
	})
}

// Row 150.
func TestStart_FailureAfterReadyIsTheScopes(t *testing.T) {
	startEach(t, func(t *startTest) {
		boom := errors.New("boom")
		task, err := t.Start(context.Background(), "serve",
			func(_ context.Context, ready func()) error {
				ready()
				time.Sleep(time.Second)
				return boom
			})
		if err != nil {
			t.Fatalf("Start() = %v, want nil", err)
		}
		<-task.Done()
		got := errors.Join(t.handled...)
		if t.failFast {
			got = t.Wait(context.Background())
		}
		if !errors.Is(got, boom) || !errors.Is(task.Err(), boom) {
			t.Errorf("told %v, Err() = %v, want %v", got, task.Err(), boom)
		}
		if !t.failFast && len(t.handled) != 1 {
			t.Errorf("handler was given %v, want one failure", t.handled)
		}
	})
}

// Row 151.
func TestStart_ContextDoneBeforeReady(t *testing.T) {
	gaveUp := errors.New("gave up")
	startEach(t, func(t *startTest) {
		begin := time.Now()
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, gaveUp)
		defer cancel()
		joined := false
		task, err := t.Start(ctx, "serve", func(ctx context.Context, _ func()) error {
			<-ctx.Done()
			if cause := context.Cause(ctx); !errors.Is(cause, gaveUp) {
				t.Errorf("Cause() = %v, want %v", cause, gaveUp)
			}
			time.Sleep(time.Minute)
			joined = true
			return ctx.Err()
		})
		if !errors.Is(err, gaveUp) || task != nil || !joined {
			t.Errorf("Start() = %v, %v, joined: %v, want nil, %v, true", task, err, joined, gaveUp)
		}
		if got, want := time.Since(begin), 61*time.Second; got != want {
			t.Errorf("Start() returned after %v, want %v", got, want)
		}
		t.isUntouched()
	})
}

// Row 151: what went wrong in the clean-up of a start that was given up is told
// to the caller, too, not lost.
func TestStart_GivenUpCleanUpFails(t *testing.T) {
	boom := errors.New("boom")
	startEach(t, func(t *startTest) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := t.Start(ctx, "serve", func(ctx context.Context, _ func()) error {
			<-ctx.Done()
			return boom
		})
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, boom) {
			t.Errorf("Start() = %v, want %v and %v", err, context.DeadlineExceeded, boom)
		}
		t.isUntouched()
	})
}

// Row 151: a ctx that is done on entry starts nothing that stays.
func TestStart_ContextDoneOnEntry(t *testing.T) {
	startEach(t, func(t *startTest) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		task, err := t.Start(ctx, "serve", func(ctx context.Context, _ func()) error {
			<-ctx.Done()
			return ctx.Err()
		})
		if !errors.Is(err, context.Canceled) || task != nil {
			t.Errorf("Start() = %v, %v, want nil and %v", task, err, context.Canceled)
		}
		t.isUntouched()
	})
}

// Row 152.
func TestStart_ReadyAgainIsHarmless(t *testing.T) {
	startEach(t, func(t *startTest) {
		var kept func()
		task, err := t.Start(context.Background(), "serve",
			func(_ context.Context, ready func()) error {
				kept = ready
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(ready)
				}
				wg.Wait()
				ready()
				return nil
			})
		if err != nil {
			t.Fatalf("Start() = %v, want nil", err)
		}
		<-task.Done()
		kept()
		if err := task.Err(); err != nil {
			t.Errorf("Err() = %v, want nil", err)
		}
		t.isUntouched()
	})
}

// Row 152: a ready that comes after the task has ended changes nothing.
func TestStart_ReadyAfterTheEndIsHarmless(t *testing.T) {
	startEach(t, func(t *startTest) {
		var kept func()
		_, err := t.Start(context.Background(), "serve",
			func(_ context.Context, ready func()) error {
				kept = ready
				return nil
			})
		kept()
		if !errors.Is(err, scope.ErrNotReady) {
			t.Errorf("Start() = %v, want %v", err, scope.ErrNotReady)
		}
		t.isUntouched()
	})
}

// Row 153.
func TestStart_PendingHoldsTheScopeOpen(t *testing.T) {
	for name, run := range map[string]func(
		context.Context, func(context.Context, *scope.Scope) error, ...scope.Option,
	) error{"Run": scope.Run, "Supervise": scope.Supervise} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				started := make(chan error, 1)
				err := run(context.Background(), func(_ context.Context, s *scope.Scope) error {
					go func() {
						_, err := s.Start(context.Background(), "serve",
							func(_ context.Context, ready func()) error {
								time.Sleep(time.Minute)
								ready()
								time.Sleep(time.Minute)
								return nil
							})
						started <- err
					}()
					synctest.Wait()
					return nil
				})
				if got, want := time.Since(begin), 2*time.Minute; err != nil || got != want {
					t.Errorf("%s() = %v after %v, want nil after %v", name, err, got, want)
				}
				if err := <-started; err != nil {
					t.Errorf("Start() = %v, want nil", err)
				}
			})
		})
	}
}

// Row 153: the end of the scope reaches a start that is pending.
func TestStart_PendingIsCancelledWithTheScope(t *testing.T) {
	closing := errors.New("closing")
	startEach(t, func(t *startTest) {
		time.AfterFunc(time.Second, func() { t.Cancel(closing) })
		_, err := t.Start(context.Background(), "serve",
			func(ctx context.Context, _ func()) error {
				<-ctx.Done()
				return ctx.Err()
			})
		if !errors.Is(err, scope.ErrCancelled) {
			t.Errorf("Start() = %v, want %v", err, scope.ErrCancelled)
		}
		if len(t.handled) > 0 {
			t.Errorf("handler was given %v, want nothing", t.handled)
		}
	})
}

// Row 154.
func TestStart_OnAClosedScope(t *testing.T) {
	closing := errors.New("closing")
	for name, end := range map[string]func(*scope.Scope){
		"cancelled": func(s *scope.Scope) { s.Cancel(closing) },
		"ended": func(s *scope.Scope) {
			s.Cancel(closing)
			<-s.Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			startEach(t, func(t *startTest) {
				end(t.Scope)
				task, err := t.Start(context.Background(), "serve",
					func(context.Context, func()) error {
						t.Error("f was called")
						return nil
					})
				if task != nil || !errors.Is(err, scope.ErrClosed) || !errors.Is(err, closing) {
					t.Errorf("Start() = %v, %v, want nil and ErrClosed with the cause", task, err)
				}
				if len(t.handled) > 0 {
					t.Errorf("handler was given %v, want nothing", t.handled)
				}
			})
		})
	}
}

// startRounds is how often a race is run.
func startRounds() int {
	if testing.Short() {
		return 1_000
	}
	return 10_000
}

// Rows 149 and 150: ready and the task's failure race; whoever wins, exactly
// one is told: the caller of Start, or the handler.
func TestStart_ReadyRacesWithFailure(t *testing.T) {
	boom := errors.New("boom")
	callers, handlers, wrong := 0, 0, 0
	for i := range startRounds() {
		var handled atomic.Int32
		s := scope.OpenSupervised(context.Background(),
			scope.OnFailure(func(_ context.Context, f *scope.Failure) {
				if errors.Is(f, boom) {
					handled.Add(1)
				}
			}))
		_, err := s.Start(context.Background(), "serve",
			func(_ context.Context, ready func()) error {
				go ready()
				for range i % 64 {
					runtime.Gosched()
				}
				return boom
			})
		_ = s.Shutdown(context.Background())
		switch toCaller := errors.Is(err, boom); {
		case toCaller && handled.Load() == 0:
			callers++
		case !toCaller && err == nil && handled.Load() == 1:
			handlers++
		default:
			wrong++
		}
	}
	if wrong > 0 || callers == 0 || handlers == 0 {
		t.Errorf("failures told to the caller: %d, the handler: %d, both or neither: %d;"+
			" want some, some, 0", callers, handlers, wrong)
	}
}

// Rows 149 and 152: once the task has returned it is decided who is told, and a
// ready that comes while it is being told changes nothing.
func TestStart_ReadyDuringTheEnd(t *testing.T) {
	boom := errors.New("boom")
	var kept func()
	handled := 0
	s := scope.OpenSupervised(context.Background(),
		scope.OnFailure(func(context.Context, *scope.Failure) { handled++ }),
		scope.Observe(scope.Observer{TaskEnded: func(scope.TaskInfo) { kept() }}))
	task, err := s.Start(context.Background(), "serve",
		func(ctx context.Context, ready func()) error {
			kept = ready
			scope.Describe(ctx, func() any {
				ready() // asked for when the failure is described
				return nil
			})
			return boom
		})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if !errors.Is(err, boom) || task != nil || handled > 0 {
		t.Errorf("Start() = %v, %v with %d handled, want nil, %v, 0", task, err, handled, boom)
	}
}

// Rows 148 and 151: ready and the end of ctx race; either the task is the
// caller's and lives, or the caller has the cause and nothing of the task runs.
func TestStart_ReadyRacesWithTheContext(t *testing.T) {
	s := scope.Open(context.Background())
	lives, joined := 0, 0
	for range startRounds() {
		ctx, cancel := context.WithCancel(context.Background())
		running := atomic.Bool{}
		running.Store(true)
		release := make(chan struct{})
		task, err := s.Start(ctx, "serve", func(ctx context.Context, ready func()) error {
			defer running.Store(false)
			go cancel()
			runtime.Gosched()
			ready()
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		switch {
		case err == nil && running.Load() && errors.Is(task.Err(), scope.ErrRunning):
			lives++
		case errors.Is(err, context.Canceled) && task == nil && !running.Load():
			joined++
		default:
			t.Fatalf("Start() = %v, %v, running: %v", task, err, running.Load())
		}
		close(release)
		cancel()
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if lives == 0 || joined == 0 {
		t.Errorf("became ready: %d, were given up: %d; want some of both", lives, joined)
	}
}
