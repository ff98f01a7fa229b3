package peer

import (
	"context"

	"github.com/sourcegraph/conc"
)

// concWaitGroup is conc.WaitGroup.
func concWaitGroup() Peer {
	return Peer{
		Name:    "concwg",
		Doc:     "`conc.WaitGroup`; no context, no errors, keeps the first panic",
		Form:    Plain,
		Catches: true,
		Open:    ready(runConcWaitGroup),
	}
}

type concWGGroup struct {
	ctx context.Context
	wg  conc.WaitGroup
}

func runConcWaitGroup(ctx context.Context, body Body) {
	g := &concWGGroup{ctx: ctx}
	body.Fill(g)
	g.Wait()
}

func (g *concWGGroup) Go(t Task) { g.wg.Go(t.Plain) }

func (g *concWGGroup) Wait() { _ = g.wg.WaitAndRecover() }

func (g *concWGGroup) Context() context.Context { return g.ctx }
