package scope_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Row 78.
func TestScope_ShutdownCancelsAndWaits(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var tasks, handlers atomic.Int32
		s := p.open(t.Context(), scope.OnFailure(func(context.Context, *scope.Failure) {
			time.Sleep(time.Minute)
			handlers.Add(1)
		}))
		for range 3 {
			s.Go("", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Minute)
				tasks.Add(1)
				return errors.New("clean-up failed")
			})
		}
		synctest.Wait()
		begin := time.Now()
		err := s.Shutdown(t.Context())
		wantHandled := int32(3)
		if p.name == "fail-fast" { // where one of them is the result
			wantHandled = 2
		}
		if (err != nil) != (p.name == "fail-fast") {
			t.Errorf("Shutdown() = %v", err)
		}
		if tasks.Load() != 3 || handlers.Load() != wantHandled {
			t.Errorf("tasks over = %d, handlers over = %d, want 3, %d",
				tasks.Load(), handlers.Load(), wantHandled)
		}
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("Shutdown() took %v, want 2 min, and no polling", took)
		}
		if info := s.Info(); info.State != "ended" || !isClosed(s.Done()) {
			t.Errorf("state = %s, want ended", info.State)
		}
	})
}

// Row 79.
func TestScope_ShutdownWithNothingToDo(t *testing.T) {
	for _, ctx := range []context.Context{context.Background(), doneContext()} {
		eachPolicy(t, func(t *testing.T, p lifePolicy) {
			s := p.open(t.Context())
			s.Go("", func(context.Context) error { return nil })
			_ = s.Wait(t.Context())
			for range 3 {
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("Shutdown() = %v, want nil", err)
				}
			}
		})
	}
}

// Row 80.
func TestScope_ShutdownRightAfterStarts(t *testing.T) {
	const n = 100
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var called, live atomic.Int32
		s := p.open(t.Context())
		for range n {
			s.Go("", func(ctx context.Context) error {
				called.Add(1)
				live.Add(1)
				defer live.Add(-1)
				return obey(ctx)
			})
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		if called.Load() != n || live.Load() != 0 {
			t.Errorf("called = %d, live = %d, want %d, 0", called.Load(), live.Load(), n)
		}
	})
}

// Row 81.
func TestScope_ConcurrentShutdownsAgree(t *testing.T) {
	boom := errors.New("boom")
	before := map[string]func(s *scope.Scope) error{
		"clean":     func(*scope.Scope) error { return nil },
		"cancelled": func(s *scope.Scope) error { s.Cancel(boom); return boom },
		"fatal": func(s *scope.Scope) error {
			s.Go("", func(context.Context) error { return scope.Fatal(boom) })
			return boom
		},
	}
	for name, prepare := range before {
		t.Run(name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				s := p.open(t.Context())
				s.Go("", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Hour)
					return nil
				})
				want := prepare(s)
				synctest.Wait()
				checkShutdowns(t, s, want)
			})
		})
	}
}

// checkShutdowns shuts s down many times at once. It ends an hour later.
func checkShutdowns(t *testing.T, s *scope.Scope, want error) {
	t.Helper()
	begin := time.Now()
	results := make(chan error, 20)
	for range cap(results) {
		go func() { results <- s.Shutdown(t.Context()) }()
	}
	var first error
	for i := range cap(results) {
		err := <-results
		if took := time.Since(begin); took != time.Hour {
			t.Errorf("Shutdown() returned after %v, want an hour", took)
		}
		if i == 0 {
			first = err
		}
		if !errors.Is(err, want) || !errors.Is(err, first) {
			t.Errorf("Shutdown() = %v, another one = %v, want both %v", err, first, want)
		}
	}
}

// Row 82.
func TestRun_ShutdownFromOutsideLeavesTheOwnerAlone(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		owner, cancel := context.WithCancel(t.Context())
		defer cancel()
		err := p.run(owner, func(ctx context.Context, s *scope.Scope) error {
			s.Go("", obey)
			go func() {
				time.Sleep(time.Hour)
				_ = s.Shutdown(context.Background())
			}()
			return obey(ctx)
		})
		if err != nil || owner.Err() != nil {
			t.Errorf("result = %v, context of the owner = %v, want nil, nil", err, owner.Err())
		}
	})
}

// selfWaitPlaces are functions that call check from inside of s, with the
// context that belongs to the place.
func selfWaitPlaces() map[string]func(s *scope.Scope, check func(context.Context)) {
	return map[string]func(s *scope.Scope, check func(context.Context)){
		"task": func(s *scope.Scope, check func(context.Context)) {
			s.Go("", func(ctx context.Context) error { check(ctx); return nil })
		},
		"daemon": func(s *scope.Scope, check func(context.Context)) {
			s.Daemon("", func(ctx context.Context) error { check(ctx); return nil })
		},
		"async": func(s *scope.Scope, check func(context.Context)) {
			scope.Async(s, "", func(ctx context.Context) (int, error) { check(ctx); return 0, nil })
		},
		"Start": func(s *scope.Scope, check func(context.Context)) {
			_, _ = s.Start(context.Background(), "", func(ctx context.Context, ready func()) error {
				check(ctx)
				ready()
				return nil
			})
		},
		"Do": func(s *scope.Scope, check func(context.Context)) {
			_ = s.Do(context.Background(), "", func(ctx context.Context) error {
				check(ctx)
				return nil
			})
		},
		"deferred call of a task": func(s *scope.Scope, check func(context.Context)) {
			s.Go("", func(ctx context.Context) error { defer check(ctx); panic("task") })
		},
		"grandchild": func(s *scope.Scope, check func(context.Context)) {
			s.Go("", func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
					in.Go("", func(ctx context.Context) error { check(ctx); return nil })
					return nil
				})
			})
		},
		"body of a grandchild": func(s *scope.Scope, check func(context.Context)) {
			s.Go("", func(ctx context.Context) error {
				return scope.Supervise(ctx, func(ctx context.Context, _ *scope.Scope) error {
					check(ctx)
					return nil
				})
			})
		},
		"body of a grandchild on a goroutine of nobody": func(
			s *scope.Scope, check func(context.Context),
		) {
			s.Go("", func(ctx context.Context) error {
				over := make(chan struct{})
				go func() {
					defer close(over)
					_ = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
						check(ctx)
						return nil
					})
				}()
				<-over
				return nil
			})
		},
		"long-lived grandchild": func(s *scope.Scope, check func(context.Context)) {
			s.Go("", func(ctx context.Context) error {
				in := scope.Open(ctx)
				in.Go("", func(ctx context.Context) error { check(ctx); return nil })
				return in.Wait(ctx)
			})
		},
		"handler": func(s *scope.Scope, _ func(context.Context)) {
			both := make(chan struct{})
			for range 2 { // the first failure of a fail-fast scope is its result
				s.Go("fails", func(context.Context) error { <-both; return errors.New("boom") })
			}
			close(both)
		},
		"deferred function": func(s *scope.Scope, check func(context.Context)) {
			s.Defer("", func(ctx context.Context) error { check(ctx); return nil })
			s.Cancel(nil)
		},
	}
}

// selfWaitContexts are the contexts that one may have at hand inside of a task.
// The foreign one does not tell where it is used; the goroutine does.
func selfWaitContexts() map[string]func(context.Context) context.Context {
	return map[string]func(context.Context) context.Context{
		"own": func(ctx context.Context) context.Context { return ctx },
		"derived": func(ctx context.Context) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), spawnKey{}, 1)
		},
		"foreign": func(context.Context) context.Context { return context.Background() },
	}
}

// Row 83.
func TestScope_WaitingFromInsideDoesNotHang(t *testing.T) {
	for name, place := range selfWaitPlaces() {
		for kind, pick := range selfWaitContexts() {
			for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, kind, verb), func(t *testing.T) {
					eachPolicy(t, func(t *testing.T, p lifePolicy) {
						checkSelfWait(t, p, place, pick, verb)
					})
				})
			}
		}
	}
}

func checkSelfWait(
	t *testing.T, p lifePolicy, place func(*scope.Scope, func(context.Context)),
	pick func(context.Context) context.Context, verb string,
) {
	t.Helper()
	var s *scope.Scope
	var calls atomic.Int32
	check := func(ctx context.Context) {
		calls.Add(1)
		s.Go("sibling", obey)
		if err := waitVerbs(s)[verb](pick(ctx)); !errors.Is(err, scope.ErrSelfWait) {
			t.Errorf("%s() = %v, want %v", verb, err, scope.ErrSelfWait)
		}
		if k := s.Info().Cause; verb == "Shutdown" && k == nil {
			t.Error("Shutdown() from inside did not cancel")
		}
	}
	s = p.open(t.Context(), scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
		if f.Task.Name == "fails" {
			check(ctx)
		}
	}))
	begin := time.Now()
	place(s, check)
	synctest.Wait()
	_ = s.Shutdown(context.Background())
	if calls.Load() == 0 {
		t.Error("the waiting call was never made; the test shows nothing")
	}
	if took := time.Since(begin); took != 0 {
		t.Errorf("it took %v, want 0", took)
	}
}

// Row 83: nobody is inside a task that is over.
func TestScope_WaitingWithTheContextOfATaskThatIsOver(t *testing.T) {
	for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
		t.Run(verb, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				s := p.open(t.Context())
				var kept context.Context
				_ = s.Go("", func(ctx context.Context) error {
					kept = context.WithoutCancel(ctx) //nolint:fatcontext // it is kept on purpose
					return nil
				}).Wait(t.Context())
				slow := s.Go("", func(context.Context) error {
					time.Sleep(time.Hour)
					return nil
				})
				if err := waitVerbs(s)[verb](kept); err != nil || slow.Err() != nil {
					t.Errorf("%s() = %v, the task that is left: %v; want nil, nil",
						verb, err, slow.Err())
				}
				_ = s.Shutdown(t.Context())
				if err := waitVerbs(s)[verb](kept); err != nil {
					t.Errorf("%s() after the end = %v, want nil", verb, err)
				}
			})
		})
	}
}

// Row 83.
func TestScope_WaitingWithTheContextOfATaskDoesNotHang(t *testing.T) {
	for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
		t.Run(verb, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				s := p.open(t.Context())
				waits := func(ctx context.Context) error {
					ctx = context.WithoutCancel(ctx)
					stray := async(func() error { return waitVerbs(s)[verb](ctx) })
					if err := <-stray; !errors.Is(err, scope.ErrSelfWait) {
						t.Errorf("%s() = %v, want %v", verb, err, scope.ErrSelfWait)
					}
					return ctx.Err()
				}
				s.Go("", waits)
				s.Go("", func(ctx context.Context) error {
					return p.run(ctx, func(ctx context.Context, in *scope.Scope) error {
						in.Go("", waits)
						return waits(ctx)
					})
				})
				synctest.Wait()
				_ = s.Shutdown(t.Context())
			})
		})
	}
}

// Row 84.
func TestRun_ShutdownInTheBodyWaitsForTheTasks(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		err := p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			task := s.Go("", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Hour)
				return ctx.Err()
			})
			daemon := s.Daemon("", obey)
			s.Defer("", func(context.Context) error { return nil })
			if err := s.Shutdown(context.WithoutCancel(ctx)); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
			if !isClosed(task.Done()) || !isClosed(daemon.Done()) {
				t.Error("Shutdown() returned before the tasks had ended")
			}
			if isClosed(s.Done()) || ctx.Err() == nil {
				t.Error("in the body: the scope has ended, or the context is live")
			}
			return nil
		})
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
	})
}

// Row 84.
func TestRun_ShutdownFromAScopeNestedInTheBody(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		err := p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			conn := s.Go("conn", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Hour)
				return nil
			})
			return scope.Run(ctx, func(_ context.Context, in *scope.Scope) error {
				in.Go("signal", func(ctx context.Context) error {
					err := s.Shutdown(context.WithoutCancel(ctx))
					if err != nil || !isClosed(conn.Done()) {
						t.Errorf("Shutdown() = %v, task over: %v, want nil, true",
							err, isClosed(conn.Done()))
					}
					return nil
				})
				return nil
			})
		})
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
	})
}

// Row 83: however deep the call is, and wherever a batch of its frames ends.
func TestScope_WaitingFromDeepInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.Open(t.Context())
		var deep func(n int)
		deep = func(n int) {
			if err := s.Wait(context.Background()); err != scope.ErrSelfWait {
				t.Errorf("%d calls deep: Wait() = %v, want %v", n, err, scope.ErrSelfWait)
			}
			if n < 100 {
				deep(n + 1)
			}
		}
		s.Go("deep", func(context.Context) error { deep(0); return nil })
		synctest.Wait()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Row 83: a body is inside, too, on a goroutine that a task has left behind; and it is
// not in a scope that the task does not wait for.
func TestScope_WaitingInABodyBelowATask(t *testing.T) {
	inner := map[string]func(context.Context, func()) error{
		"body": func(ctx context.Context, f func()) error {
			return scope.Run(ctx, func(context.Context, *scope.Scope) error { f(); return nil })
		},
		"task": func(ctx context.Context, f func()) error {
			in := scope.Open(ctx)
			in.Go("", func(context.Context) error { f(); return nil })
			return in.Drain(context.Background())
		},
	}
	for name, detach := range map[string]func(context.Context) context.Context{
		"held":     func(ctx context.Context) context.Context { return ctx },
		"not held": context.WithoutCancel,
	} {
		for where, run := range inner {
			for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
				synctest.Test(t, func(t *testing.T) {
					var err error
					s := scope.OpenSupervised(t.Context())
					s.Go("", func(ctx context.Context) error {
						go func() {
							_ = run(detach(ctx), func() {
								ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
								defer cancel()
								err = waitVerbs(s)[verb](ctx)
							})
						}()
						synctest.Wait()
						return nil
					})
					_ = s.Wait(t.Context())
					synctest.Wait()
					if held := name == "held"; errors.Is(err, scope.ErrSelfWait) != held {
						t.Errorf("%s in a %s, %s: %v", verb, where, name, err)
					}
					_ = s.Shutdown(t.Context())
				})
			}
		}
	}
}

// Rows 83 and 84: when the body is over, its scope waits for those nested in it, and
// who waits in one of them would wait for itself.
func TestRun_WaitingInAScopeThatTheBodyLeftBehind(t *testing.T) {
	for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
		t.Run(verb, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				err := p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					s.Go("conn", func(context.Context) error {
						time.Sleep(time.Hour)
						return nil
					})
					waits := func(ctx context.Context) {
						if err := waitVerbs(s)[verb](ctx); err != scope.ErrSelfWait {
							t.Errorf("%s() = %v, want %v", verb, err, scope.ErrSelfWait)
						}
					}
					in := scope.OpenSupervised(ctx)
					in.Go("signal", func(ctx context.Context) error {
						waits(context.WithoutCancel(ctx))
						return nil
					})
					go func() { // of nobody, but in the body of a nested scope
						_ = p.run(ctx, func(context.Context, *scope.Scope) error {
							waits(context.Background())
							return nil
						})
					}()
					synctest.Wait() // until it waits
					return nil
				})
				if err != nil {
					t.Errorf("result = %v, want nil", err)
				}
			})
		})
	}
}

// Rows 78 and 81.
func TestScope_ShutdownFromOutsideWaitsForDeferred(t *testing.T) {
	for _, verb := range []string{"Shutdown", "Drain", "Wait"} {
		t.Run(verb, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				var s *scope.Scope
				var cleaned atomic.Bool
				result := async(func() error {
					return p.run(t.Context(), func(_ context.Context, in *scope.Scope) error {
						s = in
						in.Defer("", func(context.Context) error {
							time.Sleep(time.Hour)
							cleaned.Store(true)
							return nil
						})
						return nil
					})
				})
				synctest.Wait()
				if err := waitVerbs(s)[verb](t.Context()); err != nil || !cleaned.Load() {
					t.Errorf("%s() = %v, deferred function over: %v, want nil, true",
						verb, err, cleaned.Load())
				}
				if err := <-result; err != nil {
					t.Errorf("result = %v, want nil", err)
				}
			})
		})
	}
}

// Row 85.
func TestScope_AnUndetectableSelfWaitIsBounded(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		begin := time.Now()
		s := p.open(t.Context())
		s.Go("waits for a stray goroutine", func(context.Context) error {
			return <-async(func() error {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				var left *scope.StragglersError
				err := s.Shutdown(ctx)
				if !errors.As(err, &left) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Shutdown() = %v, want a *StragglersError with the deadline", err)
				}
				return nil
			})
		})
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the end took %v, want that of the context, 1 min", took)
		}
	})
}

func TestScope_ShutdownAgainAfterItRanOutOfTime(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context())
		s.Go("", ignore(release))
		for range 2 {
			var left *scope.StragglersError
			if err := s.Shutdown(doneContext()); !errors.As(err, &left) {
				t.Errorf("Shutdown() with a done context = %v, want a *StragglersError", err)
			}
		}
		if err := s.Wait(doneContext()); !errors.Is(err, context.Canceled) {
			t.Errorf("Wait() with a done context = %v, want %v", err, context.Canceled)
		}
		close(release)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

func TestScope_DeferredFunctionsRunOnceLastInFirstOut(t *testing.T) {
	ends := map[string]func() error{
		"return": func() error { return nil },
		"error":  func() error { return errors.New("boom") },
		"panic":  func() error { panic("boom") },
		"Goexit": func() error { runtime.Goexit(); return nil },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				var order []string
				cleanup := func(name string) func(context.Context) error {
					return func(ctx context.Context) error {
						if ctx.Err() != nil {
							t.Errorf("context of a deferred function = %v, want nil", ctx.Err())
						}
						time.Sleep(time.Second)
						order = append(order, name)
						return end()
					}
				}
				_ = live(func(_ context.Context, s *scope.Scope) {
					s.Daemon("", func(ctx context.Context) error {
						defer func() { order = append(order, "daemon") }()
						return obey(ctx)
					})
					s.Defer("", cleanup("1"))
					s.Defer("", func(ctx context.Context) error {
						s.Defer("", cleanup("from 2"))
						return cleanup("2")(ctx)
					})
					s.Defer("", cleanup("3"))
					s.Cancel(nil)
				}, scope.OnFailure(scope.Ignore))
				if want := []string{"daemon", "3", "2", "from 2", "1"}; !slices.Equal(order, want) {
					t.Errorf("ran in order %v, want %v", order, want)
				}
			})
		})
	}
}

// An observer that leaves its goroutine must not take the scope's end along.
func TestObserver_GoexitDoesNotHoldTheScope(t *testing.T) {
	leave := func(scope.ScopeInfo) { runtime.Goexit() }
	leaveTask := func(scope.TaskInfo) { runtime.Goexit() }
	observers := map[string]scope.Observer{
		"TaskStarted":    {TaskStarted: leaveTask},
		"TaskEnded":      {TaskEnded: leaveTask},
		"ScopeCancelled": {ScopeCancelled: leave},
		"ScopeEnded":     {ScopeEnded: leave},
	}
	for name, o := range observers {
		t.Run(name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				var calls atomic.Int32
				s := p.open(t.Context(), scope.Observe(o))
				var users sync.WaitGroup
				users.Go(func() {
					s.Go("", func(context.Context) error { calls.Add(1); return nil })
				})
				users.Wait()
				users.Go(func() { _ = s.Wait(t.Context()) })
				users.Go(func() { s.Cancel(nil) })
				users.Wait()
				<-s.Done()
				if n := calls.Load(); n != 1 {
					t.Errorf("calls of the task = %d, want 1", n)
				}
			})
		})
	}
}

// Who has learned of the end in one way finds it in every other.
func TestScope_EndIsOneMoment(t *testing.T) {
	for range rounds(2000) {
		s := scope.Open(t.Context())
		done := s.Done()
		release := make(chan struct{})
		s.Go("", ignore(release))
		go s.Cancel(nil)
		var looks sync.WaitGroup
		looks.Go(func() {
			_ = s.Wait(context.Background())
			if s.Info().State == "ended" && (!isClosed(done) || !isClosed(s.Done())) {
				t.Error("Wait has returned, and Done is not closed")
			}
		})
		looks.Go(func() {
			for s.Info().State != "ended" {
				runtime.Gosched()
			}
			if !isClosed(done) {
				t.Error("the scope has ended, and Done is not closed")
			}
		})
		looks.Go(func() {
			<-done
			if got := s.Info().State; got != "ended" {
				t.Errorf("Done is closed, and the scope is %s", got)
			}
		})
		close(release)
		_ = s.Shutdown(t.Context())
		looks.Wait()
	}
}
