package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/report"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// rounds makes a sample per time, one a round.
func rounds(name string, bytes, allocs float64, times ...float64) measure.Samples {
	var samples measure.Samples
	for i, ns := range times {
		samples = append(samples,
			measure.Sample{Peer: name, Round: i, NS: ns, Bytes: bytes, Allocs: allocs})
	}
	return samples
}

func page(t *testing.T, samples map[string]measure.Samples) string {
	t.Helper()
	var chosen []work.Workload
	for _, w := range work.All(work.Sizes{Parked: 1, Churn: 1}) {
		if _, ok := samples[w.Name]; ok {
			chosen = append(chosen, w)
		}
	}
	return report.Markdown(report.Input{
		Command: "go run ./bench -work n1k", Peers: peer.All(), Work: chosen,
		Samples: samples, Rounds: 2, Span: 5 * time.Millisecond,
	})
}

func TestMarkdown(t *testing.T) {
	n1k := append(rounds(peer.Base, 24, 1, 100, 200), rounds("scope", 130, 2, 140, 260)...)
	n1k = append(n1k, rounds("wggo", 24.4, 1.004, 100, 202)...)
	got := page(t, map[string]measure.Samples{"n1k": n1k})
	for _, want := range []string{
		"Made by `go run ./bench -work n1k`\n",
		"2 rounds",
		"took 1.50 times its fastest",
		"| peer | n1k |\n|---|--:|\n| raw | 100 (1.00) |\n| scope | 140 (1.35) |\n",
		"| wggo | 24, 1.00 |\n",
		"| n1k | scope | time / raw | 1.35 | 1.35 | yes |\n",
		"| n1k | scope | allocs | 2 | 2 | yes |\n",
		"| n1k | scope | B | 128 | 130 | **no** |\n",
		"* `n1k`: raw 0.74, wggo 0.75\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, other := range []string{"n10 ", "## Churn", "## Parked", "| suture |", "\n\n\n"} {
		if strings.Contains(got, other) {
			t.Errorf("the page has %q, of which nothing was measured", other)
		}
	}
}

func TestMarkdown_leftOut(t *testing.T) {
	samples := append(rounds(peer.Base, 24, 1, 400), rounds("scopesup", 200, 3, 1200)...)
	n1k := append(rounds(peer.Base, 24, 1, 100), rounds("scope", 24, 1, 130)...)
	got := page(t, map[string]measure.Samples{"block": n1k, "panic": samples})
	for _, want := range []string{
		"| scope | 130 (1.30) | - |\n",
		"| scopesup | - | 1200 (3.00) |\n",
		"* `scope` in `panic`: the first failure ends",
		"| panic | scopesup | time / raw | 3.50 | 3 | yes |\n",
		"* `panic`: raw 0.33\n",
		"| block | scope | time / raw | 1.25 | 1.30 | **no** |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q in:\n%s", want, got)
		}
	}
}

func TestMarkdown_metrics(t *testing.T) {
	sample := func(name string, metrics map[string]float64) measure.Sample {
		return measure.Sample{Peer: name, NS: 100, Metrics: metrics}
	}
	got := page(t, map[string]measure.Samples{
		"park": {
			sample(peer.Base, map[string]float64{work.Resident: 2700, work.Heap: 500}),
			sample("scope", map[string]float64{work.Resident: 2835.4, work.Heap: 612.3}),
		},
		"churn": {
			sample("scopesup", map[string]float64{work.HeapTenth: 60.2, work.HeapEnd: 61.7}),
		},
		"derivedlive": {sample("scope", map[string]float64{work.Goroutines: 3})},
	})
	for _, want := range []string{
		"| raw | 2700 | 1.000 | 500 |\n| scope | 2835 | 1.050 | 612 |\n",
		"| park | scope | resident memory / raw | 1.050 | 1.050 | yes |\n",
		"| scopesup | 100 | 60 | 62 |\n",
		"| churn | scopesup | heap KiB | 128 | 62 | yes |\n",
		"| derivedlive | scope | goroutines | 0 | 3 | **no** |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q in:\n%s", want, got)
		}
	}
}
