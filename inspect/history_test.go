package inspect_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// past is a program that has ended: a failure two scopes deep brought it down.
func past(t *testing.T, n int) inspect.History {
	t.Helper()
	r := inspect.Record(n)
	_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		_ = s.Go("early", func(context.Context) error { return nil }).Wait(t.Context())
		time.Sleep(time.Second)
		s.Go("bystander", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		s.Go("outer", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("culprit", func(context.Context) error { return errBoom })
				return nil
			}, scope.Name("inner"))
		})
		return nil
	}, scope.Name("case"), r.Option())
	return r.History()
}

func TestHistory_WriteWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := past(t, 100)
		text := func(what string) string {
			return write(t, func(w io.Writer) error { return h.WriteWhy(w, what) })
		}
		for what, want := range map[string][]string{
			"early": {
				"case/early  task ok  at 2000-01-01 00:00:00, after 0s", "  was not stopped\n",
			},
			"bystander": {
				"case/bystander  task cancelled  at 2000-01-01 00:00:01, after 0s  started at ",
				`  because task "case/outer" failed: `,
				`  because task "case/outer/inner/culprit" failed: boom (started at inspect/hist`,
			},
			"outer": {
				`  failed: task "case/outer/inner/culprit": boom` + "\n",
				`  because task "case/outer/inner/culprit" failed: boom`,
			},
			"culprit": {"  failed: boom\n(the history keeps 14 events, since " +
				"2000-01-01 00:00:00; none was dropped)\n"},
			"case": {"case  scope ended", `  because task "case/outer" failed: `},
		} {
			got := text(what)
			for _, w := range want {
				if !strings.Contains(got, w) {
					t.Errorf("why %s: no %q in\n%s", what, w, got)
				}
			}
		}
	})
}

func TestHistory_TellsWhatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := past(t, 5)
		got := write(t, func(w io.Writer) error { return h.WriteWhy(w, "bystander") })
		const reach = "the history keeps 5 events, since 2000-01-01 00:00:01; " +
			"9 before that were dropped"
		if !strings.Contains(got, "("+reach+")\n") {
			t.Errorf("no %q in\n%s", reach, got)
		}
		err := h.WriteWhy(io.Discard, "early")
		want := `"early" has ended, as far as is known: ` + reach
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("WriteWhy() = %v", err)
		}
		if err := h.WriteWhy(io.Discard, ""); err == nil {
			t.Error("WriteWhy found what has no name")
		}
	})
}

func TestHistory_ShowsTheLastOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(1000)
		s := scope.OpenSupervised(t.Context(), scope.Name("a\x1b[2J"), r.Option())
		for range 1234 {
			_ = s.Go("job", func(context.Context) error { return nil }).Wait(t.Context())
		}
		h := r.History()
		got := write(t, func(w io.Writer) error { return h.WriteWhy(w, "job") })
		if !strings.HasPrefix(got, "490 of that name ended before these\n") ||
			strings.Count(got, "\n") != 22 || strings.Contains(got, "\x1b") {
			t.Errorf("%d lines:\n%s", strings.Count(got, "\n"), got)
		}
		if n := len(h.Of("job").Events); n != 1000 {
			t.Errorf("%d events of the jobs, want 1000", n)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
