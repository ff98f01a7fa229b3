package work

import (
	"slices"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

// A Clock measures the part of a workload between StartTimer and StopTimer.
// *testing.B and *measure.Meter are Clocks; it is stopped when a workload gets it.
type Clock interface {
	StartTimer()
	StopTimer()
	ReportMetric(value float64, unit string)
}

// An Input is one measurement to make.
type Input struct {
	Peer  peer.Peer
	Run   peer.Run // from Peer.Open
	N     int      // how often to do the work
	Clock Clock
}

// A Workload is one thing every peer is asked to do.
type Workload struct {
	// Name is the column of the report and the argument of -work.
	Name string

	// Doc says in a sentence what is measured.
	Doc string

	// Units is how many tasks (levels, contexts) one operation has; figures are
	// divided by it.
	Units int

	// Alone says that each measurement needs a process of its own, because what
	// an earlier one left behind would be counted.
	Alone bool

	// Only restricts the workload to some peers. Optional: empty means all.
	Only []string

	// Do does the work in.N times, the measured part under in.Clock.
	Do func(in Input)
}

// Excludes returns why p is left out of w, or "".
func (w Workload) Excludes(p peer.Peer) string {
	if len(w.Only) > 0 && !slices.Contains(w.Only, p.Name) {
		return "not about this peer"
	}
	return p.Cannot[w.Name]
}

// Sizes are the two numbers that decide how long the large workloads take.
type Sizes struct {
	Parked int // tasks alive at once
	Churn  int // tasks that come, fail and go in one scope
}

// All returns every workload, in the order of the report.
func All(sizes Sizes) []Workload {
	return slices.Concat(
		openings(), longLived(), bodies(), nested(), typed(),
		parked(sizes.Parked), churn(sizes.Churn), derived(),
	)
}

// perGroup measures whole groups: opened, filled by body, joined. The body is
// made once, so that its closures are no part of the figures.
func perGroup(name, doc string, units int, body func(p peer.Peer) func(peer.Group)) Workload {
	return Workload{Name: name, Doc: doc, Units: units, Do: func(in Input) {
		fill := peer.Fill(body(in.Peer))
		in.Clock.StartTimer()
		for range in.N {
			in.Run(background(), fill)
		}
		in.Clock.StopTimer()
	}}
}

// repeat starts t n times.
func repeat(g peer.Group, n int, t peer.Task) {
	for range n {
		g.Go(t)
	}
}
