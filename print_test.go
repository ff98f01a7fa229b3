package scope_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"

	"github.com/supervisorscope/scope"
)

// A handle that is printed, in a log line or by a test library's mock, is named.
func TestString_NamesScopeTaskAndFuture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer := scope.OpenSupervised(t.Context(), scope.Name("server"))
		defer func() { _ = outer.Shutdown(t.Context()) }()
		task := outer.Go("conn", func(ctx context.Context) error {
			inner := scope.Open(ctx, scope.Name("request"))
			future := scope.Async(inner, "load", one)
			for _, c := range []struct {
				value any
				want  string
			}{
				{outer, `scope "server"`},
				{inner, `scope "server/conn/request"`},
				{future, `task "server/conn/request/load"`},
				{ctx, `scope.Task(server/conn)`},
			} {
				if got := fmt.Sprint(c.value); got != c.want {
					t.Errorf("%T prints as %q, want %q", c.value, got, c.want)
				}
			}
			return inner.Shutdown(context.WithoutCancel(ctx))
		})
		if got, want := fmt.Sprintf("%+v", task), `task "server/conn"`; got != want {
			t.Errorf("task prints as %q, want %q", got, want)
		}
		_ = task.Wait(t.Context())
		if got, want := task.String(), `task "server/conn"`; got != want {
			t.Errorf("task that has ended prints as %q, want %q", got, want)
		}
	})
}

// Printed field by field, a handle would be read while its task writes to it: the
// race detector fails this test then.
func TestString_ReadsNothingThatChanges(t *testing.T) {
	_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range 100 {
			task := s.Go("", func(ctx context.Context) error {
				_, err := fmt.Fprint(io.Discard, s, ctx)
				return err
			})
			future := scope.Async(s, "", one)
			_, _ = fmt.Fprint(io.Discard, s, task, future)
		}
		return nil
	})
}

func one(context.Context) (int, error) { return 1, nil }
