package peers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// CockroachDB's stop.Stopper. Its Stop is Shutdown, and its quiesce, the first
// half of that, is when Cancel has returned; RunAsyncTask is Go, RunTask is Do,
// AddCloser is Defer.
func TestCrdbStop(t *testing.T) {
	runRows(t, []row{
		{origin: "crdb-stop: TestStopper", run: crdbStopWaits},
		{origin: "crdb-stop: TestStopperIsStopped", run: crdbCloserHoldsTheEnd},
		{origin: "crdb-stop: TestStopperMultipleTasks", run: crdbManyTasks},
		{origin: "crdb-stop: TestStopperStartFinishTasks", run: crdbStopFromWithin},
		{origin: "crdb-stop: TestStopperQuiesce", run: crdbQuiesce},
		{origin: "crdb-stop: TestStopperClosers", run: crdbClosers},
		{origin: "crdb-stop: TestStopperNumTasks", run: crdbNumTasks},
		{origin: "crdb-stop: TestStopperRunTaskPanic", run: crdbPanics},
		{origin: "crdb-stop: TestStopperWithCancel", run: crdbWithCancel},
		{origin: "crdb-stop: TestStopperShouldQuiesce", run: crdbQuiesceIsSeenAtOnce},
		{origin: "crdb-stop: TestStopperRunLimitedAsyncTask", run: crdbLimited},
		{origin: "crdb-stop: TestStopperRunLimitedAsyncTaskCloser", run: crdbLimitedStops},
		{
			origin: "crdb-stop: TestStopperRunLimitedAsyncTaskCancelContext",
			run:    crdbLimitedCancel,
		},
		{origin: "crdb-stop: TestCancelInCloser", run: crdbCancelInCloser},
	})
	runRowsLive(t, []row{
		{origin: "crdb-stop: TestStopperCloserConcurrent", run: crdbCloserRacesStop},
		{origin: "crdb-stop: TestStopperWithCancelConcurrent", run: crdbContextRacesStop},
	})
}

// shutdown starts to end s and returns where the result will be.
func shutdown(t *testing.T, s *scope.Scope) <-chan error {
	result := make(chan error, 1)
	go func() { result <- s.Shutdown(t.Context()) }()
	synctest.Wait()
	return result
}

// wantPending fails t if the result is there already.
func wantPending(t *testing.T, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Errorf("returned too early, with %v", err)
	default:
	}
}

// stopsWhenReleased shuts s down, which something holds until release is closed.
func stopsWhenReleased(t *testing.T, s *scope.Scope, release chan struct{}) {
	t.Helper()
	result := shutdown(t, s)
	wantPending(t, result)
	wantState(t, s, "closing")
	close(release)
	wantIs(t, <-result, nil)
	wantState(t, s, "ended")
}

func crdbStopWaits(t *testing.T) {
	release := make(chan struct{})
	s := scope.Open(t.Context())
	s.Go("task", func(context.Context) error { <-release; return nil })
	stopsWhenReleased(t, s, release)
}

func crdbCloserHoldsTheEnd(t *testing.T) {
	release := make(chan struct{})
	s := scope.Open(t.Context())
	s.Defer("closer", func(context.Context) error { <-release; return nil })
	stopsWhenReleased(t, s, release)
	wantIs(t, s.Shutdown(t.Context()), nil) // again
}

func crdbManyTasks(t *testing.T) {
	s := scope.Open(t.Context())
	for range 3 {
		s.Go("task", untilCancelled)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// A task that is run on its caller's goroutine holds up the end, too.
func crdbStopFromWithin(t *testing.T) {
	s := scope.Open(t.Context())
	var result <-chan error
	err := s.Do(t.Context(), "task", func(context.Context) error {
		result = shutdown(t, s)
		time.Sleep(time.Second)
		wantPending(t, result)
		return nil
	})
	wantIs(t, err, nil)
	wantIs(t, <-result, nil)
	wantState(t, s, "ended")
}

func crdbQuiesce(t *testing.T) {
	var all []*scope.Scope
	for range 3 {
		all = append(all, scope.Open(t.Context()))
	}
	for _, s := range all {
		s.Cancel(nil)
	}
	for _, s := range all {
		wantIs(t, s.Do(t.Context(), "inner", nothing), scope.ErrClosed)
		wantIs(t, s.Shutdown(t.Context()), nil)
		wantState(t, s, "ended")
	}
}

// The Stopper calls them first in first out.
func crdbClosers(t *testing.T) {
	var taken steps
	s := scope.Open(t.Context())
	s.Defer("one", taken.finally(nothing, "one"))
	s.Defer("two", taken.finally(nothing, "two"))
	wantIs(t, s.Shutdown(t.Context()), nil)
	taken.is(t, "two", "one")
}

// Whenever it is added, a closer is called; or, if it is too late, who adds it
// learns of it.
func crdbCloserRacesStop(t *testing.T) {
	for range 2000 {
		s := scope.Open(t.Context())
		called := make(chan struct{})
		var refused any
		var both sync.WaitGroup
		both.Go(func() {
			refused = recovered(func() {
				s.Defer("closer", func(context.Context) error { close(called); return nil })
			})
		})
		both.Go(func() { wantIs(t, s.Shutdown(t.Context()), nil) })
		both.Wait()
		select {
		case <-called:
			if refused != nil {
				t.Fatalf("called, although Defer panicked with %v", refused)
			}
		default:
			if refused == nil {
				t.Fatal("not called")
			}
		}
	}
}

func crdbNumTasks(t *testing.T) {
	s := scope.Open(t.Context())
	var gates []chan struct{}
	for n := range 3 {
		gate := make(chan struct{})
		gates = append(gates, gate)
		s.Go("task", func(context.Context) error { <-gate; return nil })
		if live := s.Info().Counts.Live; live != n+1 {
			t.Errorf("%d live, want %d", live, n+1)
		}
	}
	for n, gate := range gates {
		close(gate)
		synctest.Wait()
		if live := s.Info().Counts.Live; live != 2-n {
			t.Errorf("%d live, want %d", live, 2-n)
		}
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// A panic leaks no task and no slot, however the task was started.
func crdbPanics(t *testing.T) {
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.Limit(1), scope.OnFailure(l.handle))
	explode := panics("boom")
	if value := recovered(func() { _ = s.Do(t.Context(), "do", explode) }); value != "boom" {
		t.Errorf("Do panicked with %v", value)
	}
	s.Go("go", explode)
	wantIs(t, s.Wait(t.Context()), nil)
	_, err := s.TryGo("try", explode)
	wantIs(t, err, nil)
	wantIs(t, s.Shutdown(t.Context()), nil)
	for _, err := range l.told() {
		wantPanic(t, err, "boom")
	}
	if c := s.Info().Counts; c.Live != 0 || c.Panicked != 3 || len(l.told()) != 2 {
		t.Errorf("counts are %+v, told of %v", c, l.told())
	}
}

// Each task has a context of its own, which can be cancelled alone.
func crdbWithCancel(t *testing.T) {
	s := scope.Open(t.Context())
	one, three := s.Go("one", untilCancelled), s.Go("three", untilCancelled)
	three.Cancel(nil)
	wantIs(t, three.Wait(t.Context()), nil)
	wantIs(t, three.Err(), scope.ErrCancelled)
	synctest.Wait()
	wantIs(t, one.Err(), scope.ErrRunning)
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantIs(t, one.Err(), scope.ErrCancelled)
}

// There is no moment at which a task gets a context that nobody cancels.
func crdbContextRacesStop(t *testing.T) {
	for range 2000 {
		s := scope.Open(t.Context())
		var both sync.WaitGroup
		both.Go(func() {
			err := s.Do(t.Context(), "task", untilCancelled)
			if !errors.Is(err, context.Canceled) && !errors.Is(err, scope.ErrClosed) {
				t.Errorf("Do() = %v", err)
			}
		})
		both.Go(func() { wantIs(t, s.Shutdown(t.Context()), nil) })
		both.Wait()
	}
}

func crdbQuiesceIsSeenAtOnce(t *testing.T) {
	release, seen := make(chan struct{}), false
	s := scope.Open(t.Context())
	s.Go("task", func(ctx context.Context) error {
		<-ctx.Done()
		seen = true
		<-release
		return nil
	})
	result := shutdown(t, s)
	if !seen {
		t.Error("the task has not seen the end")
	}
	wantPending(t, result)
	close(release)
	wantIs(t, <-result, nil)
}

func crdbLimited(t *testing.T) {
	const limit = 5
	var g gauge
	s := scope.Open(t.Context(), scope.Limit(limit))
	for range 3 * limit {
		s.Go("task", func(context.Context) error {
			g.enter()
			defer g.leave()
			time.Sleep(time.Millisecond)
			return nil
		})
	}
	wantIs(t, s.Wait(t.Context()), nil)
	if g.inside != 0 || g.peak != limit {
		t.Errorf("%d inside, %d at most, want 0 and %d", g.inside, g.peak, limit)
	}
	for range limit {
		s.Go("holds a slot", untilCancelled)
	}
	_, err := s.TryGo("throttled", nothing)
	wantIs(t, err, scope.ErrLimit)
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func crdbLimitedStops(t *testing.T) {
	s := scope.Open(t.Context(), scope.Limit(1))
	s.Go("holds the slot", deaf(time.Minute, nil))
	start := time.Now()
	time.AfterFunc(time.Second, func() { s.Cancel(nil) })
	wantIs(t, s.Go("waits", nothing).Err(), scope.ErrClosed)
	wantTook(t, time.Since(start), time.Second)
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// Do waits for a slot as long as its own context allows.
func crdbLimitedCancel(t *testing.T) {
	const limit = 5
	ctx, cancel := context.WithCancel(t.Context())
	s := scope.Open(t.Context(), scope.Limit(limit))
	var ran, gaveUp gauge
	var callers sync.WaitGroup
	for range 2 * limit {
		callers.Go(func() {
			entered := false
			err := s.Do(ctx, "task", func(ctx context.Context) error {
				entered = true
				ran.enter()
				return untilCancelled(ctx)
			})
			wantIs(t, err, context.Canceled)
			if !entered {
				gaveUp.enter()
			}
		})
	}
	synctest.Wait()
	cancel()
	callers.Wait()
	if ran.entered() != limit || gaveUp.entered() != limit {
		t.Errorf("%d ran and %d gave up, want %d of each", ran.entered(), gaveUp.entered(), limit)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func crdbCancelInCloser(t *testing.T) {
	s := scope.Open(t.Context())
	s.Defer("closer", func(context.Context) error { s.Cancel(errors.New("late")); return nil })
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// The stopper of field-eng-powertools. It is a context; its soft stop is Drain.
func TestFepStopper(t *testing.T) {
	runRows(t, []row{
		{origin: "fep-stopper: TestAmbient", run: fepAmbient},
		{origin: "fep-stopper: TestCancelOuter", run: fepCancelOuter},
		{origin: "fep-stopper: TestCall", run: fepCall},
		{origin: "fep-stopper: TestCallbackErrorStops", run: oklogOne},
		{origin: "fep-stopper: TestChainStopper", run: fepChain},
		{origin: "fep-stopper: TestDefer", run: fepDefer},
		{origin: "fep-stopper: TestGracePeriod", run: fepGracePeriod},
		{origin: "fep-stopper: TestStopper", run: fepSoftStop},
		{origin: "fep-stopper: TestUnused", run: fepUnused},
		{origin: "fep-stopper: probe, the parent is cancelled", run: fepCancelOuterJoins},
	})
}

// There is a stopper everywhere, at last one that cannot be stopped. Here there is
// none outside of scopes, and a task always has an owner.
func fepAmbient(t *testing.T) {
	if s := scope.From(context.Background()); s != nil {
		t.Errorf("From() = %v", s)
	}
	outer := scope.Open(t.Context())
	var inside *scope.Scope
	task := outer.Go("task", func(ctx context.Context) error {
		inside = scope.From(context.WithValue(ctx, contextKey{}, 1))
		return nil
	})
	wantIs(t, task.Wait(t.Context()), nil)
	if inside != outer {
		t.Errorf("From() = %v, want the scope of the task", inside)
	}
	wantIs(t, outer.Shutdown(t.Context()), nil)
}

func fepCancelOuter(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := scope.Open(ctx)
	s.Go("task", untilCancelled)
	cancel()
	wantIs(t, s.Go("late", nothing).Err(), scope.ErrClosed)
	wantIs(t, s.Wait(t.Context()), context.Canceled)
}

// Its Wait returns then, while the task still runs.
func fepCancelOuterJoins(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := scope.Open(ctx)
	ended := false
	s.Go("task", func(context.Context) error {
		time.Sleep(time.Second)
		ended = true
		return nil
	})
	cancel()
	wantIs(t, s.Wait(t.Context()), context.Canceled)
	if !ended {
		t.Error("Wait returned before the task")
	}
}

// The error of a call is the caller's, and ends nothing.
func fepCall(t *testing.T) {
	s := scope.Open(t.Context())
	err := s.Do(t.Context(), "call", func(context.Context) error {
		if live := s.Info().Counts.Live; live != 1 {
			t.Errorf("%d live, want 1", live)
		}
		return errOne
	})
	wantIs(t, err, errOne)
	wantState(t, s, "open")
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantIs(t, s.Do(t.Context(), "call", nothing), scope.ErrClosed)
}

// A drain of the outer scope waits for the inner one, of which it asks nothing:
// the task that opened that is the one to end it.
func fepChain(t *testing.T) {
	release := make(chan struct{})
	outer := scope.Open(t.Context())
	var inner *scope.Scope
	outer.Go("service", func(ctx context.Context) error {
		inner = scope.Open(ctx)
		inner.Go("task", func(ctx context.Context) error { <-release; return ctx.Err() })
		return inner.Wait(ctx)
	})
	synctest.Wait()
	if tasks := outer.Tasks(); len(tasks) != 1 || !slices.Contains(tasks[0].Scopes(), inner) {
		t.Errorf("tasks are %v, want one with the inner scope below", tasks)
	}
	result := make(chan error, 1)
	go func() { result <- outer.Drain(t.Context()) }()
	synctest.Wait()
	wantPending(t, result)
	wantState(t, outer, "draining")
	wantState(t, inner, "open")
	close(release)
	wantIs(t, <-result, nil) // the task was not cancelled
	wantState(t, inner, "ended")
	wantState(t, outer, "ended")
}

// A function that is given after the end is called at once. Here Defer panics:
// whoever calls it believes that something is still to come.
func fepDefer(t *testing.T) {
	var taken steps
	s := scope.Open(t.Context())
	for _, step := range []string{"a", "b"} {
		s.Defer(step, taken.finally(nothing, step))
	}
	s.Go("c", taken.finally(nothing, "c"))
	wantIs(t, s.Drain(t.Context()), nil)
	taken.is(t, "c", "b", "a")
	text, _ := recovered(func() { s.Defer("late", nothing) }).(string)
	if !strings.HasPrefix(text, "scope: ") {
		t.Errorf("Defer after the end panicked with %q", text)
	}
}

// A task that only looks at its context is not ended by a drain. When its time is
// up, who drains learns which task it is, and goes on as he likes.
func fepGracePeriod(t *testing.T) {
	s := scope.Open(t.Context())
	s.Go("waits for its context", untilCancelled)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := s.Drain(ctx)
	wantIs(t, err, context.DeadlineExceeded)
	var left *scope.StragglersError
	if !errors.As(err, &left) || len(left.Tasks) != 1 ||
		left.Tasks[0].Task.Name != "waits for its context" {
		t.Errorf("error is %v, want one that names the task", err)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func fepSoftStop(t *testing.T) {
	release := make(chan struct{})
	s := scope.Open(t.Context())
	s.Go("works", func(ctx context.Context) error { <-release; return ctx.Err() })
	s.Go("is done", nothing)
	result := make(chan error, 1)
	go func() { result <- s.Drain(t.Context()) }()
	synctest.Wait()
	wantState(t, s, "draining")
	wantIs(t, s.Go("late", nothing).Err(), scope.ErrClosed)
	close(release)
	wantIs(t, <-result, nil)
	wantState(t, s, "ended")
}

func fepUnused(t *testing.T) {
	s := scope.Open(t.Context())
	wantIs(t, s.Drain(t.Context()), nil)
	wantState(t, s, "ended")
	wantIs(t, s.Wait(t.Context()), nil)
}
