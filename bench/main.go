package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/report"
	"github.com/supervisorscope/scope/bench/internal/work"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A plan is what to measure and how long.
type plan struct {
	Peers  []string      // names
	Work   []string      // names
	Rounds int           // how often each peer has its turn
	Span   time.Duration // measured time to aim at per turn
	Seed   uint64        // of the order within a round
	Sizes  work.Sizes
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var (
		peers  = flags.String("peers", "", "comma-separated `names` besides raw (default all)")
		works  = flags.String("work", "", "comma-separated `names` (default all)")
		rounds = flags.Int("rounds", 10, "how often each peer has its turn")
		span   = flags.Duration("span", 20*time.Millisecond, "measured time per turn, about")
		parked = flags.Int("parked", 100_000, "`tasks` alive at once in the parked workloads")
		churn  = flags.Int("churn", 1_000_000, "failing `tasks` in the churn workload")
		seed   = flags.Uint64("seed", 1, "of the order of the peers within a round")
		quick  = flags.Bool("quick", false, "3 rounds of 5 ms, 10k parked, 100k churned")
		output = flags.String("o", "", "write the report to `file` instead of stdout")
		child  = flags.Bool("child", false, "internal: measure here and print samples as JSON")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := plan{
		Rounds: *rounds, Span: *span, Seed: *seed,
		Sizes: work.Sizes{Parked: *parked, Churn: *churn},
	}
	if *quick {
		p.Rounds, p.Span = 3, 5*time.Millisecond
		p.Sizes = work.Sizes{Parked: 10_000, Churn: 100_000}
	}
	var err error
	if p.Peers, err = choose("peer", *peers, peerNames()); err != nil {
		return err
	}
	if p.Work, err = choose("workload", *works, workNames()); err != nil {
		return err
	}
	if *child {
		return measureHere(p, out)
	}
	if !slices.Contains(p.Peers, peer.Base) {
		p.Peers = append([]string{peer.Base}, p.Peers...)
	}
	return compare(ctx, p, args, *output, out)
}

// compare measures everything of p and writes the report.
func compare(ctx context.Context, p plan, args []string, path string, out io.Writer) error {
	results, err := measureAll(ctx, p)
	if err != nil {
		return err
	}
	text := report.Markdown(report.Input{
		Command: strings.Join(append([]string{"go run ./bench"}, args...), " "),
		Peers:   selected(peer.All(), p.Peers, func(p peer.Peer) string { return p.Name }),
		Work: selected(work.All(p.Sizes), p.Work,
			func(w work.Workload) string { return w.Name }),
		Samples: results,
		Parts:   measure.Parts(p.Rounds, p.Span),
		Rounds:  p.Rounds,
		Span:    p.Span,
		Sizes:   p.Sizes,
	})
	if path == "" {
		_, err = io.WriteString(out, text)
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// choose returns the names in list, or all if it is empty.
func choose(kind, list string, all []string) ([]string, error) {
	if list == "" {
		return all, nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("unknown %s %q; one of %s", kind, name, strings.Join(all, ", "))
		}
	}
	return names, nil
}

// selected returns the elements with one of the names, in their own order.
func selected[T any](all []T, names []string, name func(T) string) []T {
	return slices.DeleteFunc(all, func(v T) bool { return !slices.Contains(names, name(v)) })
}

func peerNames() []string {
	var names []string
	for _, p := range peer.All() {
		names = append(names, p.Name)
	}
	return names
}

func workNames() []string {
	var names []string
	for _, w := range work.All(work.Sizes{}) {
		names = append(names, w.Name)
	}
	return names
}
