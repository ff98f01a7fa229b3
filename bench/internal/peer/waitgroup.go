package peer

import (
	"context"
	"sync"
)

// waitGroup is sync.WaitGroup.Go.
func waitGroup() Peer {
	return Peer{
		Name: "wggo",
		Doc:  "`sync.WaitGroup.Go`; no context, no errors, a panic ends the program",
		Form: Plain,
		Open: ready(runWaitGroup),
	}
}

type wgGroup struct {
	ctx context.Context
	wg  sync.WaitGroup
}

func runWaitGroup(ctx context.Context, body Body) {
	g := &wgGroup{ctx: ctx}
	body.Fill(g)
	g.wg.Wait()
}

func (g *wgGroup) Go(t Task) { g.wg.Go(t.Plain) }

func (g *wgGroup) Wait() { g.wg.Wait() }

func (g *wgGroup) Context() context.Context { return g.ctx }
