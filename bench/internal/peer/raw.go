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
	g.wg.Add(1)
	go rawTask(&g.wg, f)
}

// rawTask is what is written by hand around a task. It is not a closure because
// go fix would make it a call of WaitGroup.Go, which is another peer.
func rawTask(wg *sync.WaitGroup, f func()) {
	defer wg.Done()
	f()
}

func (g *rawGroup) Wait() { g.wg.Wait() }

func (g *rawGroup) Context() context.Context { return g.ctx }

func rawResults(_ context.Context, out []int, f func() int) {
	var wg sync.WaitGroup
	for i := range out {
		wg.Add(1)
		go rawTask(&wg, func() { out[i] = f() })
	}
	wg.Wait()
}
