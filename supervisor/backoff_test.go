package supervisor_test

import (
	"context"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// The time that what a child has started takes to end does not count as ready:
// one that fails at once is not reset by a slow clean-up.
func TestBackoff_SlowCleanUpIsNotReady(t *testing.T) {
	inBubble(t, func(l *lab) {
		const cleanUp = 15 * time.Second
		var begun []time.Time
		l.run([]sup.Spec{{
			Name: "a", Grace: time.Minute, Budget: sup.Budget{Unlimited: true},
			Backoff: sup.Backoff{Base: time.Second, Cap: 4 * time.Second}, // reset after 10 s
			Run: func(ctx context.Context) error {
				begun = append(begun, time.Now())
				scope.From(ctx).Go("late", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(cleanUp)
					return nil
				})
				return errBoom
			},
		}}, sup.Options{})
		time.Sleep(2 * time.Minute)
		_ = l.stop()
		last := len(begun) - 1
		if d := begun[last].Sub(begun[last-1]) - cleanUp; d < 2*time.Second {
			t.Errorf("after %d failures the delay is still %v", last, d)
		}
	})
}
