package report

import (
	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// A budget is a bound this library has set itself for one workload. Missing it
// fails nothing: times on a shared machine are to be read, not asserted.
type budget struct {
	work  string
	peer  string // which of ours is judged
	what  quantity
	most  float64
	base  string // of ratios
	digit int    // digits after the point when printed
}

// A quantity is what a budget bounds.
type quantity string

const (
	timeRatio  quantity = "time"
	allocCount quantity = "allocs"
	byteCount  quantity = "B"
	rssRatio   quantity = "resident memory"
	heapTotal  quantity = "heap KiB"
	goroutines quantity = "goroutines"
)

const (
	lexical    = "scope"
	supervised = "scopesup"
	longLived  = "scopeopen"
)

// budgets are for a goroutine per task on two cores.
func budgets() []budget {
	list := []budget{
		ratio("n1", 1.60),
		against("n1", "errgroup", 1.15),
		count("n1", allocCount, 3),
		against("n1", "diylist", 1.60),
		ratio("n10", 1.45),
		ratio("n1k", 1.35),
		against("n1k", "diylist", 1.25),
		count("n1k", allocCount, 2),
		count("n1k", byteCount, 128),
		ratio("n100k", 1.35),
		against("n100k", "diylist", 1.25),
		ratio("tree", 1.40),
		against("tree", "diylist", 1.25),
		{work: "steady", peer: longLived, what: timeRatio, most: 1.45, base: peer.Base, digit: 2},
		{work: "steady", peer: longLived, what: timeRatio, most: 1.25, base: "diylist", digit: 2},
		ratio("start", 1.30),
		ratio("par1", 1.30),
		ratio("par16", 1.30),
		ratio("stack8k", 1.10),
		against("stack8k", "diylist", 1.10),
		ratio("stack32k", 1.10),
		ratio("work", 1.25),
		ratio("block", 1.25),
		{work: "panic", peer: supervised, what: timeRatio, most: 3.50, base: peer.Base, digit: 2},
		ratio("nest10", 1.50),
		against("nest10", "errgroup", 0.75),
		ratio("nest1k", 1.50),
		against("nest1k", "errgroup", 0.75),
		ratio("typed", 1.50),
		count("typed", allocCount, 2),
		{work: "park", peer: lexical, what: rssRatio, most: 1.05, base: peer.Base, digit: 3},
		{work: "parkctx", peer: lexical, what: rssRatio, most: 1.16, base: peer.Base, digit: 3},
		ratio("spawnpark", 1.45),
		ratio("cancel", 1.45),
		ratio("gc", 1.40),
		{work: "churn", peer: supervised, what: heapTotal, most: 128},
	}
	for _, name := range []string{"withcancel", "withtimeout", "afterfunc", "behindvalue"} {
		list = append(list, ratio(name, 1.30))
	}
	return append(list, budget{work: "derivedlive", peer: lexical, what: goroutines})
}

func ratio(workload string, most float64) budget { return against(workload, peer.Base, most) }

func against(workload, base string, most float64) budget {
	return budget{work: workload, peer: lexical, what: timeRatio, most: most, base: base, digit: 2}
}

func count(workload string, what quantity, most float64) budget {
	b := budget{work: workload, peer: lexical, what: what, most: most, digit: 1}
	if what == byteCount {
		b.digit = 0 // a scope's own bytes are spread over its tasks
	}
	return b
}

// figure returns what was measured for b, and whether it was.
func (b budget) figure(samples measure.Samples) (float64, bool) {
	own := samples.Of(b.peer)
	measured := len(own) > 0
	switch b.what {
	case timeRatio:
		return samples.Ratio(b.peer, b.base)
	case rssRatio:
		return samples.MetricRatio(b.peer, b.base, work.Resident)
	case allocCount:
		return own.Allocs(), measured
	case byteCount:
		return own.Bytes(), measured
	case heapTotal:
		return own.Metric(work.HeapEnd)
	case goroutines:
		return own.Metric(work.Goroutines)
	default:
		panic("report: unknown quantity " + string(b.what))
	}
}

// met reports whether value is within b, as far as the printed digits go.
func (b budget) met(value float64) bool {
	return rounded(value, b.digit) <= b.most
}
