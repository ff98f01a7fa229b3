package work

import (
	"context"
	"strconv"

	"github.com/supervisorscope/scope/bench/internal/peer"
)

// nested are scopes whose one task opens the next.
func nested() []Workload {
	return []Workload{nest("nest10", 10), nest("nest1k", 1_000)}
}

func nest(name string, depth int) Workload {
	doc := "scopes nested " + strconv.Itoa(depth) +
		" deep, one task each, under the task's context; per level"
	return Workload{Name: name, Doc: doc, Units: depth, Do: func(in Input) {
		outermost := levels(in.Run, depth)
		in.Clock.StartTimer()
		for range in.N {
			in.Run(background(), outermost)
		}
		in.Clock.StopTimer()
	}}
}

// levels makes the bodies of all levels in advance, so that their closures are
// no part of the figures, and returns the outermost.
func levels(run peer.Run, depth int) peer.Body {
	leaf := peer.Of(nothing)
	body := peer.Fill(func(g peer.Group) { g.Go(leaf) })
	for range depth - 1 {
		inner := body
		var own context.Context // of this level's group; set before its task starts
		task := peer.Task{
			Plain:      func() { run(own, inner) },
			Failing:    func() error { run(own, inner); return nil },
			Contextual: func(ctx context.Context) error { run(ctx, inner); return nil },
		}
		body = peer.Fill(func(g peer.Group) {
			own = g.Context() //nolint:fatcontext // one level's, not a growing chain
			g.Go(task)
		})
	}
	return body
}
