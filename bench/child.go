package main

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// measureHere measures p in this process and prints the samples as JSON.
func measureHere(p plan, out io.Writer) error {
	peers := make(map[string]peer.Peer)
	for _, candidate := range peer.All() {
		peers[candidate.Name] = candidate
	}
	var samples measure.Samples
	for _, w := range selected(work.All(p.Sizes), p.Work,
		func(w work.Workload) string { return w.Name }) {
		samples = append(samples, interleave(p, w, peers)...)
	}
	return json.NewEncoder(out).Encode(samples)
}

// interleave gives each peer its turn in every round, in a new order each time. The
// base has a turn between any two, so that each is compared with what the same
// moment of the machine made of the base.
func interleave(p plan, w work.Workload, peers map[string]peer.Peer) measure.Samples {
	counts := make(map[string]int)
	for _, name := range p.Peers {
		counts[name] = 1
		if !w.Alone {
			counts[name] = calibrate(w, peers[name], p.Span)
		}
	}
	order := rand.New(rand.NewPCG(p.Seed, 0))
	var samples measure.Samples
	sample := func(name string, round int) measure.Sample {
		n := counts[name]
		taken := turn(w, peers[name], n).Sample(n * w.Units)
		taken.Peer, taken.Round = name, round
		return taken
	}
	if len(p.Peers) == 1 || !slices.Contains(p.Peers, peer.Base) { // nothing to be beside
		for round := range p.Rounds {
			for _, name := range shuffled(order, p.Peers) {
				samples = append(samples, sample(name, round))
			}
		}
		return samples
	}
	others := slices.DeleteFunc(slices.Clone(p.Peers),
		func(name string) bool { return name == peer.Base })
	for round := range p.Rounds {
		before := sample(peer.Base, round)
		before.Beside = before.NS
		samples = append(samples, before)
		for _, name := range shuffled(order, others) {
			own, after := sample(name, round), sample(peer.Base, round)
			own.Beside = (before.NS + after.NS) / 2
			samples = append(samples, own)
			before = after
		}
	}
	return samples
}

// calibrate returns how many operations take about span.
func calibrate(w work.Workload, p peer.Peer, span time.Duration) int {
	const most = 1 << 24
	n := 1
	for {
		elapsed := turn(w, p, n).Elapsed()
		if elapsed >= span/2 || n >= most {
			return max(1, int(float64(n)*float64(span)/float64(max(elapsed, 1))))
		}
		grown := int(1.2 * float64(n) * float64(span) / float64(max(elapsed, 1)))
		n = min(max(grown, n+1), 100*n, most)
	}
}

// turn lets one peer do a workload n times.
func turn(w work.Workload, p peer.Peer, n int) *measure.Meter {
	run, release := p.Open()
	defer release()
	runtime.GC() // what the peer before left is not this one's to collect
	meter := new(measure.Meter)
	w.Do(work.Input{Peer: p, Run: run, N: n, Clock: meter})
	return meter
}
