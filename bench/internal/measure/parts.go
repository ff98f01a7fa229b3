package measure

import (
	"sync"
	"time"
)

// A Part is one of the small things that any record of a task is made of.
type Part struct {
	Name string
	NS   float64 // the least of all rounds
}

// Parts measures what the parts cost on this machine: how they compare to a go
// statement decides what a task with a record can cost beside one without.
func Parts(rounds int, span time.Duration) []Part {
	var (
		began = time.Now()
		mu    sync.Mutex
		kept  *[14]*byte
	)
	parts := []struct {
		name string
		do   func()
	}{
		{"a look at the clock, `time.Since`", func() { _ = time.Since(began) }},
		{"an allocation of 112 bytes with pointers, and its garbage collection", func() {
			kept = new([14]*byte)
		}},
		{"a `sync.Mutex`, locked and unlocked by one goroutine", func() {
			mu.Lock()
			mu.Unlock() //nolint:staticcheck // nothing is to be guarded
		}},
	}
	var list []Part
	for _, p := range parts {
		list = append(list, Part{Name: p.name, NS: least(rounds, span, p.do)})
	}
	_ = kept
	return list
}

// least returns how many nanoseconds a call of do takes in the fastest round.
func least(rounds int, span time.Duration, do func()) float64 {
	n := 1000
	for {
		if took := timed(n, do); took >= span/2 {
			break
		}
		n *= 2
	}
	best := timed(n, do)
	for range rounds - 1 {
		best = min(best, timed(n, do))
	}
	return float64(best.Nanoseconds()) / float64(n)
}

func timed(n int, do func()) time.Duration {
	began := time.Now()
	for range n {
		do()
	}
	return time.Since(began)
}
