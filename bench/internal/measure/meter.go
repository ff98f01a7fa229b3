package measure

import (
	"maps"
	"runtime"
	"time"
)

// A Meter measures time and allocations between StartTimer and StopTimer, summed
// over all such spans. The zero Meter is stopped at zero. It has the method names
// of testing.B, so that one piece of work serves both. Not safe for concurrent
// use.
type Meter struct {
	started time.Time // zero when stopped
	before  runtime.MemStats
	elapsed time.Duration
	allocs  uint64
	bytes   uint64
	metrics map[string]float64
}

// StartTimer begins a span. Reading the allocation counters is not part of it.
func (m *Meter) StartTimer() {
	if !m.started.IsZero() {
		return
	}
	runtime.ReadMemStats(&m.before)
	m.started = time.Now()
}

// StopTimer ends the span.
func (m *Meter) StopTimer() {
	if m.started.IsZero() {
		return
	}
	m.elapsed += time.Since(m.started)
	m.started = time.Time{}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	m.allocs += after.Mallocs - m.before.Mallocs
	m.bytes += after.TotalAlloc - m.before.TotalAlloc
}

// ReportMetric stores value under the name of its unit.
func (m *Meter) ReportMetric(value float64, unit string) {
	if m.metrics == nil {
		m.metrics = make(map[string]float64)
	}
	m.metrics[unit] = value
}

// Elapsed returns the length of all spans together.
func (m *Meter) Elapsed() time.Duration { return m.elapsed }

// Sample returns what was measured, divided by units.
func (m *Meter) Sample(units int) Sample {
	per := 1 / float64(units)
	return Sample{
		NS:      float64(m.elapsed.Nanoseconds()) * per,
		Bytes:   float64(m.bytes) * per,
		Allocs:  float64(m.allocs) * per,
		Metrics: maps.Clone(m.metrics),
	}
}
