package work

import (
	"context"
	"errors"
	"sync"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
)

// The metrics of the churn workload: what the open scope has come to hold.
const (
	HeapTenth = "heap-KiB@10%"
	HeapEnd   = "heap-KiB"
)

// churn is a scope through which a great many failing tasks pass.
func churn(tasks int) []Workload {
	const doc = "failing tasks pass through one open scope in bursts of 1000; " +
		"heap it holds after a tenth and after all"
	return []Workload{{Name: "churn", Doc: doc, Units: tasks, Alone: true, Do: func(in Input) {
		for range in.N {
			in.Run(background(), peer.Fill(func(g peer.Group) { pass(in, g, tasks) }))
		}
	}}}
}

func pass(in Input, g peer.Group, tasks int) {
	const size = 1_000
	boom := errors.New("boom")
	b := newBurst(g, func(done func()) peer.Task {
		return peer.Task{
			Plain:      done,
			Failing:    func() error { done(); return boom },
			Contextual: func(context.Context) error { done(); return boom },
		}
	})
	bursts := max(tasks/size, 10)
	reuseGoroutines(2 * size)
	b.run(size) // and what the library makes once is made
	before := measure.ReadMemory().Heap
	held := func() float64 { return (measure.ReadMemory().Heap - before) / 1024 }

	in.Clock.StartTimer()
	for range bursts / 10 {
		b.run(size)
	}
	in.Clock.StopTimer()
	in.Clock.ReportMetric(held(), HeapTenth)
	in.Clock.StartTimer()
	for range bursts - bursts/10 {
		b.run(size)
	}
	in.Clock.StopTimer()
	in.Clock.ReportMetric(held(), HeapEnd)
}

// reuseGoroutines has n goroutines alive at once, so that later ones take over
// the runtime's record of one of them instead of adding it to the heap.
func reuseGoroutines(n int) {
	c := newCrowd(n)
	var ended sync.WaitGroup
	c.parked.Add(n)
	for range n {
		ended.Go(func() {
			c.parked.Done()
			<-c.ctx.Done()
		})
	}
	c.parked.Wait()
	c.release()
	ended.Wait()
}
