package peer

import (
	"context"

	"gopkg.in/tomb.v2"
)

// tombGo is a tomb whose first goroutine is the body, as its documentation asks
// of those who start more than one. A tomb joins once, so users who want to wait
// for a burst count by hand.
func tombGo() Peer {
	return Peer{
		Name: "tomb",
		Doc:  "`tomb.WithContext`, the body its first goroutine; the first error kills",
		Form: Failing,
		Open: ready(runTomb),
		Cannot: map[string]string{
			"churn": "a tomb is dying after its first failure",
		},
	}
}

type tombGroup struct {
	ctx  context.Context
	tomb *tomb.Tomb
}

func runTomb(ctx context.Context, body Body) {
	g := &tombGroup{}
	g.tomb, g.ctx = tomb.WithContext(ctx)
	g.tomb.Go(func() error {
		body.Fill(g)
		return nil
	})
	_ = g.tomb.Wait()
}

func (g *tombGroup) Go(t Task) { g.tomb.Go(t.Failing) }

func (g *tombGroup) Context() context.Context { return g.ctx }
