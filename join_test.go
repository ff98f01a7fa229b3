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

// A lifePolicy is a policy with its two forms.
type lifePolicy struct {
	name string
	run  func(context.Context, func(context.Context, *scope.Scope) error, ...scope.Option) error
	open func(context.Context, ...scope.Option) *scope.Scope
}

func lifePolicies() []lifePolicy {
	return []lifePolicy{
		{name: "fail-fast", run: scope.Run, open: scope.Open},
		{name: "supervised", run: scope.Supervise, open: scope.OpenSupervised},
	}
}

// eachPolicy runs test in a bubble for both policies.
func eachPolicy(t *testing.T, test func(t *testing.T, p lifePolicy)) {
	t.Helper()
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, p) })
		})
	}
}

// eachForm runs test in a bubble for both policies and both forms. live gives
// its function a scope to work in and returns when that has come to its own
// end: as the body of a lexical scope, or before a drain of a long-lived one.
func eachForm(t *testing.T, test func(t *testing.T, live lifeForm)) {
	t.Helper()
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		test(t, func(f func(context.Context, *scope.Scope), opts ...scope.Option) error {
			return p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
				f(ctx, s)
				return nil
			}, opts...)
		})
		test(t, func(f func(context.Context, *scope.Scope), opts ...scope.Option) error {
			s := p.open(t.Context(), opts...)
			f(t.Context(), s)
			return s.Drain(t.Context())
		})
	})
}

type lifeForm func(f func(context.Context, *scope.Scope), opts ...scope.Option) error

// obey runs until it is cancelled, and returns why.
func obey(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// ignore returns a task function that no cancellation stops.
func ignore(release <-chan struct{}) func(context.Context) error {
	return func(context.Context) error {
		<-release
		return nil
	}
}

// isClosed reports whether ch is closed, without waiting.
func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// async calls f on a goroutine and returns a channel with its result.
func async(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return result
}

// doneContext returns a context that is cancelled already.
func doneContext() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A population is the set of functions that run in a scope and take a second
// to clean up. It is empty when the scope is over.
type population struct{ alive atomic.Int32 }

func (p *population) member(ctx context.Context) error {
	p.alive.Add(1)
	defer p.alive.Add(-1)
	<-ctx.Done()
	time.Sleep(time.Second)
	return ctx.Err()
}

// settle starts one member of each kind in s, two of them in nested scopes.
func (p *population) settle(s *scope.Scope) {
	s.Go("task", p.member)
	s.Daemon("daemon", p.member)
	scope.Async(s, "async", func(ctx context.Context) (int, error) { return 0, p.member(ctx) })
	s.Go("nested", func(ctx context.Context) error {
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("inner", p.member)
			return nil
		})
	})
	s.Go("opens", func(ctx context.Context) error {
		scope.Open(ctx).Go("left", p.member)
		return p.member(ctx)
	})
	go func() {
		_, _ = s.Start(context.Background(), "start", func(ctx context.Context, _ func()) error {
			return p.member(ctx)
		})
	}()
	go func() { _ = s.Do(context.Background(), "do", p.member) }()
	s.Defer("cleanup", func(context.Context) error {
		p.alive.Add(1)
		defer p.alive.Add(-1)
		time.Sleep(time.Second)
		return nil
	})
	synctest.Wait()
}

// Row 49.
// Guarantee 1.
func TestRun_LeavesNothingBehind(t *testing.T) {
	boom := errors.New("boom")
	exits := []struct {
		name string
		exit func(ctx context.Context, s *scope.Scope) error
	}{
		{"error", func(context.Context, *scope.Scope) error { return boom }},
		{"panic", func(context.Context, *scope.Scope) error { panic("body") }},
		{"Goexit", func(context.Context, *scope.Scope) error { runtime.Goexit(); return nil }},
		{"Cancel", func(_ context.Context, s *scope.Scope) error { s.Cancel(nil); return nil }},
		{"Cancel with cause", func(_ context.Context, s *scope.Scope) error {
			s.Cancel(boom)
			return nil
		}},
		{"Shutdown", func(ctx context.Context, s *scope.Scope) error { return s.Shutdown(ctx) }},
		{"Shutdown out of time", func(ctx context.Context, s *scope.Scope) error {
			return s.Shutdown(doneContext())
		}},
		{"fatal task", func(ctx context.Context, s *scope.Scope) error {
			s.Go("fatal", func(context.Context) error { return scope.Fatal(boom) })
			return obey(ctx)
		}},
		{"timeout", func(ctx context.Context, _ *scope.Scope) error { return obey(ctx) }},
	}
	for _, e := range exits {
		t.Run(e.name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				var all population
				over := make(chan struct{})
				go func() {
					defer close(over)
					defer func() { _ = recover() }()
					defer func() {
						if n := all.alive.Load(); n != 0 {
							t.Errorf("functions still running after the end = %d, want 0", n)
						}
					}()
					_ = p.run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
						all.settle(s)
						return e.exit(ctx, s)
					}, scope.OnFailure(scope.Ignore), scope.Timeout(time.Hour))
				}()
				<-over
			})
		})
	}
}

// Row 49.
// Guarantee 1.
func TestScope_LeavesNothingBehind(t *testing.T) {
	boom := errors.New("boom")
	exits := []struct {
		name string
		exit func(ctx context.Context, s *scope.Scope, cancelParent func()) error
	}{
		{"Shutdown", func(ctx context.Context, s *scope.Scope, _ func()) error {
			return s.Shutdown(ctx)
		}},
		{"Cancel, Wait", func(ctx context.Context, s *scope.Scope, _ func()) error {
			s.Cancel(boom)
			return s.Wait(ctx)
		}},
		{"parent, Wait", func(ctx context.Context, s *scope.Scope, cancelParent func()) error {
			cancelParent()
			return s.Wait(ctx)
		}},
		{"fatal task, Done", func(_ context.Context, s *scope.Scope, _ func()) error {
			s.Go("fatal", func(context.Context) error { return scope.Fatal(boom) })
			<-s.Done()
			return nil
		}},
	}
	for _, e := range exits {
		t.Run(e.name, func(t *testing.T) {
			eachPolicy(t, func(t *testing.T, p lifePolicy) {
				var all population
				parent, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := p.open(parent, scope.OnFailure(scope.Ignore))
				all.settle(s)
				_ = e.exit(context.Background(), s, cancel)
				if n := all.alive.Load(); n != 0 {
					t.Errorf("functions still running after the end = %d, want 0", n)
				}
			})
		})
	}
}

// Row 50.
func TestRun_WaitsForATaskThatIgnoresCancellation(t *testing.T) {
	boom := errors.New("boom")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		result := async(func() error {
			return p.run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("stubborn", ignore(release))
				return boom
			})
		})
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if len(result) > 0 {
			t.Fatal("the scope abandoned a task")
		}
		close(release)
		if err := <-result; !errors.Is(err, boom) {
			t.Errorf("result = %v, want %v", err, boom)
		}
	})
}

// Under -race the detector must see that Run parks; see
// TestLimit_ParksVisiblyForSynctest.
func TestRun_ParksVisiblyForSynctest(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		ran := false
		go func() {
			_ = p.run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("", ignore(release))
				ran = true
				return nil
			})
		}()
		synctest.Wait()
		if !ran {
			t.Error("the body was not called")
		}
		close(release)
	})
}

// Row 51.
func TestScope_ShutdownNamesWhoIsStuck(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		release := make(chan struct{})
		s := p.open(t.Context(), scope.Name("server"), scope.OnFailure(scope.Ignore))
		s.Go("stuck", ignore(release))
		s.Go("obedient", obey)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()

		err := s.Shutdown(ctx)
		var left *scope.StragglersError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &left) {
			t.Fatalf("Shutdown() = %v, want a *StragglersError with the deadline", err)
		}
		if len(left.Tasks) != 1 || left.Tasks[0].Task.Name != "stuck" {
			t.Errorf("stragglers = %v, want the one stuck task", left)
		}
		if state := s.Info().State; state != "closing" {
			t.Errorf("state after Shutdown = %s, want closing", state)
		}
		if _, err := s.TryGo("late", obey); !errors.Is(err, scope.ErrClosed) {
			t.Errorf("TryGo() = %v, want %v", err, scope.ErrClosed)
		}
		close(release)
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("Wait() after the straggler has ended = %v, want nil", err)
		}
	})
}

// Row 53.
func TestScope_SlowCleanUpCompletes(t *testing.T) {
	const n = 10
	eachForm(t, func(t *testing.T, live lifeForm) {
		var cleaned atomic.Int32
		begin := time.Now()
		_ = live(func(_ context.Context, s *scope.Scope) {
			for range n {
				s.Go("", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Minute)
					cleaned.Add(1)
					return ctx.Err()
				})
			}
			s.Cancel(nil)
		})
		if got := cleaned.Load(); got != n {
			t.Errorf("tasks cleaned up = %d, want %d", got, n)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the end took %v, want %v: side by side", took, time.Minute)
		}
	})
}

// Row 54.
func TestTask_DeferredCallsComeBeforeItsEnd(t *testing.T) {
	ends := map[string]func(){
		"return": func() {},
		"panic":  func() { panic("task") },
		"Goexit": runtime.Goexit,
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, live lifeForm) {
				var cleaned atomic.Bool
				check := func(seen string) {
					if !cleaned.Load() {
						t.Errorf("%s was observed before the task's deferred call had run", seen)
					}
				}
				_ = live(func(ctx context.Context, s *scope.Scope) {
					task := s.Go("", func(context.Context) error {
						defer cleaned.Store(true)
						defer time.Sleep(time.Second)
						end()
						return nil
					})
					var wg sync.WaitGroup
					wg.Go(func() { <-task.Done(); check("Done") })
					wg.Go(func() { _ = task.Wait(context.WithoutCancel(ctx)); check("Task.Wait") })
					wg.Go(func() { _ = s.Wait(context.WithoutCancel(ctx)); check("Scope.Wait") })
					wg.Wait()
				}, scope.OnFailure(func(context.Context, *scope.Failure) { check("the failure") }))
				check("the end of the scope")
			})
		})
	}
}

// A countingContext could be cancelled, and counts what waits for that.
type countingContext struct {
	context.Context

	done    chan struct{}
	waiting atomic.Int32
}

func (c *countingContext) Done() <-chan struct{} { return c.done }

// AfterFunc is how package context registers with a foreign context.
func (c *countingContext) AfterFunc(func()) (stop func() bool) {
	c.waiting.Add(1)
	return sync.OnceValue(func() bool {
		c.waiting.Add(-1)
		return true
	})
}

// Row 55.
func TestScope_LeavesNoCallbackOnItsParent(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		parent := &countingContext{Context: t.Context(), done: make(chan struct{})}
		_ = p.run(parent, func(_ context.Context, s *scope.Scope) error {
			s.Go("", obey)
			s.Cancel(nil)
			return nil
		})
		s := p.open(parent, scope.Timeout(time.Hour))
		if n := parent.waiting.Load(); n == 0 {
			t.Error("callbacks of an open scope = 0; the test does not see them")
		}
		_ = s.Shutdown(t.Context())
		if n := parent.waiting.Load(); n != 0 {
			t.Errorf("callbacks left on the parent = %d, want 0", n)
		}
	})
}

// Row 55.
func TestScope_EndsAfterHandlersAndReadinessWaiters(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		var inHandler, inStart atomic.Bool
		s := p.open(t.Context(), scope.OnFailure(func(context.Context, *scope.Failure) {
			inHandler.Store(true)
			time.Sleep(time.Minute)
			inHandler.Store(false)
		}))
		inStart.Store(true)
		started := async(func() error {
			defer inStart.Store(false)
			_, err := s.Start(t.Context(), "", func(ctx context.Context, _ func()) error {
				return obey(ctx)
			})
			return err
		})
		synctest.Wait()
		both := make(chan struct{})
		for range 2 { // of a fail-fast scope the first is the result
			s.Go("", func(context.Context) error { <-both; return errors.New("boom") })
		}
		close(both)
		time.Sleep(time.Second)
		if !inHandler.Load() {
			t.Error("no handler is running; the test shows nothing")
		}
		_ = s.Shutdown(t.Context())
		synctest.Wait()
		if inHandler.Load() || inStart.Load() {
			t.Errorf("after Shutdown: in handler %v, in Start %v, want neither",
				inHandler.Load(), inStart.Load())
		}
		if err := <-started; err == nil {
			t.Error("Start() = nil, want an error: the task never became ready")
		}
	})
}

// Row 55.
func TestScope_LeavesNoTimer(t *testing.T) {
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			collected := make(chan struct{})
			func() {
				s := p.open(context.Background(), scope.Grace(time.Hour), scope.Timeout(time.Hour))
				runtime.AddCleanup(s, func(ch chan struct{}) { close(ch) }, collected)
				s.Go("", obey)
				if err := s.Shutdown(context.Background()); err != nil {
					t.Errorf("Shutdown() = %v, want nil", err)
				}
			}()
			// A timer that was left would hold the scope for an hour.
			awaitCollection(t, collected)
		})
	}
}

// awaitCollection collects garbage until ch is closed.
func awaitCollection(t *testing.T, ch <-chan struct{}) {
	t.Helper()
	for range 100 {
		runtime.GC()
		select {
		case <-ch:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("not collected")
}

// Row 56.
func TestOpen_AForgottenScopeIsReported(t *testing.T) {
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			reported := make(chan struct{})
			var got *scope.Failure
			p.open(context.Background(), scope.Name("forgotten"),
				scope.OnFailure(func(_ context.Context, f *scope.Failure) {
					got = f
					close(reported)
				}))
			awaitCollection(t, reported)
			if got == nil || got.Task.Path != "forgotten" {
				t.Errorf("reported %v, want the forgotten scope", got)
			}
		})
	}
}

// A tellingError closes a channel when somebody prints it.
type tellingError struct {
	once sync.Once
	told chan struct{}
}

func (e *tellingError) Error() string {
	e.once.Do(func() { close(e.told) })
	return "telling"
}

// Row 56. A handler that sends on a channel of its bubble would end the process.
func TestOpen_OfABubbleIsReportedOnStandardError(t *testing.T) {
	telling := &tellingError{told: make(chan struct{})}
	stderr := observeStderr(t, func() {
		synctest.Test(t, func(t *testing.T) {
			s := scope.Open(context.Background(), scope.OnFailure(
				func(context.Context, *scope.Failure) { t.Error("handler called outside") }))
			s.Go("", func(context.Context) error { return telling })
			<-s.Done()
		})
		awaitCollection(t, telling.told)
		for _, s := range scope.Roots() {
			if s.Info().Name == "collected" {
				<-s.Done() // what reports has written by then
			}
		}
	})
	if !strings.Contains(stderr, "telling") {
		t.Errorf("standard error has %q, want the failure", stderr)
	}
}

// Row 56.
func TestOpen_AnEndedScopeIsNotReported(t *testing.T) {
	for _, p := range lifePolicies() {
		t.Run(p.name, func(t *testing.T) {
			collected := make(chan struct{})
			func() {
				s := p.open(context.Background(),
					scope.OnFailure(func(_ context.Context, f *scope.Failure) {
						t.Errorf("handler got %v, want nothing", f)
					}))
				runtime.AddCleanup(s, func(ch chan struct{}) { close(ch) }, collected)
				_ = s.Shutdown(context.Background())
			}()
			awaitCollection(t, collected)
		})
	}
}

// The failure of a long-lived scope is told once: to who asks for it by a waiting
// verb, or to the handler when the scope is collected and nobody has asked.
func TestOpen_FailureIsReportedUnlessAskedFor(t *testing.T) {
	for name, ask := range map[string]func(*scope.Scope, context.Context) error{
		"nobody": nil, "Wait": (*scope.Scope).Wait, "Drain": (*scope.Scope).Drain,
		"Shutdown": (*scope.Scope).Shutdown,
	} {
		t.Run(name, func(t *testing.T) {
			told := make(chan struct{})
			collected := make(chan struct{})
			func() {
				s := scope.Open(context.Background(),
					scope.OnFailure(func(context.Context, *scope.Failure) { close(told) }))
				runtime.AddCleanup(s, func(ch chan struct{}) { close(ch) }, collected)
				s.Go("", failing)
				<-s.Done()
				if ask == nil {
					return
				}
				if err := ask(s, context.Background()); !errors.Is(err, errBoom) {
					t.Errorf("%s() = %v, want %v", name, err, errBoom)
				}
			}()
			awaitCollection(t, collected)
			if ask == nil {
				awaitCollection(t, told)
				return
			}
			select {
			case <-told:
				t.Error("the handler was given what somebody had asked for")
			case <-time.After(20 * time.Millisecond): // as a report takes, by far
			}
		})
	}
}

// Row 90.
func TestScope_DaemonsEndAfterTheTasks(t *testing.T) {
	eachForm(t, func(t *testing.T, live lifeForm) {
		var task, daemon time.Duration
		begin := time.Now()
		err := live(func(_ context.Context, s *scope.Scope) {
			s.Daemon("", func(ctx context.Context) error {
				<-ctx.Done()
				daemon = time.Since(begin)
				time.Sleep(time.Second)
				return ctx.Err()
			})
			s.Go("", func(ctx context.Context) error {
				time.Sleep(time.Hour)
				task = time.Since(begin)
				return ctx.Err()
			})
		})
		if err != nil {
			t.Errorf("result = %v, want nil", err)
		}
		if task != time.Hour || daemon != time.Hour {
			t.Errorf("task ended after %v, daemon cancelled after %v, want both after an hour",
				task, daemon)
		}
		if took := time.Since(begin); took != time.Hour+time.Second {
			t.Errorf("the scope took %v: it did not wait for the daemon", took)
		}
	})
}

// Row 49.
func TestScope_WaitRightAfterTheParentsCancellation(t *testing.T) {
	cause := errors.New("cause")
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		parent, cancel := context.WithCancelCause(t.Context())
		s := p.open(parent)
		daemon := s.Daemon("", obey)
		var cleaned bool
		s.Defer("", func(context.Context) error { cleaned = true; return nil })
		cancel(cause)
		err := s.Wait(context.Background()) // before package context has called back
		if !errors.Is(err, cause) || !isClosed(daemon.Done()) || !cleaned {
			t.Errorf("Wait() = %v, daemon over: %v, deferred function over: %v, "+
				"want %v, true, true", err, isClosed(daemon.Done()), cleaned, cause)
		}
	})
}

// A scope that ends just when the task it hangs below does, in the care of the
// task or not, leaves the tree all the same.
func TestScope_EndRacesWithItsParentTask(t *testing.T) {
	derive := map[string]func(context.Context) context.Context{
		"in its care": func(ctx context.Context) context.Context { return ctx },
		"away":        context.WithoutCancel,
	}
	for name, derive := range derive {
		t.Run(name, func(t *testing.T) {
			before := len(scope.Roots())
			for i := range rounds(10_000) {
				opened := make(chan *scope.Scope, 1)
				s := scope.OpenSupervised(context.Background())
				task := s.Go("", func(ctx context.Context) error {
					opened <- scope.Open(derive(ctx))
					return nil
				})
				in := <-opened
				stagger(i)
				in.Cancel(nil)
				<-in.Done()
				<-task.Done()
				s.Cancel(nil)
				<-s.Done()
			}
			if n := len(scope.Roots()) - before; n > 0 {
				t.Errorf("scopes left in the registry = %d, want 0", n)
			}
		})
	}
}

func TestScope_WaitWithNothingStarted(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context())
		s.Daemon("", obey) // does not count
		if err := s.Wait(t.Context()); err != nil {
			t.Errorf("Wait() = %v, want nil", err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

func TestScope_WaitDoesNotClose(t *testing.T) {
	eachPolicy(t, func(t *testing.T, p lifePolicy) {
		s := p.open(t.Context())
		for i := range 3 { // the count touches zero after each round
			s.Go("", func(context.Context) error { time.Sleep(time.Second); return nil })
			if err := s.Wait(t.Context()); err != nil {
				t.Errorf("Wait() = %v, want nil", err)
			}
			info := s.Info()
			if info.State != "open" || info.Counts.OK != uint64(i+1) || info.Counts.Live != 0 {
				t.Errorf("round %d: state %s, counts %+v", i, info.State, info.Counts)
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
	})
}

// What a task leaves to be done at its end, closing channels, is done before
// Wait returns, too, whether that was called before or after the task returned.
func TestScope_WaitReturnsAfterDoneIsClosed(t *testing.T) {
	s := scope.Open(t.Context())
	for i := range rounds(2000) {
		derived := make(chan context.Context, 50)
		release := make(chan struct{})
		task := s.Go("", func(ctx context.Context) error {
			deriveMany(ctx, derived)
			<-release
			return nil
		})
		done := task.Done()
		s.Go("", ignore(release))
		if i%2 == 0 {
			close(release)
			for s.Info().Counts.Live > 0 {
				runtime.Gosched()
			}
		} else {
			time.AfterFunc(0, func() { close(release) })
		}
		_ = s.Wait(context.Background())
		if !isClosed(done) {
			t.Fatal("Wait() returned before the task's Done was closed")
		}
		for range cap(derived) {
			if (<-derived).Err() == nil {
				t.Fatal("Wait() returned before the task's context was cancelled")
			}
		}
	}
	_ = s.Shutdown(t.Context())
}

// deriveMany fills derived with contexts that all have to be cancelled with ctx.
func deriveMany(ctx context.Context, derived chan<- context.Context) {
	for range cap(derived) {
		child, cancel := context.WithCancel(ctx)
		_ = cancel // on purpose
		derived <- child
	}
}
