package peer

import (
	"context"

	"github.com/sourcegraph/conc/pool"
)

// concPool is conc's plain pool without a limit. A pool joins once, so users who
// want to wait for a burst count by hand.
func concPool() Peer {
	return Peer{
		Name:        "concpool",
		Doc:         "`conc/pool.New()`; reuses goroutines, no context, no errors",
		Form:        Plain,
		Catches:     true,
		ClosesFirst: true,
		Open:        ready(runConcPool),
		Results:     concResults,
	}
}

type concPoolGroup struct {
	ctx  context.Context
	pool *pool.Pool
}

func runConcPool(ctx context.Context, body Body) {
	g := &concPoolGroup{ctx: ctx, pool: pool.New()}
	defer dropPanic()
	body.Fill(g)
	g.pool.Wait()
}

func (g *concPoolGroup) Go(t Task) { g.pool.Go(t.Plain) }

func (g *concPoolGroup) Context() context.Context { return g.ctx }

func concResults(_ context.Context, out []int, f func() int) {
	p := pool.NewWithResults[int]()
	for range out {
		p.Go(f)
	}
	copy(out, p.Wait())
}

// dropPanic stops a panic that a pool hands on from its tasks when joined.
func dropPanic() { _ = recover() }
