package peer

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// errGroup is golang.org/x/sync/errgroup with its context, as it is mostly used.
func errGroup() Peer {
	return Peer{
		Name: "errgroup",
		Doc:  "`errgroup.WithContext`; the first error cancels, a panic ends the program",
		Form: Failing,
		Open: ready(runErrGroup),
	}
}

type errGroupGroup struct {
	parent context.Context
	ctx    context.Context
	group  *errgroup.Group
}

func runErrGroup(ctx context.Context, body Body) {
	g := &errGroupGroup{parent: ctx}
	g.group, g.ctx = errgroup.WithContext(ctx)
	body.Fill(g)
	_ = g.group.Wait()
}

func (g *errGroupGroup) Go(t Task) { g.group.Go(t.Failing) }

// Wait ends the group and makes the next, for its documentation forbids to use
// one again.
func (g *errGroupGroup) Wait() {
	_ = g.group.Wait()
	g.group, g.ctx = errgroup.WithContext(g.parent)
}

func (g *errGroupGroup) Context() context.Context { return g.ctx }
