package measure_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
)

func TestMeter_SumsSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m measure.Meter
		m.StopTimer() // stopped already: nothing
		time.Sleep(time.Hour)
		for range 2 {
			m.StartTimer()
			m.StartTimer() // running already: nothing
			time.Sleep(3 * time.Millisecond)
			m.StopTimer()
			time.Sleep(time.Hour)
		}
		if got, want := m.Elapsed(), 6*time.Millisecond; got != want {
			t.Errorf("Elapsed() = %v, want %v", got, want)
		}
		if got := m.Sample(3).NS; got != 2e6 {
			t.Errorf("Sample(3).NS = %v, want 2e6", got)
		}
	})
}

func TestMeter_CountsAllocations(t *testing.T) {
	var (
		m    measure.Meter
		kept [100][]byte
	)
	outside := make([][]byte, 0, 1000)
	for range 1000 {
		outside = append(outside, make([]byte, 64))
	}
	m.StartTimer()
	for i := range kept {
		kept[i] = make([]byte, 1<<10)
	}
	m.StopTimer()
	got := m.Sample(len(kept))
	// The runtime may allocate a little beside; a thousand outside it must not count.
	if got.Allocs < 1 || got.Allocs > 2 {
		t.Errorf("Allocs = %v, want about 1", got.Allocs)
	}
	if got.Bytes < 1<<10 || got.Bytes > 2<<10 {
		t.Errorf("Bytes = %v, want about 1024", got.Bytes)
	}
	if len(outside) != 1000 || kept[99] == nil {
		t.Fatal("the compiler has dropped the allocations")
	}
}

func TestMeter_KeepsMetrics(t *testing.T) {
	var m measure.Meter
	m.ReportMetric(1, "x")
	m.ReportMetric(2, "x")
	m.ReportMetric(3, "y")
	got := m.Sample(1).Metrics
	if len(got) != 2 || got["x"] != 2 || got["y"] != 3 {
		t.Errorf("Metrics = %v, want x 2, y 3", got)
	}
}

func TestReadMemory_SeesWhatIsHeld(t *testing.T) {
	before := measure.ReadMemory()
	held := make([]byte, 8<<20)
	for i := range held {
		held[i] = 1
	}
	after := measure.ReadMemory()
	if grown := after.Heap - before.Heap; grown < 7<<20 {
		t.Errorf("8 MiB held, but the heap grew by %v bytes", grown)
	}
	if before.Resident > 0 {
		if grown := after.Resident - before.Resident; grown < 7<<20 {
			t.Errorf("8 MiB held, but resident memory grew by %v bytes", grown)
		}
	}
	if held[len(held)-1] != 1 {
		t.Fatal("the compiler has dropped the allocation")
	}
}
