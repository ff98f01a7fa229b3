package programs_test

import (
	"context"
	"flag"
	"fmt"
	"log"
	"runtime/metrics"
	"strconv"
	"testing"

	"github.com/supervisorscope/scope"
)

var churned = flag.Int("churn", 4_000, "tasks of 64 KiB each, run with little memory")

const (
	mib         = 1 << 20
	memoryLimit = 48 * mib
	taskSize    = 64 << 10
)

// pressurePrograms use memory.
func pressurePrograms() map[string]func() {
	return map[string]func(){"churn": churn, "hoard": hoard}
}

// A bulkyError holds memory, as one that keeps the request that failed.
type bulkyError struct{ data []byte }

func (e *bulkyError) Error() string { return strconv.Itoa(len(e.data)) + " bytes" }

// churn runs tasks that use memory and end in every way, and says how much memory
// the program ever had.
func churn() {
	ctx := context.Background()
	s := scope.OpenSupervised(ctx, scope.Limit(64), scope.OnFailure(scope.Ignore))
	bulk := func() *bulkyError {
		data := make([]byte, taskSize)
		for i := range data {
			data[i] = byte(i)
		}
		return &bulkyError{data}
	}
	peak := uint64(0)
	n := envInt("TASKS")
	for i := range n {
		switch i % 4 {
		case 0:
			s.Go("ok", func(context.Context) error { _ = bulk(); return nil })
		case 1:
			s.Go("fails", func(context.Context) error { return bulk() })
		case 2:
			s.Go("panics", func(context.Context) error { panic(bulk()) })
		case 3: // nobody asks for it
			scope.Async(s, "async", func(context.Context) (int, error) { return 0, bulk() })
		}
		if i%64 == 0 {
			peak = max(peak, memory())
		}
	}
	if err := s.Drain(ctx); err != nil {
		log.Fatal(err)
	}
	if c := s.Info().Counts; c.Started != uint64(n) || c.OK+c.Failed+c.Panicked != c.Started {
		log.Fatalf("%+v after %d tasks", c, n)
	}
	say("%d", peak)
}

// memory returns what the system has given to the program and not got back.
func memory() uint64 {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// Under a memory limit, or with a collector that hardly rests, tasks and their
// failures come and go, and the program stays near the limit. Without either the
// same needs many times that: the control.
func TestPressure_StaysNearTheLimit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		env   []string
		tight bool
	}{
		{"no collection", []string{"GOGC=off", "GOMEMLIMIT=off"}, false},
		{"limit", []string{"GOGC=off", fmt.Sprintf("GOMEMLIMIT=%d", memoryLimit)}, true},
		{"small GOGC", []string{"GOGC=5", "GOMEMLIMIT=off"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := *churned
			if !tt.tight {
				n = min(n, 4_000)
			}
			r := play(t, "churn", nil, append(tt.env, fmt.Sprintf("TASKS=%d", n))...)
			var peak uint64
			if _, err := fmt.Sscan(r.stdout, &peak); err != nil || r.code != 0 {
				t.Fatalf("it ended with %v\n%s", r.state, r.stderr)
			}
			t.Logf("%d tasks of %d KiB in %v, with %d MiB at most",
				n, taskSize>>10, r.took, peak/mib)
			if tight := peak < memoryLimit*5/4; tight != tt.tight {
				t.Errorf("%d MiB at most, with %v", peak/mib, tt.env)
			}
		})
	}
}
