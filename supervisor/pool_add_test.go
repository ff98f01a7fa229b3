package supervisor_test

import (
	"context"
	"testing"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

func TestPool_AddWithADoneContext(t *testing.T) {
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{}, sup.Options{})
		ctx, cancel := context.WithCancelCause(bg)
		cancel(errBoom)
		l.is(p.Add(ctx, "a", untilDone), errBoom)
		if got := p.Children(); len(got) != 0 {
			t.Errorf("children are %v", got)
		}
	})
}

// What is removed while the others are described is not among them.
func TestChildren_RemovedMeanwhile(t *testing.T) {
	inBubble(t, func(l *lab) {
		a := sup.Spec{Name: "a", Run: func(ctx context.Context) error {
			scope.Describe(ctx, func() any { return l.s.Remove(bg, "b") })
			return untilDone(ctx)
		}}
		l.run([]sup.Spec{a, l.spec("b")}, sup.Options{})
		l.stand("a:ready")
	})
}
