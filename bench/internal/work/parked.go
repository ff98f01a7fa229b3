package work

import (
	"context"
	"runtime"
	"sync"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
)

// The metrics of the parked workloads.
const (
	Resident = "rss-B/task"
	Heap     = "heap-B/task"
)

// parked are workloads with many tasks alive at once, each blocked.
func parked(tasks int) []Workload {
	return []Workload{
		memory("park", "memory of a task blocked on a channel, which never asks for Done",
			tasks, onChannel),
		memory("parkctx", "memory of a task that waits for its ctx.Done()", tasks, onDone),
		spawnAndPark(tasks),
		cancelAll(tasks),
		collect(tasks),
	}
}

// A crowd is a number of tasks that are started, park, and are let go together.
// Their group is opened under ctx.
type crowd struct {
	ctx     context.Context
	release context.CancelFunc // ends ctx, which all of them wait for
	parked  sync.WaitGroup
	tasks   int
}

func newCrowd(tasks int) *crowd {
	c := &crowd{tasks: tasks}
	c.ctx, c.release = context.WithCancel(background())
	return c
}

// onChannel starts tasks that do not look at their own context.
func onChannel(c *crowd, g peer.Group) {
	c.start(g, peer.Of(func() {
		c.parked.Done()
		<-c.ctx.Done()
	}))
}

// onDone starts tasks that wait for the Done channel of their own context.
func onDone(c *crowd, g peer.Group) {
	c.start(g, peer.With(g.Context(), func(ctx context.Context) {
		c.parked.Done()
		<-ctx.Done()
	}))
}

// start returns when every task has announced itself; a few may still be on
// their way into the wait.
func (c *crowd) start(g peer.Group, task peer.Task) {
	c.parked.Add(c.tasks)
	repeat(g, c.tasks, task)
	c.parked.Wait()
}

func memory(name, doc string, tasks int, start func(*crowd, peer.Group)) Workload {
	return Workload{Name: name, Doc: doc, Units: tasks, Alone: true, Do: func(in Input) {
		for range in.N {
			c := newCrowd(tasks)
			in.Run(c.ctx, peer.Fill(func(g peer.Group) {
				before := measure.ReadMemory()
				in.Clock.StartTimer()
				start(c, g)
				in.Clock.StopTimer()
				after := measure.ReadMemory()
				in.Clock.ReportMetric((after.Heap-before.Heap)/float64(tasks), Heap)
				if after.Resident > 0 {
					in.Clock.ReportMetric((after.Resident-before.Resident)/float64(tasks), Resident)
				}
				c.release()
			}))
		}
	}}
}

func spawnAndPark(tasks int) Workload {
	const doc = "start tasks that park, until all have"
	return Workload{Name: "spawnpark", Doc: doc, Units: tasks, Do: func(in Input) {
		for range in.N {
			c := newCrowd(tasks)
			in.Run(c.ctx, peer.Fill(func(g peer.Group) {
				in.Clock.StartTimer()
				onChannel(c, g)
				in.Clock.StopTimer()
				c.release()
			}))
		}
	}}
}

func cancelAll(tasks int) Workload {
	const doc = "tasks that wait for ctx.Done(): " +
		"from the cancel of the context above until all are joined"
	return Workload{Name: "cancel", Doc: doc, Units: tasks, Do: func(in Input) {
		for range in.N {
			c := newCrowd(tasks)
			in.Run(c.ctx, peer.Fill(func(g peer.Group) {
				onDone(c, g)
				in.Clock.StartTimer()
				c.release()
			}))
			in.Clock.StopTimer()
		}
	}}
}

func collect(tasks int) Workload {
	const doc = "one garbage collection while the parked tasks are alive, divided by their number"
	return Workload{Name: "gc", Doc: doc, Units: tasks, Do: func(in Input) {
		c := newCrowd(tasks)
		in.Run(c.ctx, peer.Fill(func(g peer.Group) {
			onChannel(c, g)
			runtime.GC()
			in.Clock.StartTimer()
			for range in.N {
				runtime.GC()
			}
			in.Clock.StopTimer()
			c.release()
		}))
	}}
}
