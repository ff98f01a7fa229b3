package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// The columns of the time tables, and of the table of what a task allocates.
func timeColumns() [][]string {
	return [][]string{
		{"n1", "n10", "n1k", "n100k", "tree"},
		{"steady", "start", "par1", "par16"},
		{"stack8k", "stack32k", "work", "block", "panic"},
		{"nest10", "nest1k", "typed"},
		{"spawnpark", "cancel", "gc", "churn"},
		{"withcancel", "withtimeout", "afterfunc", "behindvalue", "derivedlive"},
	}
}

func costColumns() []string {
	return []string{"n1", "n10", "n1k", "steady", "panic", "nest10", "typed", "withcancel"}
}

func timeTables(in Input) string {
	var b strings.Builder
	for _, columns := range timeColumns() {
		text := grid(in, columns, func(samples measure.Samples, p peer.Peer) (string, bool) {
			ratio, ok := samples.Ratio(p.Name, peer.Base)
			return timeCell(samples.Of(p.Name).MinNS(), ratio), ok
		})
		if text != "" && b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(text)
	}
	if b.Len() == 0 {
		return ""
	}
	return "ns per task, the least of all rounds; in brackets the median of the ratios to\n" +
		"`" + peer.Base + "` beside it.\n\n" + b.String()
}

func costTable(in Input) string {
	text := grid(in, costColumns(), func(samples measure.Samples, p peer.Peer) (string, bool) {
		own := samples.Of(p.Name)
		return costCell(own.Bytes(), own.Allocs()), len(own) > 0
	})
	if text == "" {
		return ""
	}
	return "Bytes, allocations per task; the median of all rounds.\n\n" + text
}

func memoryTable(in Input) string {
	var b strings.Builder
	for _, name := range []string{"park", "parkctx"} {
		samples, ok := in.Samples[name]
		if !ok {
			continue
		}
		t := newTable(name, "resident B/task", "ratio", "heap B/task")
		for _, p := range in.Peers {
			if len(samples.Of(p.Name)) > 0 {
				t.row(p.Name, metric(samples, p, work.Resident),
					metricRatio(samples, p, work.Resident), metric(samples, p, work.Heap))
			}
		}
		b.WriteString(t.String() + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + newlineIf(b.Len() > 0)
}

func churnTable(in Input) string {
	samples, ok := in.Samples["churn"]
	if !ok {
		return ""
	}
	t := newTable("churn", "ns/task", "heap KiB after a tenth", "heap KiB after all")
	for _, p := range in.Peers {
		if own := samples.Of(p.Name); len(own) > 0 {
			t.row(p.Name, nanoseconds(own.MinNS()),
				metric(samples, p, work.HeapTenth), metric(samples, p, work.HeapEnd))
		}
	}
	return fmt.Sprintf("%d failing tasks through one open scope.\n\n", in.Sizes.Churn) + t.String()
}

func goroutineTable(in Input) string {
	samples, ok := in.Samples["derivedlive"]
	if !ok {
		return ""
	}
	t := newTable("1000 contexts behind a value", "goroutines made")
	for _, p := range in.Peers {
		if len(samples.Of(p.Name)) > 0 {
			t.row(p.Name, metric(samples, p, work.Goroutines))
		}
	}
	return t.String()
}

func budgetTable(in Input) string {
	t := newTable("workload", "peer", "what", "at most", "measured", "met")
	empty := true
	for _, b := range budgets() {
		value, ok := b.figure(in.Samples[b.work])
		if !ok {
			continue
		}
		empty = false
		what := string(b.what)
		if b.base != "" {
			what += " / " + b.base
		}
		verdict := "yes"
		if !b.met(value) {
			verdict = "**no**"
		}
		t.row(b.work, b.peer, what, number(b.most, b.digit), number(value, b.digit), verdict)
	}
	if empty {
		return ""
	}
	return budgetsAre + t.String()
}

const budgetsAre = `Targets that were set before anything was built, from prototypes measured on
another machine, whose parts had other prices; see below. A **no** is a target that
is missed here; it fails nothing.

`

// partTable says what a record of a task is made of, and what that costs here.
func partTable(in Input) string {
	if len(in.Parts) == 0 {
		return ""
	}
	t := newTable("a part of any record of a task", "ns")
	for _, p := range in.Parts {
		t.row(p.Name, fixed(p.NS, 1))
	}
	return partsAre + t.String()
}

const partsAre = `Each task looks at the clock once, is one allocation of 112 bytes and
one of 16, and takes a lock twice. On the machine of the budgets these parts took 22,
about 20 and 9 ns, beside 166 ns for a goroutine that does nothing; see raw in n1k.

`

// faster lists, per workload, the peers that need clearly less time than ours.
func faster(in Input) string {
	const clearly = 0.9
	var b strings.Builder
	for _, w := range in.Work {
		ours := lexical
		if len(in.Samples[w.Name].Of(lexical)) == 0 {
			ours = supervised
		}
		var ahead []string
		for _, p := range in.Peers {
			r, ok := in.Samples[w.Name].Ratio(p.Name, ours)
			if ok && r < clearly && !w.Alone {
				ahead = append(ahead, p.Name+" "+fixed(r, 2))
			}
		}
		if len(ahead) > 0 {
			fmt.Fprintf(&b, "* `%s`: %s\n", w.Name, strings.Join(ahead, ", "))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	const head = "Peers that need less than 0.9 of this library's time for the same tasks.\n\n"
	return head + b.String()
}

// grid returns a table of peers by workloads, or nothing if none was measured.
func grid(
	in Input, columns []string, cell func(measure.Samples, peer.Peer) (string, bool),
) string {
	columns = slices.DeleteFunc(slices.Clone(columns), func(name string) bool {
		_, ok := in.Samples[name]
		return !ok
	})
	if len(columns) == 0 {
		return ""
	}
	t := newTable(append([]string{"peer"}, columns...)...)
	for _, p := range in.Peers {
		cells := []string{p.Name}
		measured := false
		for _, name := range columns {
			text, ok := cell(in.Samples[name], p)
			if !ok {
				text = missing
			}
			measured = measured || ok
			cells = append(cells, text)
		}
		if measured {
			t.row(cells...)
		}
	}
	return t.String()
}

func metric(samples measure.Samples, p peer.Peer, unit string) string {
	v, ok := samples.Of(p.Name).Metric(unit)
	if !ok {
		return missing
	}
	return number(v, 0)
}

func metricRatio(samples measure.Samples, p peer.Peer, unit string) string {
	v, ok := samples.MetricRatio(p.Name, peer.Base, unit)
	if !ok {
		return missing
	}
	return fixed(v, 3)
}

func newlineIf(yes bool) string {
	if yes {
		return "\n"
	}
	return ""
}
