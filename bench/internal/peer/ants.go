package peer

import (
	"context"
	"sync"

	"github.com/panjf2000/ants/v2"
)

// antsPool is one unbounded ants pool for the program; it has no groups, so
// users count with a WaitGroup.
func antsPool() Peer {
	return Peer{
		Name:    "ants",
		Doc:     "one unbounded `ants.Pool` and a WaitGroup by hand; silent panic handler",
		Form:    Plain,
		Catches: true,
		Open:    openAnts,
	}
}

func openAnts() (Run, func()) {
	p, err := ants.NewPool(-1, ants.WithPanicHandler(func(any) {}))
	if err != nil {
		panic(err)
	}
	run := func(ctx context.Context, body Body) {
		g := &antsGroup{ctx: ctx, pool: p}
		body.Fill(g)
		g.wg.Wait()
	}
	// The workers leave at once, lest they sit in the way of the next peer.
	return run, func() { _ = p.ReleaseContext(context.Background()) }
}

type antsGroup struct {
	ctx  context.Context
	pool *ants.Pool
	wg   sync.WaitGroup
}

func (g *antsGroup) Go(t Task) {
	f := t.Plain
	g.wg.Add(1)
	err := g.pool.Submit(func() {
		defer g.wg.Done()
		f()
	})
	if err != nil {
		panic(err) // the pool is unbounded and open
	}
}

func (g *antsGroup) Wait() { g.wg.Wait() }

func (g *antsGroup) Context() context.Context { return g.ctx }
