package report

import (
	_ "embed"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// An Input is what a report is made of.
type Input struct {
	Command string // that made it
	Peers   []peer.Peer
	Work    []work.Workload
	Samples map[string]measure.Samples // by name of the workload
	Parts   []measure.Part
	Rounds  int
	Span    time.Duration
	Sizes   work.Sizes
}

//go:embed header.md
var header string

//go:embed limits.md
var limits string

// Markdown returns the whole page.
func Markdown(in Input) string {
	sections := []string{
		strings.TrimRight(header, "\n") + "\n",
		provenance(in),
		section("Budgets", budgetTable(in)),
		section("Parts", partTable(in)),
		section("Time", timeTables(in)),
		section("Bytes and allocations", costTable(in)),
		section("Parked tasks", memoryTable(in)),
		section("Churn", churnTable(in)),
		section("Derived contexts", goroutineTable(in)),
		section("Where others are faster", faster(in)),
		section("Workloads", workloads(in)),
		section("Peers", peers(in)),
		section("Left out", leftOut(in)),
		strings.TrimRight(limits, "\n") + "\n",
	}
	var page strings.Builder
	for i, text := range sections {
		if text == "" {
			continue
		}
		if i > 0 {
			page.WriteString("\n")
		}
		page.WriteString(text)
	}
	return page.String()
}

// section returns text under a heading, or nothing if there is no text.
func section(title, text string) string {
	if text == "" {
		return ""
	}
	return "## " + title + "\n\n" + text
}

func provenance(in Input) string {
	return fmt.Sprintf("Made by `%s`\n\n"+
		"* %s, %s/%s, %d processors\n"+
		"* %d rounds (memory: fewer), about %v measured per turn, "+
		"%d tasks parked, %d churned\n%s",
		in.Command, runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.GOMAXPROCS(0),
		in.Rounds, in.Span, in.Sizes.Parked, in.Sizes.Churn, noise(in))
}

// noise says how far apart the rounds of the base were: the same work, so all of
// the difference is the machine's.
func noise(in Input) string {
	var spread []float64
	for _, samples := range in.Samples {
		own := samples.Of(peer.Base)
		if least := own.MinNS(); least > 0 {
			spread = append(spread, own.MedianNS()/least)
		}
	}
	if len(spread) == 0 {
		return ""
	}
	return fmt.Sprintf("* noise: the median round of `%s` took %s times its fastest "+
		"(median over the workloads)\n", peer.Base, fixed(measure.Median(spread), 2))
}

func workloads(in Input) string {
	var b strings.Builder
	for _, w := range in.Work {
		fmt.Fprintf(&b, "* `%s`: %s\n", w.Name, w.Doc)
	}
	return b.String()
}

func peers(in Input) string {
	var b strings.Builder
	for _, p := range in.Peers {
		fmt.Fprintf(&b, "* `%s`: %s\n", p.Name, p.Doc)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b.String()
	}
	var versions []string
	for _, module := range info.Deps {
		if module.Version != "" && module.Version != "(devel)" && module.Replace == nil {
			versions = append(versions, module.Path+" "+module.Version)
		}
	}
	return b.String() + "\nModules: " + strings.Join(versions, ", ") + ".\n"
}

// leftOut gives the reason for each dash that is not the workload's own choice.
func leftOut(in Input) string {
	var b strings.Builder
	for _, w := range in.Work {
		for _, p := range in.Peers {
			if reason := p.Cannot[w.Name]; reason != "" {
				fmt.Fprintf(&b, "* `%s` in `%s`: %s\n", p.Name, w.Name, reason)
			}
		}
	}
	return b.String()
}
