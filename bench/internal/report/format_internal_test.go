package report // The cells are formatted by unexported helpers.

import (
	"slices"
	"testing"

	"github.com/supervisorscope/scope/bench/internal/peer"
	"github.com/supervisorscope/scope/bench/internal/work"
)

func TestNumber(t *testing.T) {
	tests := []struct {
		value  float64
		digits int
		want   string
	}{
		{2, 2, "2"},
		{1.349, 2, "1.35"},
		{2.001, 2, "2"},
		{-0.2, 0, "0"},
		{1.3, 2, "1.30"},
		{127.6, 0, "128"},
	}
	for _, test := range tests {
		if got := number(test.value, test.digits); got != test.want {
			t.Errorf("number(%v, %d) = %q, want %q", test.value, test.digits, got, test.want)
		}
	}
}

func TestCells(t *testing.T) {
	if got, want := timeCell(3.14, 0.5), "3.1 (0.50)"; got != want {
		t.Errorf("timeCell() = %q, want %q", got, want)
	}
	if got, want := timeCell(1234.5, 12.345), "1234 (12.35)"; got != want {
		t.Errorf("timeCell() = %q, want %q", got, want)
	}
	if got, want := costCell(127.6, 2.004), "128, 2.00"; got != want {
		t.Errorf("costCell() = %q, want %q", got, want)
	}
}

func TestBudgets_refersToWhatExists(t *testing.T) {
	for _, b := range budgets() {
		if !knownWork(b.work) || !knownPeer(b.peer) || b.base != "" && !knownPeer(b.base) {
			t.Errorf("budget %+v names an unknown workload or peer", b)
		}
		if _, ok := b.figure(nil); ok {
			t.Errorf("budget %+v has a figure without samples", b)
		}
	}
}

func TestColumns_coverEveryTimedWorkload(t *testing.T) {
	for _, columns := range append(timeColumns(), costColumns()) {
		for _, name := range columns {
			if !knownWork(name) {
				t.Errorf("column %s is no workload", name)
			}
		}
	}
}

func knownWork(name string) bool {
	return slices.ContainsFunc(work.All(work.Sizes{}),
		func(w work.Workload) bool { return w.Name == name })
}

func knownPeer(name string) bool {
	return slices.ContainsFunc(peer.All(), func(p peer.Peer) bool { return p.Name == name })
}
