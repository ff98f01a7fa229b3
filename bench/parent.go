package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/supervisorscope/scope/bench/internal/measure"
	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// measureAll runs each workload of p in a process of its own, because a runtime
// that has had a hundred thousand goroutines is not what it was before, and
// returns the samples by workload.
func measureAll(ctx context.Context, p plan) (map[string]measure.Samples, error) {
	all := work.All(p.Sizes)
	results := make(map[string]measure.Samples)
	for _, w := range selected(all, p.Work, func(w work.Workload) string { return w.Name }) {
		fmt.Fprintf(os.Stderr, "%s ", w.Name)
		samples, err := measureWorkload(ctx, p, w)
		if err != nil {
			return nil, fmt.Errorf("workload %s: %w", w.Name, err)
		}
		results[w.Name] = samples
	}
	fmt.Fprintln(os.Stderr)
	return results, nil
}

func measureWorkload(ctx context.Context, p plan, w work.Workload) (measure.Samples, error) {
	p.Work = []string{w.Name}
	p.Peers = able(p.Peers, w)
	if !w.Alone {
		return runChild(ctx, p)
	}
	order := rand.New(rand.NewPCG(p.Seed, 0))
	var samples measure.Samples
	for round := range min(p.Rounds, aloneRounds) {
		for _, name := range shuffled(order, p.Peers) {
			single := p
			single.Peers, single.Rounds = []string{name}, 1
			own, err := runChild(ctx, single)
			if err != nil {
				return nil, fmt.Errorf("peer %s: %w", name, err)
			}
			for _, sample := range own {
				sample.Round = round
				samples = append(samples, sample)
			}
		}
	}
	return samples, nil
}

// aloneRounds bounds the rounds of workloads that need a process per sample:
// they measure memory, which does not depend on the moment.
const aloneRounds = 3

// able returns the names of those peers that w does not leave out.
func able(names []string, w work.Workload) []string {
	var can []string
	for _, p := range selected(peer.All(), names, func(p peer.Peer) string { return p.Name }) {
		if w.Excludes(p) == "" {
			can = append(can, p.Name)
		}
	}
	return can
}

// shuffled returns names in a new order.
func shuffled(order *rand.Rand, names []string) []string {
	mixed := append([]string(nil), names...)
	order.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	return mixed
}

// runChild measures p in a new process of this program.
func runChild(ctx context.Context, p plan) (measure.Samples, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "-child",
		"-work", strings.Join(p.Work, ","),
		"-peers", strings.Join(p.Peers, ","),
		"-rounds", strconv.Itoa(p.Rounds),
		"-span", p.Span.String(),
		"-seed", strconv.FormatUint(p.Seed, 10),
		"-parked", strconv.Itoa(p.Sizes.Parked),
		"-churn", strconv.Itoa(p.Sizes.Churn),
	)
	cmd.Stderr = os.Stderr
	data, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var samples measure.Samples
	if err := json.Unmarshal(data, &samples); err != nil {
		return nil, fmt.Errorf("read the samples: %w", err)
	}
	return samples, nil
}
