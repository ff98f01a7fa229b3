package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

// TestMain lets the test binary be its own child process, as the command is.
func TestMain(m *testing.M) {
	if slices.Contains(os.Args[1:], "-child") {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestRun_report(t *testing.T) {
	var out bytes.Buffer
	args := []string{
		"-peers", "errgroup,wggo", "-work", "n10,park,churn",
		"-rounds", "2", "-span", "1ms", "-parked", "100", "-churn", "10000",
	}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"go run ./bench -peers errgroup,wggo -work n10,park,churn",
		"| raw |", "| errgroup |", "| wggo |", "| peer | n10 |",
		"| park | resident B/task | ratio | heap B/task |",
		"| churn | ns/task |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "suture |") {
		t.Error("the report has a peer that was not asked for")
	}
}

func TestRun_writesFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.md")
	var out bytes.Buffer
	args := []string{"-peers", "raw", "-work", "n1", "-rounds", "1", "-span", "1ms", "-o", path}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# Benchmarks\n") || out.Len() != 0 {
		t.Errorf("file starts %.20q, stdout has %d bytes; want the report in the file alone",
			text, out.Len())
	}
}

func TestRun_unknownNames(t *testing.T) {
	for _, args := range [][]string{{"-peers", "nobody"}, {"-work", "nothing"}, {"-rounds", "x"}} {
		if err := run(t.Context(), args, new(bytes.Buffer)); err == nil {
			t.Errorf("run(%q) = nil, want an error", args)
		}
	}
}

func TestInterleave_oneSamplePerTurn(t *testing.T) {
	peers := map[string]peer.Peer{}
	for _, p := range peer.All() {
		peers[p.Name] = p
	}
	w := work.All(work.Sizes{})[0]
	p := plan{Peers: []string{"raw", "wggo"}, Rounds: 3, Span: time.Millisecond}
	turns := map[string][]int{}
	for _, sample := range interleave(p, w, peers) {
		turns[sample.Peer] = append(turns[sample.Peer], sample.Round)
		if sample.NS <= 0 {
			t.Errorf("%s in round %d took %v ns", sample.Peer, sample.Round, sample.NS)
		}
		if sample.Beside <= 0 {
			t.Errorf("%s in round %d has nothing beside it", sample.Peer, sample.Round)
		}
	}
	for _, name := range p.Peers {
		if !slices.Equal(turns[name], []int{0, 1, 2}) {
			t.Errorf("%s had its turns in rounds %v, want 0, 1, 2", name, turns[name])
		}
	}
}

// A workload that needs a process per sample still has its samples paired.
func TestMeasureWorkload_numbersRoundsOfLoneProcesses(t *testing.T) {
	sizes := work.Sizes{Parked: 100, Churn: 1}
	i := slices.IndexFunc(work.All(sizes), func(w work.Workload) bool { return w.Name == "park" })
	p := plan{Peers: []string{"raw", "wggo"}, Rounds: 2, Span: time.Millisecond, Sizes: sizes}
	samples, err := measureWorkload(t.Context(), p, work.All(sizes)[i])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range p.Peers {
		var rounds []int
		for _, sample := range samples.Of(name) {
			if sample.Beside != 0 { // a ratio to it would not be one of times
				t.Errorf("%s was alone, and has %v beside it", name, sample.Beside)
			}
			rounds = append(rounds, sample.Round)
		}
		if !slices.Equal(rounds, []int{0, 1}) {
			t.Errorf("%s has samples of rounds %v, want 0, 1", name, rounds)
		}
	}
}
