package work

import (
	"context"
	"runtime"
	"time"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

// Goroutines is the metric of derived contexts: goroutines made for them.
const Goroutines = "goroutines"

type key struct{}

// derived are contexts derived from that of a task; the base derives them from a
// standard cancellable context.
func derived() []Workload {
	return []Workload{
		derive("withcancel", "context.WithCancel on a task's context, and cancel", unwrapped,
			func(ctx context.Context) {
				_, cancel := context.WithCancel(ctx)
				cancel()
			}),
		derive("withtimeout", "context.WithTimeout on a task's context, and cancel", unwrapped,
			func(ctx context.Context) {
				_, cancel := context.WithTimeout(ctx, time.Hour)
				cancel()
			}),
		derive("afterfunc", "context.AfterFunc on a task's context, and stop", unwrapped,
			func(ctx context.Context) { context.AfterFunc(ctx, nothing)() }),
		derive("behindvalue", "context.WithCancel behind a context.WithValue, and cancel", wrapped,
			func(ctx context.Context) {
				_, cancel := context.WithCancel(ctx)
				cancel()
			}),
		live(),
	}
}

func contextual() []string { return []string{peer.Base, "scope", "scopeopen", "diyfull"} }

func unwrapped(ctx context.Context) context.Context { return ctx }

func wrapped(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, "value")
}

// inTask runs f in a task of a group under a cancellable context.
func inTask(in Input, f func(ctx context.Context)) {
	outside, cancel := context.WithCancel(background())
	defer cancel()
	in.Run(outside, peer.Fill(func(g peer.Group) { g.Go(peer.With(g.Context(), f)) }))
}

func derive(
	name, doc string, wrap func(context.Context) context.Context, once func(context.Context),
) Workload {
	return Workload{Name: name, Doc: doc, Units: 1, Only: contextual(), Do: func(in Input) {
		inTask(in, func(ctx context.Context) {
			ctx = wrap(ctx)
			in.Clock.StartTimer()
			for range in.N {
				once(ctx)
			}
			in.Clock.StopTimer()
		})
	}}
}

// live keeps many derived contexts and counts the goroutines that watch them.
func live() Workload {
	const contexts = 1_000
	const doc = "1000 contexts behind a WithValue, alive together; the goroutines made for them"
	return Workload{Name: "derivedlive", Doc: doc, Units: contexts, Only: contextual(),
		Do: func(in Input) {
			inTask(in, func(ctx context.Context) {
				cancels := make([]context.CancelFunc, contexts)
				ctx = wrapped(ctx)
				before := runtime.NumGoroutine()
				made := 0
				in.Clock.StartTimer()
				for range in.N {
					for i := range cancels {
						_, cancels[i] = context.WithCancel(ctx)
					}
					made = runtime.NumGoroutine() - before
					for _, cancel := range cancels {
						cancel()
					}
				}
				in.Clock.StopTimer()
				in.Clock.ReportMetric(float64(made), Goroutines)
			})
		}}
}
