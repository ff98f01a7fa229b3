package inspect_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// crowd calls f while n tasks wait.
func crowd(b *testing.B, n int, f func()) {
	b.Helper()
	release := make(chan struct{})
	_ = scope.Run(b.Context(), func(_ context.Context, s *scope.Scope) error {
		for i := range n {
			s.Go(fmt.Sprint("conn-", i), func(context.Context) error { <-release; return nil })
		}
		f()
		close(release)
		return nil
	}, scope.Name("crowd"))
}

// What a look costs, with n tasks that live. "stop-ns" is how long the world was
// stopped, at most.
func BenchmarkTake(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000, 100_000} {
		for _, stacks := range []bool{false, true} {
			b.Run(fmt.Sprintf("tasks=%d/stacks=%v", n, stacks), func(b *testing.B) {
				crowd(b, n, func() {
					b.ReportAllocs()
					var cost inspect.Cost
					for b.Loop() {
						cost = inspect.Take(inspect.Options{Stacks: stacks}).Cost
					}
					perTask := float64(b.Elapsed().Nanoseconds()) / float64(b.N*n)
					b.ReportMetric(perTask, "ns/task")
					b.ReportMetric(float64(cost.Stacks.Nanoseconds()), "stop-ns")
				})
			})
		}
	}
}

func BenchmarkWriteTree(b *testing.B) {
	crowd(b, 100_000, func() {
		s := inspect.Take(inspect.Options{})
		for b.Loop() {
			_ = s.WriteTree(io.Discard, inspect.TreeOptions{})
		}
	})
}

// What a task costs in a program that links this package, unobserved and
// observed by a recorder. Compare the first with BenchmarkGo of the core.
func BenchmarkTask(b *testing.B) {
	for _, tt := range []struct {
		name string
		opts []scope.Option
	}{
		{"unobserved", nil},
		{"recorded", []scope.Option{inspect.Record(10_000).Option()}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			_ = scope.Run(b.Context(), func(ctx context.Context, s *scope.Scope) error {
				f := func(context.Context) error { return nil }
				for b.Loop() {
					_ = s.Go("task", f).Wait(ctx)
				}
				return nil
			}, tt.opts...)
		})
	}
}
