package scope_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/supervisorscope/scope"
)

// Row 23. Report is called by code that goes on.
func TestReport_ReturnsWhateverTheHandlerDoes(t *testing.T) {
	if _, parent := childStderr(t); parent {
		return
	}
	for _, f := range []func(){runtime.Goexit, func() { panic("aua") }, func() {}} {
		returned := false
		_ = scope.Supervise(t.Context(), func(ctx context.Context, _ *scope.Scope) error {
			scope.Report(ctx, &scope.Failure{Err: errors.New("boom")})
			returned = true
			return nil
		}, scope.OnFailure(func(context.Context, *scope.Failure) { f() }))
		if !returned {
			t.Error("Report has not returned")
		}
	}
}

// Row 27.
func TestReport_HandlerCannotWaitForItsScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited error
		s := scope.OpenSupervised(t.Context())
		s.Go("reports", func(ctx context.Context) error {
			return scope.Supervise(ctx, func(ctx context.Context, _ *scope.Scope) error {
				scope.Report(ctx, &scope.Failure{Err: errDisk})
				return nil
			}, scope.OnFailure(func(context.Context, *scope.Failure) {
				waited = s.Wait(context.Background())
			}))
		})
		if err := s.Wait(t.Context()); err != nil || !errors.Is(waited, scope.ErrSelfWait) {
			t.Errorf("Wait() = %v, in the handler %v; want nil, ErrSelfWait", err, waited)
		}
		_ = s.Shutdown(t.Context())
	})
}
