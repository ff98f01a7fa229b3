package peer

import (
	"context"

	"github.com/alitto/pond/v2"
)

// pondGroup is a task group in one unbounded pond pool for the program.
func pondGroup() Peer {
	const stops = "a group skips its tasks after the first failure"
	return Peer{
		Name:    "pond",
		Doc:     "`pond` task groups in one unbounded pool; the first failure stops a group",
		Form:    Failing,
		Catches: true,
		Open:    openPond,
		Results: pondResults,
		Cannot:  map[string]string{"panic": stops, "churn": stops},
	}
}

func openPond() (Run, func()) {
	p := pond.NewPool(0)
	run := func(ctx context.Context, body Body) {
		g := &pondTasks{ctx: ctx, pool: p, group: p.NewGroupContext(ctx)}
		body.Fill(g)
		_ = g.group.Wait()
	}
	return run, p.StopAndWait
}

type pondTasks struct {
	ctx   context.Context
	pool  pond.Pool
	group pond.TaskGroup
}

func (g *pondTasks) Go(t Task) { g.group.SubmitErr(t.Failing) }

// Wait joins the group and makes the next, for a group keeps every result.
func (g *pondTasks) Wait() {
	_ = g.group.Wait()
	g.group = g.pool.NewGroupContext(g.ctx)
}

func (g *pondTasks) Context() context.Context { return g.group.Context() }

func pondResults(ctx context.Context, out []int, f func() int) {
	p := pond.NewResultPool[int](0)
	group := p.NewGroupContext(ctx)
	for range out {
		group.Submit(f)
	}
	results, _ := group.Wait()
	copy(out, results)
	p.StopAndWait()
}
