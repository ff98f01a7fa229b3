package measure_test

import (
	"slices"
	"testing"

	"github.com/supervisorscope/scope/bench/internal/measure"
)

func TestMedian(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{7}, 7},
		{"odd", []float64{9, 1, 5}, 5},
		{"even", []float64{8, 2, 4, 6}, 5},
		{"outlier", []float64{1, 2, 1000}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := slices.Clone(test.values)
			if got := measure.Median(test.values); got != test.want {
				t.Errorf("Median(%v) = %v, want %v", before, got, test.want)
			}
			if !slices.Equal(before, test.values) {
				t.Errorf("Median changed %v to %v", before, test.values)
			}
		})
	}
}

// The second round was slow for both, which the ratio does not show.
func paired() measure.Samples {
	return measure.Samples{
		{Peer: "base", Round: 0, NS: 100, Bytes: 24, Allocs: 1},
		{Peer: "us", Round: 0, NS: 130, Bytes: 128, Allocs: 2},
		{Peer: "us", Round: 1, NS: 360, Bytes: 130, Allocs: 2},
		{Peer: "base", Round: 1, NS: 300, Bytes: 24, Allocs: 1},
		{Peer: "base", Round: 2, NS: 110, Bytes: 24, Allocs: 1},
		{Peer: "us", Round: 2, NS: 154, Bytes: 127, Allocs: 3},
	}
}

func TestSamples_RatioPairsRounds(t *testing.T) {
	got, ok := paired().Ratio("us", "base")
	if !ok || got != 1.3 {
		t.Errorf("Ratio() = %v, %v, want 1.3, true", got, ok)
	}
	if got, ok := paired().Ratio("base", "base"); !ok || got != 1 {
		t.Errorf("Ratio() of the base = %v, %v, want 1, true", got, ok)
	}
	if _, ok := paired().Ratio("nobody", "base"); ok {
		t.Error("Ratio() of a peer without samples reports true")
	}
	if _, ok := paired().Ratio("us", "nobody"); ok {
		t.Error("Ratio() to a base without samples reports true")
	}
}

// The machine was slow while one of them had its turn, and the base beside it.
func TestSamples_RatioIsToWhatTheBaseTookBeside(t *testing.T) {
	samples := measure.Samples{
		{Peer: "base", Round: 0, NS: 100, Beside: 100},
		{Peer: "us", Round: 0, NS: 390, Beside: 300},
		{Peer: "them", Round: 0, NS: 200, Beside: 100},
	}
	if got, ok := samples.Ratio("us", "base"); !ok || got != 1.3 {
		t.Errorf("Ratio() = %v, %v, want 1.3, true", got, ok)
	}
	if got, ok := samples.Ratio("us", "them"); !ok || got != 0.65 {
		t.Errorf("Ratio() to another peer = %v, %v, want 0.65, true", got, ok)
	}
}

func TestSamples_RatioLeavesOutUnpairedRounds(t *testing.T) {
	samples := append(paired(), measure.Sample{Peer: "us", Round: 3, NS: 1e9})
	if got, _ := samples.Ratio("us", "base"); got != 1.3 {
		t.Errorf("Ratio() = %v, want 1.3: round 3 has no base", got)
	}
}

func TestSamples_Reductions(t *testing.T) {
	us := paired().Of("us")
	if len(us) != 3 {
		t.Fatalf("Of() has %d samples, want 3", len(us))
	}
	if got := us.MinNS(); got != 130 {
		t.Errorf("MinNS() = %v, want 130", got)
	}
	if got := us.MedianNS(); got != 154 {
		t.Errorf("MedianNS() = %v, want 154", got)
	}
	if got := us.Bytes(); got != 128 {
		t.Errorf("Bytes() = %v, want 128", got)
	}
	if got := us.Allocs(); got != 2 {
		t.Errorf("Allocs() = %v, want 2", got)
	}
	if got := (measure.Samples{}).MinNS(); got != 0 {
		t.Errorf("MinNS() of nothing = %v, want 0", got)
	}
}

func TestSamples_Metric(t *testing.T) {
	samples := measure.Samples{
		{Peer: "base", Round: 0, Metrics: map[string]float64{"rss": 2000}},
		{Peer: "us", Round: 0, Metrics: map[string]float64{"rss": 2100}},
		{Peer: "us", Round: 1},
	}
	if got, ok := samples.Of("us").Metric("rss"); !ok || got != 2100 {
		t.Errorf("Metric() = %v, %v, want 2100, true", got, ok)
	}
	if _, ok := samples.Of("us").Metric("heap"); ok {
		t.Error("Metric() reports a metric that no sample has")
	}
	if got, ok := samples.MetricRatio("us", "base", "rss"); !ok || got != 1.05 {
		t.Errorf("MetricRatio() = %v, %v, want 1.05, true", got, ok)
	}
	if _, ok := samples.MetricRatio("us", "base", "heap"); ok {
		t.Error("MetricRatio() reports a metric that no sample has")
	}
}
