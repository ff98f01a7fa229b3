package measure

import "slices"

// A Sample is one peer's figures in one round, per task.
type Sample struct {
	Peer    string             `json:"peer"`
	Round   int                `json:"round"`
	NS      float64            `json:"ns"`
	Bytes   float64            `json:"bytes"`
	Allocs  float64            `json:"allocs"`
	Metrics map[string]float64 `json:"metrics,omitempty"`

	// Beside is what the base took just before and just after, or 0.
	Beside float64 `json:"beside,omitempty"`
}

// Samples are the figures of one workload, of all peers and rounds.
type Samples []Sample

// Of returns the samples of one peer.
func (s Samples) Of(peer string) Samples {
	var own Samples
	for _, sample := range s {
		if sample.Peer == peer {
			own = append(own, sample)
		}
	}
	return own
}

// MinNS returns the least time of any round: what the work takes when nothing
// gets in its way. Zero if there are no samples.
func (s Samples) MinNS() float64 {
	if len(s) == 0 {
		return 0
	}
	return slices.Min(s.values(nanoseconds))
}

// MedianNS returns the median of the times.
func (s Samples) MedianNS() float64 { return Median(s.values(nanoseconds)) }

// Bytes returns the median of the bytes allocated.
func (s Samples) Bytes() float64 { return Median(s.values(bytes)) }

// Allocs returns the median of the allocations made.
func (s Samples) Allocs() float64 { return Median(s.values(allocs)) }

// Metric returns the median of a metric, and whether any sample has it.
func (s Samples) Metric(unit string) (float64, bool) {
	var values []float64
	for _, sample := range s {
		if v, ok := sample.Metrics[unit]; ok {
			values = append(values, v)
		}
	}
	return Median(values), len(values) > 0
}

// Ratio returns the median over the rounds of peer's time divided by base's time
// of the same round, and whether there is a round with both. Pairing takes out
// what slowed a whole round down. Where the base has been measured beside each peer,
// both times are taken relative to that first, which takes out what was slow for a
// few turns only.
func (s Samples) Ratio(peer, base string) (float64, bool) {
	return s.ratio(peer, base, func(sample Sample) (float64, bool) {
		if sample.Beside > 0 {
			return sample.NS / sample.Beside, true
		}
		return sample.NS, true
	})
}

// MetricRatio is Ratio for a metric instead of the time.
func (s Samples) MetricRatio(peer, base, unit string) (float64, bool) {
	return s.ratio(peer, base, func(sample Sample) (float64, bool) {
		v, ok := sample.Metrics[unit]
		return v, ok
	})
}

func (s Samples) ratio(
	peer, base string, value func(Sample) (float64, bool),
) (float64, bool) {
	bases := make(map[int]float64)
	for _, sample := range s.Of(base) {
		if v, ok := value(sample); ok && v > 0 {
			bases[sample.Round] = v
		}
	}
	var ratios []float64
	for _, sample := range s.Of(peer) {
		v, ok := value(sample)
		b, paired := bases[sample.Round]
		if ok && paired {
			ratios = append(ratios, v/b)
		}
	}
	return Median(ratios), len(ratios) > 0
}

func (s Samples) values(of func(Sample) float64) []float64 {
	values := make([]float64, 0, len(s))
	for _, sample := range s {
		values = append(values, of(sample))
	}
	return values
}

func nanoseconds(s Sample) float64 { return s.NS }
func bytes(s Sample) float64       { return s.Bytes }
func allocs(s Sample) float64      { return s.Allocs }

// Median returns the middle value, the mean of the two middle ones if their
// number is even, and zero of no values. It does not change values.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
