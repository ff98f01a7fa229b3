package scope_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/supervisorscope/scope"
)

func failingValue(context.Context) (int, error) { return 42, errBoom }

// Row 31. The handler hears of a task of Go, whoever else does.
func TestTask_FailureGoesToTheHandlerWhoeverReadsIt(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		_ = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			task := s.Go("", failing)
			if err := task.Wait(ctx); err != nil || !errors.Is(task.Err(), errBoom) {
				t.Errorf("Wait() = %v, Err() = %v; want nil, %v", err, task.Err(), errBoom)
			}
			return nil
		}, scope.OnFailure(log.handle))
		_ = log.only(t)
	})
}

// Row 31.
func TestFuture_FailureGoesToWhoAsksForIt(t *testing.T) {
	for name, ask := range map[string]func(context.Context, *scope.Future[int]) error{
		"Wait": func(ctx context.Context, fu *scope.Future[int]) error {
			_, err := fu.Wait(ctx)
			return err
		},
		"Result": func(_ context.Context, fu *scope.Future[int]) error {
			<-fu.Done()
			_, err := fu.Result()
			return err
		},
		"Err": func(_ context.Context, fu *scope.Future[int]) error {
			<-fu.Done()
			return fu.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
				var log failureLog
				var once, twice error
				err := run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					fu := scope.Async(s, "", failingValue)
					once, twice = ask(ctx, fu), ask(ctx, fu)
					return nil
				}, scope.OnFailure(log.handle))
				if !errors.Is(once, errBoom) || !errors.Is(twice, errBoom) {
					t.Errorf("%s: %v, again: %v; want %v", name, once, twice, errBoom)
				}
				if err != nil || len(log.all()) != 0 {
					t.Errorf("result = %v, handler was given %v; want nothing", err, log.all())
				}
			})
		})
	}
}

// Row 31.
func TestFuture_FailureNobodyAskedForIsReportedAtTheEnd(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			startUnread(s)
			if n := len(log.all()); n != 0 {
				t.Errorf("handler was given %d failures before the end, want 0", n)
			}
			return nil
		}, scope.Name("srv"), scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
			time.Sleep(time.Hour) // the scope's end waits for the handler
			log.handle(ctx, f)
		}))
		all := log.all()
		if err != nil || len(all) != 3 {
			t.Fatalf("result = %v, handler was given %v; want nil, 3 failures", err, all)
		}
		var p *scope.PanicError
		if !errors.Is(all[0], errBoom) || !errors.As(all[1], &p) ||
			!errors.Is(all[2], scope.ErrGoexit) {
			t.Errorf("handler was given %v, want the oldest first", all)
		}
		for _, f := range all {
			if f.Task.Path != "srv/unread" || f.Task.Kind != "async" {
				t.Errorf("it is told of %s %q, want async srv/unread", f.Task.Kind, f.Task.Path)
			}
		}
	})
}

// startUnread runs four futures to their ends, three of them failures, that
// nobody asks for.
func startUnread(s *scope.Scope) {
	for _, f := range []func(context.Context) (int, error){
		failingValue,
		func(context.Context) (int, error) { panic(errBoom) },
		func(context.Context) (int, error) { runtime.Goexit(); return 0, nil },
		func(context.Context) (int, error) { return 42, nil },
	} {
		fu := scope.Async(s, "unread", f)
		<-fu.Done()
		_ = fu.Info() // to look is not to ask
	}
}

// Row 31. Who gives up before the end has not seen the failure.
func TestFuture_WaiterThatGaveUpDoesNotCount(t *testing.T) {
	inBubbles(t, supervisedForms(), func(t *testing.T, run runner) {
		var log failureLog
		_ = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			fu := scope.Async(s, "", func(context.Context) (int, error) {
				time.Sleep(time.Hour)
				return 0, errBoom
			})
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			if _, err := fu.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait() = %v, want DeadlineExceeded", err)
			}
			if _, err := fu.Result(); err != scope.ErrRunning {
				t.Errorf("Result() = %v, want ErrRunning", err)
			}
			return nil
		}, scope.OnFailure(log.handle))
		_ = log.only(t)
	})
}

// Row 31. The scope ends at the instant of the failure. Who waits then has it,
// and the handler has not; a waiter that gives up at that very instant has it or
// leaves it to the handler.
func TestFuture_FailureIsNeverLostBetweenWaiterAndHandler(t *testing.T) {
	rounds := 5000
	if testing.Short() {
		rounds = 200
	}
	var waiter, handler int
	for _, procs := range []int{1, 2} { // with 1 the waiter may be the last one to run
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for round := range rounds {
			givesUp := round%3 > 0
			reports, got := failUnderWaiter(t, round%3)
			switch {
			case reports == 1 && givesUp && errors.Is(got, context.Canceled):
				handler++
			case reports == 0 && errors.Is(got, errBoom):
				waiter++
			case reports == 1 && givesUp && errors.Is(got, errBoom): // it looked once more
			default:
				t.Fatalf("waiter gives up: %t; it has %v, handler was given %d failures",
					givesUp, got, reports)
			}
		}
	}
	if waiter == 0 || handler == 0 {
		t.Errorf("waiter had it %d times, handler %d times; want some of both", waiter, handler)
	}
}

// failUnderWaiter has a future fail that somebody waits for: patiently (0), or
// until a cancellation at the same time that is called for first (1) or last
// (2). It returns how many failures the handler was given, and what the waiter
// has got.
func failUnderWaiter(t *testing.T, variant int) (reports int, got error) {
	t.Helper()
	var log failureLog
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wg sync.WaitGroup
		_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
			start := make(chan struct{})
			fu := scope.Async(s, "", func(context.Context) (int, error) {
				<-start
				return 0, errBoom
			})
			wg.Go(func() { _, got = fu.Wait(ctx) })
			synctest.Wait()
			fail := func() { close(start) }
			for _, act := range [][]func(){{fail}, {cancel, fail}, {fail, cancel}}[variant] {
				act()
			}
			return nil
		}, scope.OnFailure(log.handle))
		wg.Wait()
	})
	return len(log.all()), got
}

// Row 31.
func TestFuture_FailureIsReportedWhenItIsCollected(t *testing.T) {
	reported := make(chan *scope.Failure, 2)
	s := scope.OpenSupervised(t.Context(), scope.Name("srv"), scope.OnFailure(
		func(_ context.Context, f *scope.Failure) { reported <- f }))
	dropFuture(s)
	if f := collect(t, reported); !errors.Is(f, errBoom) || f.Task.Path != "srv/dropped" {
		t.Errorf("handler was given %v, want the failure of srv/dropped", f)
	}
	if got := s.Info().State; got != "open" {
		t.Errorf("State = %q, want open", got)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if len(reported) > 0 {
		t.Errorf("handler was given %v once more at the end", <-reported)
	}
}

//go:noinline
func dropFuture(s *scope.Scope) { <-scope.Async(s, "dropped", failingValue).Done() }

// collect runs the garbage collector and returns what comes of it on ch.
func collect[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	for range 5 { // what a cleanup holds is collected only after that has run
		runtime.GC()
	}
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was collected")
		panic("unreachable")
	}
}

// Row 31. The report of one that was collected takes nothing from those that are
// still held.
func TestFuture_CollectedLeavesTheOthersToTheEnd(t *testing.T) {
	reported := make(chan *scope.Failure, 4)
	s := scope.OpenSupervised(t.Context(), scope.Name("srv"), scope.OnFailure(
		func(_ context.Context, f *scope.Failure) { reported <- f }))
	older := scope.Async(s, "older", failingValue)
	<-older.Done()
	dropFuture(s)
	newer := scope.Async(s, "newer", failingValue)
	<-newer.Done()
	if f := collect(t, reported); f.Task.Path != "srv/dropped" {
		t.Fatalf("handler was given %v, want the failure of srv/dropped", f)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	for _, want := range []string{"srv/older", "srv/newer"} {
		select {
		case f := <-reported:
			if f.Task.Path != want {
				t.Errorf("at the end the handler was given %v, want the failure of %s", f, want)
			}
		default:
			t.Errorf("at the end the failure of %s was not reported", want)
		}
	}
	runtime.KeepAlive(older)
	runtime.KeepAlive(newer)
}

// Row 31. What somebody has asked for is not reported when the future is
// collected.
func TestFuture_FailureAskedForIsNotReportedWhenItIsCollected(t *testing.T) {
	var log failureLog
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(log.handle))
	gone := make(chan struct{}, 1)
	askAndDrop(t, s, gone)
	collect(t, gone)
	runtime.GC()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
	if all := log.all(); len(all) != 0 {
		t.Errorf("handler was given %v, want nothing", all)
	}
}

//go:noinline
func askAndDrop(t *testing.T, s *scope.Scope, gone chan struct{}) {
	t.Helper()
	fu := scope.Async(s, "", failingValue)
	if v, err := fu.Wait(t.Context()); v != 0 || !errors.Is(err, errBoom) {
		t.Errorf("Wait() = %d, %v; want 0, %v", v, err, errBoom)
	}
	runtime.AddCleanup(fu, func(gone chan struct{}) { gone <- struct{}{} }, gone)
}

// Row 31. The first failure of a fail-fast scope is its result, also that of a
// future; those that come later are like those of a supervised scope.
func TestFuture_FailFast(t *testing.T) {
	inBubbles(t, failFastForms(), func(t *testing.T, run runner) {
		var log failureLog
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			for range 2 {
				scope.Async(s, "later", func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, errors.New("clean-up")
				})
			}
			scope.Async(s, "first", failingValue)
			return nil
		}, scope.OnFailure(log.handle))
		var f *scope.Failure
		if !errors.As(err, &f) || f.Err != errBoom || f.Task.Name != "first" {
			t.Errorf("result = %v, want the failure of first", err)
		}
		if all := log.all(); len(all) != 2 || all[0].Task.Name != "later" {
			t.Errorf("handler was given %v, want the two later failures", all)
		}
	})
}

// Row 31. A cancellation is no failure.
func TestFuture_CancelledIsNotReported(t *testing.T) {
	inBubbles(t, allForms(), func(t *testing.T, run runner) {
		var log failureLog
		var fu *scope.Future[int]
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			fu = scope.Async(s, "", func(ctx context.Context) (int, error) {
				return 42, untilCancelled(ctx)
			})
			synctest.Wait()
			fu.Cancel(nil)
			return nil
		}, scope.OnFailure(log.handle))
		if err != nil || len(log.all()) != 0 {
			t.Errorf("result = %v, handler was given %v; want nothing", err, log.all())
		}
		if v, err := fu.Result(); v != 0 || !errors.Is(err, scope.ErrCancelled) {
			t.Errorf("Result() = %d, %v; want 0, ErrCancelled", v, err)
		}
	})
}

// Row 31. What could not be started is told at once.
func TestFuture_RefusalGoesToTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log failureLog
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(log.handle))
		_ = s.Shutdown(t.Context())
		fu := scope.Async(s, "late", failingValue)
		if _, err := fu.Result(); !errors.Is(err, scope.ErrClosed) {
			t.Errorf("Result() = %v, want ErrClosed", err)
		}
		if f := log.only(t); !errors.Is(f, scope.ErrClosed) || f.Task.State != "refused" {
			t.Errorf("handler was given %s %v, want refused, ErrClosed", f.Task.State, f)
		}
	})
}

// Row 31. While the scope has not ended, a refusal waits for who asks, as any
// failure of a future does.
func TestFuture_RefusalGoesToWhoAsksForIt(t *testing.T) {
	for _, asked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var log failureLog
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(log.handle))
			release := make(chan struct{})
			s.Go("holds the end", ignore(release))
			s.Cancel(nil)
			fu := scope.Async(s, "late", func(context.Context) (int, error) { return 1, nil })
			if asked {
				if _, err := fu.Result(); !errors.Is(err, scope.ErrClosed) {
					t.Errorf("Result() = %v, want ErrClosed", err)
				}
			}
			close(release)
			_ = s.Shutdown(t.Context())
			if told := len(log.all()) == 1; told == asked {
				t.Errorf("asked: %t, the handler was told: %t", asked, told)
			}
		})
	}
}

// Row 31. A failure that could not be told, since its scope was never ended
// and has been collected, is told then.
func TestFuture_UnreadWithItsScopeIsReported(t *testing.T) {
	reported := make(chan *scope.Failure, 4)
	func() {
		s := scope.OpenSupervised(context.Background(), scope.Name("forgotten"), scope.OnFailure(
			func(_ context.Context, f *scope.Failure) { reported <- f }))
		dropFuture(s)
	}()
	if f := collect(t, reported); !errors.Is(f, errBoom) || f.Task.Path != "forgotten/dropped" {
		t.Errorf("handler was given %v, want the failure of forgotten/dropped", f)
	}
}

// Row 98, guarantee 7. A future whose failure somebody has fetched is collected, also
// if its error leads back to it.
func TestFuture_FetchedIsCollectedWithItsError(t *testing.T) {
	s := scope.OpenSupervised(context.Background())
	for name, fetch := range map[string]func(*scope.Future[int]) error{
		"Wait": func(fu *scope.Future[int]) error {
			_, err := fu.Wait(context.Background())
			return err
		},
		"Err": func(fu *scope.Future[int]) error {
			<-fu.Done()
			return fu.Err()
		},
	} {
		e := futureCycle(s, fetch)
		for i := 0; i < 100 && e.Value() != nil; i++ {
			runtime.GC()
		}
		if e.Value() != nil {
			t.Errorf("%s: a failure that was fetched is kept", name)
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// A cycleError leads to the future that it is the error of.
type cycleError struct{ of *scope.Future[int] }

func (e *cycleError) Error() string { return "cycle" }

//go:noinline
func futureCycle(s *scope.Scope, fetch func(*scope.Future[int]) error) weak.Pointer[cycleError] {
	e, made := &cycleError{}, make(chan struct{})
	e.of = scope.Async(s, "", func(context.Context) (int, error) {
		<-made
		return 0, e
	})
	close(made)
	_ = fetch(e.of)
	return weak.Make(e)
}
