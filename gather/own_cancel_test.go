package gather_test

import (
	"context"
	"testing"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// A function may cancel the scope it runs in. What All and Map return without an
// error is complete all the same.
func TestAllAndMap_CancelledFromInside(t *testing.T) {
	inLab(t, func(l *lab) {
		cancels := func(ctx context.Context, v int) (int, error) {
			scope.From(ctx).Cancel(nil)
			return v, nil
		}
		values, err := gather.Map(l.ctx, 1, []int{1, 2, 3}, cancels)
		l.is(err, scope.ErrCancelled)
		if values != nil {
			t.Errorf("Map() = %v beside an error", values)
		}
		values, err = gather.All(l.ctx,
			func(ctx context.Context) (int, error) { return cancels(ctx, 1) },
			func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() },
		)
		l.is(err, scope.ErrCancelled)
		if values != nil {
			t.Errorf("All() = %v beside an error", values)
		}
		if _, err = gather.Map(l.ctx, 1, []int{1}, cancels); err != nil {
			t.Errorf("Map() with every value = %v", err)
		}
	})
}
