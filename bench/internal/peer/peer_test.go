package peer_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

// each runs f once per peer, with a group runner of its own.
func each(t *testing.T, f func(t *testing.T, p peer.Peer, run peer.Run)) {
	for _, p := range peer.All() {
		t.Run(p.Name, func(t *testing.T) {
			run, release := p.Open()
			defer release()
			f(t, p, run)
		})
	}
}

func TestRun_joinsEveryTask(t *testing.T) {
	const tasks = 500
	each(t, func(t *testing.T, _ peer.Peer, run peer.Run) {
		var ended atomic.Int64
		task := peer.Of(func() {
			runtime.Gosched()
			ended.Add(1)
		})
		for round := range int64(3) {
			run(t.Context(), peer.Fill(func(g peer.Group) {
				for range tasks {
					g.Go(task)
				}
			}))
			if got, want := ended.Load(), (round+1)*tasks; got != want {
				t.Fatalf("after Run: %d tasks have ended, want %d", got, want)
			}
		}
	})
}

func TestRun_joinsTasksStartedByTasks(t *testing.T) {
	each(t, func(t *testing.T, p peer.Peer, run peer.Run) {
		var (
			ended   atomic.Int64
			counted sync.WaitGroup
		)
		run(t.Context(), peer.Fill(func(g peer.Group) {
			leaf := peer.Of(func() {
				ended.Add(1)
				counted.Done()
			})
			counted.Add(2)
			g.Go(peer.Of(func() {
				g.Go(leaf)
				g.Go(leaf)
			}))
			if p.ClosesFirst {
				counted.Wait()
			}
		}))
		if got := ended.Load(); got != 2 {
			t.Errorf("after Run: %d tasks started by a task have ended, want 2", got)
		}
	})
}

func TestWaiter_joinsAndGoesOn(t *testing.T) {
	const burst = 50
	each(t, func(t *testing.T, _ peer.Peer, run peer.Run) {
		var ended atomic.Int64
		task := peer.Of(func() {
			runtime.Gosched()
			ended.Add(1)
		})
		run(t.Context(), peer.Fill(func(g peer.Group) {
			w, ok := g.(peer.Waiter)
			for want := int64(burst); ok && want <= 3*burst; want += burst {
				for range burst {
					g.Go(task)
				}
				w.Wait()
				if got := ended.Load(); got != want {
					t.Errorf("after Wait: %d tasks have ended, want %d", got, want)
				}
			}
		}))
	})
}

func TestRun_cancelReachesTasks(t *testing.T) {
	each(t, func(t *testing.T, _ peer.Peer, run peer.Run) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var reached atomic.Int64
		run(ctx, peer.Fill(func(g peer.Group) {
			var running sync.WaitGroup
			running.Add(10)
			task := peer.With(g.Context(), func(ctx context.Context) {
				running.Done()
				<-ctx.Done()
				reached.Add(1)
			})
			for range 10 {
				g.Go(task)
			}
			running.Wait()
			cancel()
		}))
		if got := reached.Load(); got != 10 {
			t.Errorf("after Run: the cancel reached %d tasks, want 10", got)
		}
	})
}

func TestRun_catchesPanics(t *testing.T) {
	each(t, func(t *testing.T, p peer.Peer, run peer.Run) {
		if !p.Catches || p.Cannot["panic"] != "" {
			t.Skip("does not catch panics, or not more than one")
		}
		var panicked atomic.Int64
		run(t.Context(), peer.Fill(func(g peer.Group) {
			for range 5 {
				g.Go(peer.Of(func() {
					panicked.Add(1)
					panic("boom")
				}))
			}
		}))
		if got := panicked.Load(); got != 5 {
			t.Errorf("after Run: %d tasks have panicked, want 5", got)
		}
	})
}

func TestResults_fillsEveryElement(t *testing.T) {
	each(t, func(t *testing.T, p peer.Peer, _ peer.Run) {
		if p.Results == nil {
			t.Skip("no results of its own")
		}
		var calls atomic.Int64
		out := make([]int, 30)
		p.Results(t.Context(), out, func() int { return int(calls.Add(1)) })
		sum := 0
		for _, v := range out {
			sum += v
		}
		if want := 30 * 31 / 2; sum != want {
			t.Errorf("sum of the results = %d, want %d: one was lost or doubled", sum, want)
		}
	})
}

func TestAll_startsWithBase(t *testing.T) {
	seen := make(map[string]bool)
	for i, p := range peer.All() {
		if (i == 0) != (p.Name == peer.Base) {
			t.Errorf("peer %d is %s; the base, and nothing else, comes first", i, p.Name)
		}
		if seen[p.Name] {
			t.Errorf("two peers are named %s", p.Name)
		}
		seen[p.Name] = true
		if p.Doc == "" || p.Form == 0 {
			t.Errorf("peer %s lacks Doc or Form", p.Name)
		}
	}
}

func TestOnly_callsInItsForm(t *testing.T) {
	calls := 0
	f := func() { calls++ }
	peer.Only(peer.Plain, f).Plain()
	if err := peer.Only(peer.Failing, f).Failing(); err != nil {
		t.Errorf("Failing() = %v, want nil", err)
	}
	if err := peer.Only(peer.Contextual, f).Contextual(t.Context()); err != nil {
		t.Errorf("Contextual() = %v, want nil", err)
	}
	if calls != 3 {
		t.Errorf("f was called %d times, want 3", calls)
	}
}
