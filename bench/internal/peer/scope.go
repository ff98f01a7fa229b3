package peer

import (
	"context"

	"github.com/supervisorscope/scope"
)

// scopeRun is a fail-fast scope in lexical form, the usual one.
func scopeRun() Peer {
	return Peer{
		Name:    "scope",
		Doc:     "this library: `scope.Run` (fail-fast, lexical)",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runScope),
		Results: scopeResults,
		Cannot:  failFast(),
	}
}

// scopeSupervise is a supervised scope in lexical form, failures handled by the
// handler that is silent on purpose.
func scopeSupervise() Peer {
	return Peer{
		Name:    "scopesup",
		Doc:     "this library: `scope.Supervise` with `OnFailure(scope.Ignore)`",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runScopeSupervise),
		Results: scopeResults,
	}
}

// scopeOpen is a fail-fast scope in object form, that of a server's field.
func scopeOpen() Peer {
	return Peer{
		Name:    "scopeopen",
		Doc:     "this library: `scope.Open`, `Wait`, `Shutdown` (fail-fast, a long-lived object)",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runScopeOpen),
		Results: scopeResults,
		Cannot:  failFast(),
	}
}

func failFast() map[string]string {
	const ends = "the first failure ends a fail-fast scope; see scopesup"
	return map[string]string{"panic": ends, "churn": ends}
}

// inScope is f as the body of a lexical scope.
func inScope(f func(Group)) func(context.Context, *scope.Scope) error {
	return func(_ context.Context, s *scope.Scope) error {
		f(scopeGroup{s})
		return nil
	}
}

// A scopeGroup is one pointer, so that it fits into a Group as it is.
type scopeGroup struct{ s *scope.Scope }

func runScope(ctx context.Context, body Body) {
	_ = scope.Run(ctx, body.inScope)
}

func runScopeSupervise(ctx context.Context, body Body) {
	_ = scope.Supervise(ctx, body.inScope, scope.OnFailure(scope.Ignore))
}

func runScopeOpen(ctx context.Context, body Body) {
	s := scope.Open(ctx)
	body.Fill(scopeGroup{s})
	_ = s.Wait(context.Background())
	_ = s.Shutdown(context.Background())
}

func (g scopeGroup) Go(t Task) { g.s.Go("task", t.Contextual) }

func (g scopeGroup) Wait() { _ = g.s.Wait(context.Background()) }

// Context is not asked for: tasks of this form have a context parameter.
func (g scopeGroup) Context() context.Context { return context.Background() }

func scopeResults(ctx context.Context, out []int, f func() int) {
	task := func(context.Context) (int, error) { return f(), nil } //nolint:unparam // its type
	futures := make([]*scope.Future[int], len(out))
	_ = scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		for i := range futures {
			futures[i] = scope.Async(s, "result", task)
		}
		return nil
	})
	for i, future := range futures {
		out[i], _ = future.Result()
	}
}
