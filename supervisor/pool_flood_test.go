package supervisor_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// slowError takes its time to say what it is.
type slowError struct{}

func (slowError) Error() string {
	time.Sleep(time.Second)
	return "slow"
}

// The last failures of a pool are told, also if it takes a moment to find out what
// they are.
func TestPool_TellsTheLastFailures(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		for n := range 7 {
			l.ok(p.Add(bg, strconv.Itoa(n), func(ctx context.Context) error {
				<-ctx.Done()
				return slowError{}
			}))
		}
		l.ok(l.stop())
		if got := stands(l.failures, nil); got != 7 {
			t.Errorf("the reports stand for %d failures, want 7", got)
		}
	})
}
