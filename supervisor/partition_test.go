package supervisor_test

import (
	"context"
	"testing"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// A Resize that has given up waiting leaves no pool behind that runs out of use.
func TestPartitioned_ResizeGivesUp(t *testing.T) {
	inBubble(t, func(l *lab) {
		p, err := sup.NewPartitioned[string](3, sup.Spec{}, sup.Options{})
		l.ok(err)
		l.launch(p.Run)
		pools := p.Pools()
		for _, pool := range pools {
			l.ok(pool.Add(bg, "a", func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(2 * time.Second)
				return nil
			}))
		}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		l.is(p.Resize(ctx, 0), context.DeadlineExceeded)
		l.ok(p.Resize(bg, 0))
		for i, pool := range pools {
			if got := pool.Info().State; got != "created" {
				t.Errorf("pool %d is %s", i, got)
			}
		}
		l.ok(p.Resize(bg, 3))
	})
}

// A second Run starts all pools; Resize goes on from there.
func TestPartitioned_ResizeAfterAnotherRun(t *testing.T) {
	inBubble(t, func(l *lab) {
		p, err := sup.NewPartitioned[string](3, sup.Spec{}, sup.Options{})
		l.ok(err)
		l.launch(p.Run)
		l.ok(p.Resize(bg, 1))
		l.ok(l.stop())
		l.launch(p.Run)
		l.ok(p.Resize(bg, 2))
	})
}
