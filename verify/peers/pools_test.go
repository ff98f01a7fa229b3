package peers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// Of pond and ants only reports are carried: their own tests are about workers,
// queues and sizes, which a scope has not.
func TestPools(t *testing.T) {
	runRows(t, []row{
		{origin: "pond: #135, who waits for a task that exits", run: pondGoexit},
		{origin: "pond: #138, a queue at the limit is cancelled", run: pondQueueCancelled},
		{origin: "pond: #24, a stop with a time", run: pondStopInTime},
		{origin: "pond: probe, a future whose waiter gives up", run: pondWaiterGivesUp},
		{origin: "ants: #259, the time is over and the tasks still run", run: antsOutOfTime},
		{origin: "ants: #86, a task waits for tasks of another pool", run: antsNested},
		{origin: "ants: #263, what is left after the end", run: antsNothingLeft},
	})
	runRowsLive(t, []row{
		{origin: "pond: #43, tasks are given while the pool is stopped", run: pondSubmitRacesStop},
	})
}

// Every waiter, of the task, the future and the scope, is woken.
func pondGoexit(t *testing.T) {
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(scope.Ignore))
	future := scope.Async(s, "exits", func(context.Context) (int, error) {
		time.Sleep(time.Second)
		exit()
		return 1, nil
	})
	var waiters sync.WaitGroup
	for range 3 {
		waiters.Go(func() {
			_, err := future.Wait(t.Context())
			wantIs(t, err, scope.ErrGoexit)
			<-future.Done()
			wantIs(t, s.Wait(t.Context()), nil)
		})
	}
	waiters.Wait()
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// It deadlocked. What stood in the queue learns that it was not run.
func pondQueueCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := scope.Open(ctx, scope.Limit(2))
	var ran, refused gauge
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			task := s.Go("task", func(ctx context.Context) error {
				ran.enter()
				return untilCancelled(ctx)
			})
			if errors.Is(task.Err(), scope.ErrClosed) {
				refused.enter()
			}
		})
	}
	synctest.Wait()
	cancel()
	callers.Wait()
	wantIs(t, s.Wait(t.Context()), context.Canceled)
	if ran.entered() != 2 || refused.entered() != 8 {
		t.Errorf("%d ran, %d were refused, want 2 and 8", ran.entered(), refused.entered())
	}
}

func pondStopInTime(t *testing.T) {
	s := scope.Open(t.Context())
	s.Go("slow", deaf(time.Minute, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	err := s.Shutdown(ctx)
	wantIs(t, err, context.DeadlineExceeded)
	wantTook(t, time.Since(start), time.Second)
	wantIs(t, s.Wait(t.Context()), nil)
	wantTook(t, time.Since(start), time.Minute)
}

// pond takes the end of the waiter's context for the end of the task.
func pondWaiterGivesUp(t *testing.T) {
	s := scope.Open(t.Context())
	future := scope.Async(s, "slow", gives(time.Minute, 42))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := future.Wait(ctx)
	wantIs(t, err, context.DeadlineExceeded)
	_, err = future.Result()
	wantIs(t, err, scope.ErrRunning)
	got, err := future.Wait(t.Context())
	wantIs(t, err, nil)
	if got != 42 {
		t.Errorf("result is %d, want 42", got)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// ants says that its time is over, and not what is left.
func antsOutOfTime(t *testing.T) {
	s := scope.Open(t.Context())
	s.Go("deaf", deaf(time.Minute, nil))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var left *scope.StragglersError
	if err := s.Shutdown(ctx); !errors.As(err, &left) || len(left.Tasks) != 1 ||
		left.Tasks[0].Task.Name != "deaf" {
		t.Errorf("Shutdown() = %v, want the name of the task", err)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantState(t, s, "ended")
}

// All tasks of the one pool hold a place and wait for a task of the other one.
func antsNested(t *testing.T) {
	const limit, tasks = 3, 30
	var g gauge
	err := scope.Run(t.Context(), func(ctx context.Context, outer *scope.Scope) error {
		return scope.Run(ctx, func(_ context.Context, inner *scope.Scope) error {
			for range tasks {
				outer.Go("outer", func(ctx context.Context) error {
					return inner.Go("inner", func(context.Context) error {
						g.enter()
						defer g.leave()
						time.Sleep(time.Second)
						return nil
					}).Wait(ctx)
				})
			}
			return outer.Wait(ctx)
		}, scope.Limit(limit))
	}, scope.Limit(limit))
	wantIs(t, err, nil)
	if g.entered() != tasks || g.peak != limit {
		t.Errorf("%d tasks, %d at a time, want %d and %d", g.entered(), g.peak, tasks, limit)
	}
}

// A ticker went on after the end. A bubble whose goroutines all wait for a timer
// lets time pass, so a ticker would be seen as a bubble that does not end.
func antsNothingLeft(t *testing.T) {
	for range 100 {
		s := scope.Open(t.Context(), scope.Limit(2), scope.Grace(time.Hour),
			scope.Timeout(24*time.Hour))
		s.Go("task", nothing)
		wantIs(t, s.Drain(t.Context()), nil)
	}
}

// It sent on a closed channel, or lost the task. Each task is run, or refused.
func pondSubmitRacesStop(t *testing.T) {
	for range 1000 {
		s := scope.Open(t.Context())
		var ran, refused gauge
		var callers sync.WaitGroup
		for range 4 {
			callers.Go(func() {
				task := s.Go("task", func(context.Context) error { ran.enter(); return nil })
				if errors.Is(task.Err(), scope.ErrClosed) {
					refused.enter()
				}
			})
		}
		callers.Go(func() { wantIs(t, s.Shutdown(t.Context()), nil) })
		callers.Wait()
		if ran.entered()+refused.entered() != 4 {
			t.Fatalf("%d ran, %d were refused, want 4 in all", ran.entered(), refused.entered())
		}
	}
}
