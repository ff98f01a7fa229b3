package scope_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A spawnVerb starts f by one of the calls that start a task. The error is the
// refusal.
type spawnVerb struct {
	name  string
	spawn func(s *scope.Scope, f func(context.Context) error) error
}

func spawnVerbs() []spawnVerb {
	return []spawnVerb{
		{"Go", func(s *scope.Scope, f func(context.Context) error) error {
			return handleRefusal(s.Go("new", f).Err())
		}},
		{"TryGo", func(s *scope.Scope, f func(context.Context) error) error {
			_, err := s.TryGo("new", f)
			return err
		}},
		{"Daemon", func(s *scope.Scope, f func(context.Context) error) error {
			return handleRefusal(s.Daemon("new", f).Err())
		}},
		{"Async", func(s *scope.Scope, f func(context.Context) error) error {
			return handleRefusal(scope.Async(s, "new", asyncOf(f)).Err())
		}},
		{"Start", func(s *scope.Scope, f func(context.Context) error) error {
			_, err := s.Start(context.Background(), "new", startOf(f))
			return err
		}},
		{"Do", func(s *scope.Scope, f func(context.Context) error) error {
			return s.Do(context.Background(), "new", f)
		}},
	}
}

// eachVerb runs test in a bubble for every spawnVerb and both policies.
func eachVerb(t *testing.T, test func(t *testing.T, v spawnVerb, p lifePolicy)) {
	t.Helper()
	for _, v := range spawnVerbs() {
		t.Run(v.name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) { test(t, v, p) })
		})
	}
}

// handleRefusal returns the error of a handle that was done from the start.
func handleRefusal(err error) error {
	if errors.Is(err, scope.ErrClosed) || errors.Is(err, scope.ErrLimit) {
		return err
	}
	return nil
}

// asyncOf makes a function for Async of one for Go.
func asyncOf(f func(context.Context) error) func(context.Context) (int, error) {
	if f == nil {
		return nil
	}
	return func(ctx context.Context) (int, error) { return 0, f(ctx) }
}

// startOf makes a function for Start of one for Go. It is ready at once.
func startOf(f func(context.Context) error) func(context.Context, func()) error {
	if f == nil {
		return nil
	}
	return func(ctx context.Context, ready func()) error {
		ready()
		return f(ctx)
	}
}

// rounds scales the rounds of a stress test.
func rounds(n int) int {
	if testing.Short() {
		return n / 100
	}
	return n
}

// stagger lets the other side of a race have a head start of varying length,
// on one processor, too.
func stagger(i int) {
	if i%2 == 0 {
		runtime.Gosched()
	}
	for range i % 64 * 16 {
		_ = i // some nanoseconds
	}
}

// meet holds the first of two goroutines until the second one calls it, too, and
// then staggers them.
func meet(n *atomic.Int32, i int) {
	n.Add(1)
	for n.Load() < 2 {
		runtime.Gosched()
	}
	stagger(i)
}

// bothHappened checks that a race between two outcomes was one.
func bothHappened(t *testing.T, admitted, refused int) {
	t.Helper()
	t.Logf("admitted %d, refused %d", admitted, refused)
	if !testing.Short() && (admitted == 0 || refused == 0) {
		t.Errorf("admitted %d, refused %d: no race was tried", admitted, refused)
	}
}

// Row 57.
func TestScope_ATaskStartsASibling(t *testing.T) {
	for _, v := range spawnVerbs() {
		t.Run(v.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				var ran atomic.Bool
				err := live(func(ctx context.Context, s *scope.Scope) {
					task := s.Go("", func(context.Context) error {
						return v.spawn(s, func(context.Context) error {
							ran.Store(true)
							return nil
						})
					})
					_ = task.Wait(ctx)
				})
				if err != nil || !ran.Load() {
					t.Errorf("result = %v, sibling ran: %v, want nil, true", err, ran.Load())
				}
			})
		})
	}
}

// Row 58.
func TestRun_ATaskStartsASiblingAfterTheBody(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var ended atomic.Bool
		err := p.run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("", func(context.Context) error {
				time.Sleep(time.Hour) // the body is over by now
				_, err := s.TryGo("", func(context.Context) error {
					time.Sleep(time.Hour)
					ended.Store(true)
					return nil
				})
				return err
			})
			return nil
		})
		if err != nil || !ended.Load() {
			t.Errorf("result = %v, sibling awaited: %v, want nil, true", err, ended.Load())
		}
	})
}

// Rows 59 and 70.
func TestScope_NothingStartsAfterTheEnd(t *testing.T) {
	for _, v := range spawnVerbs() {
		t.Run(v.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				var over *scope.Scope
				_ = live(func(_ context.Context, s *scope.Scope) { over = s },
					scope.OnFailure(scope.Ignore))
				err := v.spawn(over, func(context.Context) error {
					t.Error("a task was run after the end of its scope")
					return nil
				})
				if !errors.Is(err, scope.ErrClosed) {
					t.Errorf("%s() = %v, want %v", v.name, err, scope.ErrClosed)
				}
				synctest.Wait()
			})
		})
	}
}

// Row 70.
func TestRun_AnEndedScopeAnswersAllVerbs(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		boom := errors.New("boom")
		var s *scope.Scope
		_ = p.run(t.Context(), func(_ context.Context, in *scope.Scope) error {
			s = in
			return boom
		})
		for name, verb := range waitVerbs(s) {
			if err := verb(t.Context()); !errors.Is(err, boom) {
				t.Errorf("%s() = %v, want the result of the scope, %v", name, err, boom)
			}
		}
		if !isClosed(s.Done()) || s.Info().State != "ended" {
			t.Errorf("Done is open, or state = %s, want ended", s.Info().State)
		}
		defer func() {
			if recover() == nil {
				t.Error("Defer on an ended scope did not panic: nothing would call the function")
			}
		}()
		s.Defer("", func(context.Context) error { return nil })
	})
}

// waitVerbs are the calls that wait for a scope.
func waitVerbs(s *scope.Scope) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Wait": s.Wait, "Drain": s.Drain, "Shutdown": s.Shutdown,
	}
}

// Rows 60 and 61.
func TestScope_NothingStartsAfterCancel(t *testing.T) {
	cause := errors.New("cause")
	for _, v := range spawnVerbs() {
		t.Run(v.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				check := func(who string, s *scope.Scope) {
					err := v.spawn(s, func(context.Context) error {
						t.Errorf("a task started by %s after Cancel was run", who)
						return nil
					})
					if !errors.Is(err, scope.ErrClosed) || !errors.Is(err, cause) {
						t.Errorf("%s from %s = %v, want ErrClosed and the cause", v.name, who, err)
					}
				}
				var cleaned bool
				err := live(func(_ context.Context, s *scope.Scope) {
					task := s.Go("", func(ctx context.Context) error {
						<-ctx.Done()
						check("a task in its clean-up", s)
						time.Sleep(time.Second)
						cleaned = true
						return nil
					})
					synctest.Wait()
					s.Cancel(cause)
					check("its owner", s)
					_ = task.Wait(context.Background())
				}, scope.OnFailure(scope.Ignore))
				if !errors.Is(err, cause) || !cleaned {
					t.Errorf("result = %v, cleaned up: %v, want the cause, true", err, cleaned)
				}
			})
		})
	}
}

// Rows 60 and 61.
func TestScope_NothingStartsInTheCleanUpOfANormalEnd(t *testing.T) {
	for _, v := range spawnVerbs() {
		t.Run(v.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				var fromDaemon, fromDeferred, fromOutside error
				err := live(func(_ context.Context, s *scope.Scope) {
					s.Daemon("", func(ctx context.Context) error {
						<-ctx.Done()
						fromDaemon = v.spawn(s, obey)
						fromOutside = <-async(func() error { return v.spawn(s, obey) })
						return nil
					})
					s.Defer("", func(context.Context) error {
						fromDeferred = v.spawn(s, obey)
						return nil
					})
				}, scope.OnFailure(scope.Ignore))
				if err != nil {
					t.Errorf("result = %v, want nil", err)
				}
				for _, err := range []error{fromDaemon, fromDeferred, fromOutside} {
					if !errors.Is(err, scope.ErrClosed) {
						t.Errorf("%s() in the clean-up = %v, want %v", v.name, err, scope.ErrClosed)
					}
				}
			})
		})
	}
}

// Row 60.
func TestScope_NothingStartsOnceItsParentIsCancelled(t *testing.T) {
	cause := errors.New("cause")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		parent, cancel := context.WithCancelCause(t.Context())
		s := p.open(parent)
		cancel(cause)
		// package context has not called back yet
		if _, err := s.TryGo("", obey); !errors.Is(err, scope.ErrClosed) || !errors.Is(err, cause) {
			t.Errorf("TryGo() = %v, want ErrClosed and the cause", err)
		}
	})
}

// Row 62.
func TestScope_EndlessSpawnersStop(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		_ = live(func(_ context.Context, s *scope.Scope) {
			var hydra func(context.Context) error
			hydra = func(ctx context.Context) error {
				time.Sleep(time.Second)
				for range 2 {
					_, _ = s.TryGo("head", hydra)
				}
				return ctx.Err()
			}
			s.Go("head", hydra)
			time.Sleep(8*time.Second + time.Millisecond)
			if n := s.Info().Counts.Live; n != 256 {
				t.Errorf("heads after 8 s = %d, want 256", n)
			}
			s.Cancel(nil)
		})
	})
}

// Row 63.
// Guarantee 2.
func TestScope_GoTellsOfARefusalAtOnce(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context(), scope.OnFailure(scope.Ignore))
		s.Cancel(nil)
		if task, err := s.TryGo("try", obey); task != nil || !errors.Is(err, scope.ErrClosed) {
			t.Errorf("TryGo() = %v, %v, want nil, ErrClosed", task, err)
		}
		task := s.Go("lost", obey)
		if !isClosed(task.Done()) || !errors.Is(task.Err(), scope.ErrClosed) {
			t.Errorf("handle done: %v, Err() = %v, want true, ErrClosed",
				isClosed(task.Done()), task.Err())
		}
		if state := task.Info().State; state != "refused" {
			t.Errorf("state = %s, want refused", state)
		}
		if n := s.Info().Counts.Refused; n != 2 {
			t.Errorf("refusals counted = %d, want 2", n)
		}
	})
}

// Row 63.
func TestScope_ARefusalByGoReachesTheHandler(t *testing.T) {
	eachVerb(t, func(t *testing.T, v spawnVerb, p lifePolicy) {
		var reported []*scope.Failure
		s := p.open(t.Context(), scope.OnFailure(func(_ context.Context, f *scope.Failure) {
			reported = append(reported, f)
		}))
		s.Cancel(nil)
		_ = v.spawn(s, obey)
		want := 0
		if p.name == "supervised" && (v.name == "Go" || v.name == "Daemon" || v.name == "Async") {
			want = 1 // the others have told their caller
		}
		if len(reported) != want {
			t.Fatalf("handler got %v, want %d refusals", reported, want)
		}
		for _, f := range reported {
			if f.Task.Name != "new" || !errors.Is(f, scope.ErrClosed) {
				t.Errorf("handler got %v, want the refusal of the task", f)
			}
		}
	})
}

// Row 64.
// Guarantee 2.
func TestScope_AnAdmittedTaskIsCalledOnce(t *testing.T) {
	const n = 100
	eachForm(t, func(t *testing.T, live lifeForm) {
		var calls [n]atomic.Int32
		_ = live(func(_ context.Context, s *scope.Scope) {
			for i := range n {
				s.Go("", func(ctx context.Context) error {
					calls[i].Add(1)
					return obey(ctx)
				})
			}
			s.Cancel(nil) // most goroutines have not run yet
		})
		for i := range calls {
			if got := calls[i].Load(); got != 1 {
				t.Errorf("calls of task %d = %d, want 1", i, got)
			}
		}
	})
}

// Row 65.
func TestRun_SpawnRacesWithTheEnd(t *testing.T) {
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			admitted, refused := 0, 0
			for i := range rounds(50_000) { // and as many of the other policy
				var ran atomic.Bool
				last := make(chan struct{})
				spawned := make(chan error, 1)
				_ = p.run(t.Context(), func(_ context.Context, s *scope.Scope) error {
					go func() {
						<-last
						_, err := s.TryGo("late", func(context.Context) error {
							ran.Store(true)
							return nil
						})
						spawned <- err
					}()
					s.Go("last", func(context.Context) error {
						close(last)
						stagger(i)
						return nil
					})
					return nil
				})
				awaited := ran.Load()
				switch err := <-spawned; {
				case err == nil && !awaited:
					t.Fatal("an admitted task was not awaited")
				case err != nil && (awaited || !errors.Is(err, scope.ErrClosed)):
					t.Fatalf("refused with %v, ran: %v, want ErrClosed, false", err, awaited)
				case err == nil:
					admitted++
				default:
					refused++
				}
			}
			bothHappened(t, admitted, refused)
		})
	}
}

// Rows 64 and 66.
func TestScope_SpawnRacesWithCancel(t *testing.T) {
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			admitted, refused := 0, 0
			for i := range rounds(10_000) {
				if raceSpawnWithCancel(t, p, i) {
					admitted++
				} else {
					refused++
				}
			}
			bothHappened(t, admitted, refused)
		})
	}
}

// raceSpawnWithCancel reports whether the task was admitted.
func raceSpawnWithCancel(t *testing.T, p lifePolicy, round int) bool {
	t.Helper()
	s := p.open(context.Background())
	var calls, both atomic.Int32
	spawned := async(func() error {
		meet(&both, round/32)
		_, err := s.TryGo("", func(ctx context.Context) error {
			calls.Add(1)
			return obey(ctx) // for ever, if it misses the cancellation
		})
		return err
	})
	meet(&both, round)
	s.Cancel(errors.New("cause"))
	<-s.Done()
	err := <-spawned
	if n := calls.Load(); n != 1 && err == nil || n != 0 && err != nil {
		t.Fatalf("TryGo() = %v and the function was called %d times", err, n)
	}
	if c := s.Info().Counts; err == nil && c.Cancelled != 1 {
		t.Fatalf("counts = %+v, want one task that saw the cause", c)
	}
	return err == nil
}

// Rows 65 and 80.
func TestScope_SpawnRacesWithShutdown(t *testing.T) {
	const spawners = 4
	admitted, refused := 0, 0
	for i := range rounds(100_000 / spawners) {
		s := scope.OpenSupervised(context.Background())
		var ran, refusals atomic.Int32
		var wg sync.WaitGroup
		for range spawners {
			wg.Go(func() {
				_, err := s.TryGo("", func(context.Context) error {
					ran.Add(1)
					return nil
				})
				if err != nil {
					refusals.Add(1)
				}
			})
		}
		stagger(i)
		s.Cancel(nil)
		<-s.Done()
		atEnd := ran.Load()
		wg.Wait()
		no := int(refusals.Load())
		c := s.Info().Counts
		if int(atEnd) != spawners-no || ran.Load() != atEnd {
			t.Fatalf("ran before the end %d, in all %d, refused %d of %d",
				atEnd, ran.Load(), no, spawners)
		}
		if int(c.Started) != spawners-no || int(c.Refused) != no || c.OK != c.Started {
			t.Fatalf("counts = %+v, want %d started, %d refused", c, spawners-no, no)
		}
		admitted += spawners - no
		refused += no
	}
	bothHappened(t, admitted, refused)
}

// Row 67.
func TestScope_ATaskCancelsItsScopeFirst(t *testing.T) {
	cause := errors.New("cause")
	eachForm(t, func(t *testing.T, live lifeForm) {
		err := live(func(_ context.Context, s *scope.Scope) {
			s.Go("sibling", obey)
			s.Go("", func(ctx context.Context) error {
				s.Cancel(cause)
				return obey(ctx)
			})
		})
		if !errors.Is(err, cause) {
			t.Errorf("result = %v, want %v", err, cause)
		}
	})
}

// Row 68.
func TestScope_ANilFunctionPanicsInTheCaller(t *testing.T) {
	verbs := append(spawnVerbs(),
		spawnVerb{"Defer", func(s *scope.Scope, f func(context.Context) error) error {
			s.Defer("", f)
			return nil
		}})
	for _, v := range verbs {
		t.Run(v.name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				s := p.open(t.Context(), scope.Limit(1))
				func() {
					defer func() {
						if v := recover(); v == nil {
							t.Error("nil function: no panic in the caller")
						}
					}()
					_ = v.spawn(s, nil)
				}()
				if c := s.Info().Counts; c != (scope.Counts{}) {
					t.Errorf("counts = %+v, want none", c)
				}
				_ = s.Shutdown(t.Context())
			})
		})
	}
}

// Row 69.
func TestScope_GoDoesNotBlock(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context(),
			scope.OnFailure(func(context.Context, *scope.Failure) { <-release }))
		busy := s.Go("in a slow handler", func(context.Context) error { return errors.New("boom") })
		synctest.Wait()
		if p.name == "supervised" && !errors.Is(busy.Err(), scope.ErrRunning) {
			t.Error("the handler does not block; the test shows nothing")
		}
		begin := time.Now()
		for range 1000 {
			s.Go("", obey)
			s.Daemon("", obey)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("2000 calls blocked for %v, want 0", took)
		}
		close(release)
		_ = s.Shutdown(t.Context())
	})
}

type spawnKey struct{}

// Row 71.
func TestTask_ContextIsTheScopes(t *testing.T) {
	eachVerb(t, func(t *testing.T, v spawnVerb, p lifePolicy) {
		at := time.Now().Add(time.Hour)
		outer, cancel := context.WithDeadline(
			context.WithValue(t.Context(), spawnKey{}, "value"), at)
		defer cancel()
		s := p.open(outer)
		_ = v.spawn(s, func(ctx context.Context) error {
			// The values of Do are those of its caller.
			if got := ctx.Value(spawnKey{}); got != "value" && v.name != "Do" {
				t.Errorf("Value() = %v, want value", got)
			}
			if got, ok := ctx.Deadline(); !ok || !got.Equal(at) {
				t.Errorf("Deadline() = %v, %v, want %v", got, ok, at)
			}
			err := obey(ctx)
			if now := time.Now(); !now.Equal(at) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("done at %v with %v, want %v", now, err, at)
			}
			return err
		})
		<-s.Done()
		if err := s.Wait(context.Background()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait() = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// Row 72.
func TestTask_OutlivesTheContextOfItsSpawner(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		var ended atomic.Int32
		work := func(ctx context.Context) error {
			time.Sleep(time.Minute)
			if ctx.Err() != nil {
				t.Errorf("context of the task = %v, want nil", ctx.Err())
			}
			ended.Add(1)
			return ctx.Err()
		}
		_ = live(func(ctx context.Context, s *scope.Scope) {
			spawner := s.Go("spawner", func(ctx context.Context) error {
				s.Go("", work)
				return obey(ctx)
			})
			synctest.Wait()
			spawner.Cancel(nil)

			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			func(context.Context) { s.Go("", work) }(short)
			<-short.Done()
		})
		if n := ended.Load(); n != 2 {
			t.Errorf("tasks that came to their end = %d, want 2", n)
		}
	})
}

func TestScope_ZeroPanicsWithTheFix(t *testing.T) {
	verbs := append(spawnVerbs(),
		spawnVerb{"Defer", func(s *scope.Scope, f func(context.Context) error) error {
			s.Defer("", f)
			return nil
		}},
		spawnVerb{"Cancel", func(s *scope.Scope, _ func(context.Context) error) error {
			s.Cancel(nil)
			return nil
		}})
	for _, v := range verbs {
		for _, s := range []*scope.Scope{nil, new(scope.Scope)} {
			func() {
				defer func() {
					if text, _ := recover().(string); !strings.Contains(text, "get one from Run") {
						t.Errorf("%s of a scope that is nil (%t) or zero panics with %q",
							v.name, s == nil, text)
					}
				}()
				_ = v.spawn(s, func(context.Context) error { return nil })
			}()
		}
	}
}
