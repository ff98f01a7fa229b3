package work

import (
	"context"
	"runtime"
	"strconv"
	"sync"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

func background() context.Context { return context.Background() }

func nothing() {}

// openings are groups that live as long as their tasks.
func openings() []Workload {
	var list []Workload
	for _, size := range []struct {
		name  string
		tasks int
	}{{"n1", 1}, {"n10", 10}, {"n1k", 1_000}, {"n100k", 100_000}} {
		doc := "open a scope, start " + strconv.Itoa(size.tasks) + " trivial tasks, join"
		list = append(list, perGroup(size.name, doc, size.tasks,
			func(peer.Peer) func(peer.Group) {
				task := peer.Of(nothing)
				return func(g peer.Group) { repeat(g, size.tasks, task) }
			}))
	}
	return append(list, tree())
}

// tree has tasks that start two more each, eleven generations.
func tree() Workload {
	const generations, tasks = 11, 1<<11 - 1
	const doc = "each task starts two more, 2047 in all, in one scope"
	return perGroup("tree", doc, tasks, func(p peer.Peer) func(peer.Group) {
		var (
			group   peer.Group
			counted sync.WaitGroup
			made    [generations]peer.Task
		)
		ended := nothing
		if p.ClosesFirst {
			ended = counted.Done
		}
		made[generations-1] = peer.Of(ended)
		for i := generations - 2; i >= 0; i-- {
			made[i] = peer.Of(func() {
				repeat(group, 2, made[i+1])
				ended()
			})
		}
		return func(g peer.Group) {
			group = g
			if p.ClosesFirst {
				counted.Add(tasks)
			}
			g.Go(made[0])
			counted.Wait()
		}
	})
}

// longLived are workloads inside one scope that stays open.
func longLived() []Workload {
	return []Workload{
		steady(),
		startLatency(),
		parallel("par1", 1),
		parallel("par16", 16),
	}
}

func steady() Workload {
	const burst = 100
	const doc = "one long-lived scope, bursts of 100 trivial tasks, each burst waited for"
	return Workload{Name: "steady", Doc: doc, Units: burst, Do: func(in Input) {
		in.Run(background(), peer.Fill(func(g peer.Group) {
			b := newBurst(g, func(done func()) peer.Task { return peer.Of(done) })
			in.Clock.StartTimer()
			for range in.N {
				b.run(burst)
			}
			in.Clock.StopTimer()
		}))
	}}
}

// A burst starts tasks and waits for them, by the group's own means or, where it
// has none, by a WaitGroup that the tasks themselves count down.
type burst struct {
	group  peer.Group
	waiter peer.Waiter // nil: counted by hand
	wg     sync.WaitGroup
	task   peer.Task
}

func newBurst(g peer.Group, task func(done func()) peer.Task) *burst {
	b := &burst{group: g}
	done := nothing
	if w, ok := g.(peer.Waiter); ok {
		b.waiter = w
	} else {
		done = b.wg.Done
	}
	b.task = task(done)
	return b
}

func (b *burst) run(n int) {
	if b.waiter == nil {
		b.wg.Add(n)
	}
	repeat(b.group, n, b.task)
	if b.waiter == nil {
		b.wg.Wait()
		return
	}
	b.waiter.Wait()
}

func startLatency() Workload {
	const doc = "one long-lived scope, one task at a time: from the start until it runs, and back"
	return Workload{Name: "start", Doc: doc, Units: 1, Do: func(in Input) {
		runs := make(chan struct{}) // sent by the task, one at a time
		task := peer.Of(func() { runs <- struct{}{} })
		in.Run(background(), peer.Fill(func(g peer.Group) {
			in.Clock.StartTimer()
			for range in.N {
				g.Go(task)
				<-runs
			}
			in.Clock.StopTimer()
		}))
	}}
}

func parallel(name string, perP int) Workload {
	const share = 100
	doc := strconv.Itoa(perP) + " starting goroutine(s) per processor, one scope"
	spawners := perP * runtime.GOMAXPROCS(0)
	return Workload{Name: name, Doc: doc, Units: share * spawners, Do: func(in Input) {
		task := peer.Of(nothing)
		in.Clock.StartTimer()
		in.Run(background(), peer.Fill(func(g peer.Group) {
			var wg sync.WaitGroup
			for range spawners {
				wg.Go(func() { repeat(g, share*in.N, task) })
			}
			wg.Wait()
		}))
		in.Clock.StopTimer()
	}}
}
