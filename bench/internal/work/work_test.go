package work_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

func sizes() work.Sizes { return work.Sizes{Parked: 50, Churn: 10_000} }

// Every peer does every workload to the end, and something is measured.
func TestWorkload_everyPeerEnds(t *testing.T) {
	for _, w := range work.All(sizes()) {
		for _, p := range peer.All() {
			t.Run(w.Name+"/"+p.Name, func(t *testing.T) {
				if reason := w.Excludes(p); reason != "" {
					t.Skip(reason)
				}
				if w.Name == "n100k" {
					t.Skip("n1k is the same code, and does not take seconds")
				}
				run, release := p.Open()
				defer release()
				var m measure.Meter
				w.Do(work.Input{Peer: p, Run: run, N: 1, Clock: &m})
				if m.Elapsed() <= 0 {
					t.Error("the clock was never started")
				}
			})
		}
	}
}

// The number of tasks started is the one the figures are divided by.
func TestWorkload_startsUnitsTasks(t *testing.T) {
	others := map[string]int64{
		"churn": 10_000 + 1_000, // a burst before the measurement
		"gc":    50,             // however many collections
		"typed": 0,              // the base gathers results without a group

		// contexts, all in one task
		"withcancel": 1, "withtimeout": 1, "afterfunc": 1, "behindvalue": 1, "derivedlive": 1,
	}
	base := peer.All()[0]
	for _, w := range work.All(sizes()) {
		t.Run(w.Name, func(t *testing.T) {
			n := 3
			if w.Alone || w.Units > 10_000 {
				n = 1
			}
			want, other := others[w.Name]
			if !other {
				want = int64(n * w.Units)
			}
			run, release := base.Open()
			defer release()
			var started atomic.Int64
			w.Do(work.Input{
				Peer: base, Run: counting(run, &started), N: n, Clock: new(measure.Meter),
			})
			if got := started.Load(); got != want {
				t.Errorf("%d operations started %d tasks, want %d", n, got, want)
			}
		})
	}
}

func counting(run peer.Run, started *atomic.Int64) peer.Run {
	return func(ctx context.Context, body peer.Body) {
		run(ctx, peer.Fill(func(g peer.Group) { body.Fill(countingGroup{g, started}) }))
	}
}

type countingGroup struct {
	peer.Group
	started *atomic.Int64
}

func (g countingGroup) Go(t peer.Task) {
	g.started.Add(1)
	g.Group.Go(t)
}

// Wait passes on to the base, which is a Waiter.
func (g countingGroup) Wait() { g.Group.(peer.Waiter).Wait() }

func TestAll_named(t *testing.T) {
	seen := make(map[string]bool)
	for _, w := range work.All(sizes()) {
		if seen[w.Name] {
			t.Errorf("two workloads are named %s", w.Name)
		}
		seen[w.Name] = true
		if w.Doc == "" || w.Units <= 0 {
			t.Errorf("workload %s lacks Doc or Units", w.Name)
		}
	}
	for _, p := range peer.All() {
		for name := range p.Cannot {
			if !seen[name] {
				t.Errorf("peer %s cannot do %s, which is no workload", p.Name, name)
			}
		}
	}
}
