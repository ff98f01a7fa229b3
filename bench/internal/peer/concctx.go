package peer

import (
	"context"

	"github.com/sourcegraph/conc/pool"
)

// concContextPool is conc's pool with a context and errors, all of which it
// joins. A pool joins once, so users who want to wait for a burst count by hand.
func concContextPool() Peer {
	return Peer{
		Name:        "concctx",
		Doc:         "`conc/pool.New().WithContext`; reuses goroutines, joins all errors",
		Form:        Contextual,
		Catches:     true,
		ClosesFirst: true,
		Open:        ready(runConcContextPool),
	}
}

type concCtxGroup struct {
	ctx  context.Context
	pool *pool.ContextPool
}

func runConcContextPool(ctx context.Context, body Body) {
	g := &concCtxGroup{ctx: ctx, pool: pool.New().WithContext(ctx)}
	defer dropPanic()
	body.Fill(g)
	_ = g.pool.Wait()
}

func (g *concCtxGroup) Go(t Task) { g.pool.Go(t.Contextual) }

func (g *concCtxGroup) Context() context.Context { return g.ctx }
