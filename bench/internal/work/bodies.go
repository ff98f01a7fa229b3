package work

import (
	"strconv"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

// bodies are workloads whose tasks do something.
func bodies() []Workload {
	return []Workload{
		stack("stack8k", 8<<10),
		stack("stack32k", 32<<10),
		cpu(),
		blockOnce(),
		panicking(),
	}
}

func stack(name string, bytes int) Workload {
	const tasks = 100
	doc := "tasks that use " + strconv.Itoa(bytes>>10) + " KiB of stack"
	return perGroup(name, doc, tasks, func(peer.Peer) func(peer.Group) {
		task := peer.Of(func() { descend(bytes / frame) })
		return func(g peer.Group) { repeat(g, tasks, task) }
	})
}

const frame = 1 << 10 // bytes of stack per call of descend, about

//go:noinline
func descend(frames int) byte {
	var pad [frame]byte
	pad[frames%frame] = byte(frames)
	if frames > 1 {
		pad[0] += descend(frames - 1)
	}
	return pad[0] + pad[frames%frame]
}

func cpu() Workload {
	const tasks = 100
	return perGroup("work", "tasks that compute for about 1 us", tasks,
		func(peer.Peer) func(peer.Group) {
			task := peer.Of(func() { _ = spin(700) })
			return func(g peer.Group) { repeat(g, tasks, task) }
		})
}

// spin does steps multiplications, each of which needs the one before.
//
//go:noinline
func spin(steps int) uint64 {
	x := uint64(steps)
	for range steps {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

func blockOnce() Workload {
	const tasks = 1_000
	const doc = "each task receives once from a channel that is served after all were started"
	return perGroup("block", doc, tasks, func(peer.Peer) func(peer.Group) {
		gate := make(chan struct{}) // sent by the body, one value per task
		task := peer.Of(func() { <-gate })
		return func(g peer.Group) {
			repeat(g, tasks, task)
			for range tasks {
				gate <- struct{}{}
			}
		}
	})
}

func panicking() Workload {
	const tasks = 100
	const doc = "each task panics; if the library does not catch it, " +
		"a bare recover in the task does"
	return perGroup("panic", doc, tasks, func(p peer.Peer) func(peer.Group) {
		f := func() { panic("boom") }
		if !p.Catches {
			f = recovered
		}
		task := peer.Of(f)
		return func(g peer.Group) { repeat(g, tasks, task) }
	})
}

func recovered() {
	defer func() { _ = recover() }()
	panic("boom")
}
