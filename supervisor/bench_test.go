package supervisor_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// runFor runs a task function while a benchmark runs.
func runFor(
	b *testing.B, start func(context.Context, func()) error, body func(ctx context.Context),
) {
	b.Helper()
	err := scope.Run(bg, func(ctx context.Context, s *scope.Scope) error {
		if _, err := s.Start(ctx, "", start); err != nil {
			return err
		}
		body(ctx)
		s.Cancel(nil)
		return nil
	}, scope.OnFailure(scope.Ignore))
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPool_Add is the whole life of a child that returns at once.
func BenchmarkPool_Add(b *testing.B) {
	p, err := sup.NewPool(sup.Spec{}, sup.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	done := make(chan struct{})
	child := func(ctx context.Context) error {
		done <- struct{}{}
		return ctx.Err()
	}
	runFor(b, p.Start, func(ctx context.Context) {
		for b.Loop() {
			if err := p.Add(ctx, "", child); err != nil {
				b.Fatal(err)
			}
			<-done
		}
	})
}

// BenchmarkSupervisor_Restart is a failure, the decision, and the next start.
func BenchmarkSupervisor_Restart(b *testing.B) {
	next := make(chan struct{})
	s, err := sup.New([]sup.Spec{{
		Name: "a", Backoff: sup.Backoff{Off: true}, Budget: sup.Budget{Unlimited: true},
		Run: func(ctx context.Context) error {
			select {
			case <-next:
				return errBoom
			case <-ctx.Done():
				return nil
			}
		},
	}}, sup.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	runFor(b, s.Start, func(context.Context) {
		for b.Loop() {
			next <- struct{}{}
		}
	})
}

// BenchmarkSupervisor_Memory reports what a live child holds.
func BenchmarkSupervisor_Memory(b *testing.B) {
	const children = 10_000
	var specs []sup.Spec
	for i := range children {
		specs = append(specs, sup.Spec{Name: strconv.Itoa(i), Run: untilDone})
	}
	for b.Loop() {
		s, err := sup.New(specs, sup.Options{Total: sup.Infinity})
		if err != nil {
			b.Fatal(err)
		}
		before := inUse()
		runFor(b, s.Start, func(context.Context) {
			b.ReportMetric(float64(inUse()-before)/children, "B/child")
		})
	}
}

func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
