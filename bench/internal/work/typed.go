package work

import "github.com/supervisorscope/scope/bench/internal/peer"

// typed are tasks with a result.
func typed() []Workload {
	const tasks = 100
	const doc = "100 tasks with an int result, gathered (into a slice by hand, if need be)"
	return []Workload{{Name: "typed", Doc: doc, Units: tasks, Do: func(in Input) {
		out := make([]int, tasks)
		gather := gatherer(in)
		in.Clock.StartTimer()
		for range in.N {
			gather(out)
		}
		in.Clock.StopTimer()
	}}}
}

// gatherer returns what fills a slice with the results of as many tasks.
func gatherer(in Input) func(out []int) {
	if in.Peer.Results != nil {
		return func(out []int) { in.Peer.Results(background(), out, answer) }
	}
	return func(out []int) {
		in.Run(background(), peer.Fill(func(g peer.Group) {
			for i := range out {
				g.Go(peer.Only(in.Peer.Form, func() { out[i] = answer() }))
			}
		}))
	}
}

func answer() int { return 42 }
