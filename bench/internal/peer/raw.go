package peer

import (
	"context"
	"sync"
)

// raw is the floor: a go statement and a WaitGroup.
func raw() Peer {
	return Peer{
		Name:    Base,
		Doc:     "`go` and a `sync.WaitGroup` by hand; the floor",
		Form:    Plain,
		Open:    ready(runRaw),
		Results: rawResults,
	}
}

type rawGroup struct {
	ctx context.Context
	wg  sync.WaitGroup
}

func runRaw(ctx context.Context, body Body) {
	g := &rawGroup{ctx: ctx}
	body.Fill(g)
	g.wg.Wait()
}

func (g *rawGroup) Go(t Task) {
	f := t.Plain
	g.wg.Go(func() {
		f()
	})
}

func (g *rawGroup) Wait() { g.wg.Wait() }

func (g *rawGroup) Context() context.Context { return g.ctx }

func rawResults(_ context.Context, out []int, f func() int) {
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			out[i] = f()
		})
	}
	wg.Wait()
}
