package main

import (
	"testing"

	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// BenchmarkWork runs the workloads of the command one peer after the other; its
// ns/unit is what the report calls ns. For ratios use the command.
func BenchmarkWork(b *testing.B) {
	for _, w := range work.All(work.Sizes{Parked: 10_000, Churn: 100_000}) {
		if w.Alone {
			continue // figures that need a process of their own
		}
		for _, p := range peer.All() {
			if w.Excludes(p) != "" {
				continue
			}
			b.Run(w.Name+"/"+p.Name, func(b *testing.B) {
				b.StopTimer()
				b.ReportAllocs()
				run, release := p.Open()
				defer release()
				w.Do(work.Input{Peer: p, Run: run, N: b.N, Clock: b})
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*w.Units), "ns/unit")
			})
		}
	}
}
