package supervisor_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
)

// exiter is an error whose methods call runtime.Goexit.
type exiter struct{}

func (exiter) Error() string   { runtime.Goexit(); return "" }
func (exiter) Is(error) bool   { runtime.Goexit(); return false }
func (e exiter) Unwrap() error { runtime.Goexit(); return nil }

// A handler that exits, as t.FailNow does, harms nobody: the failure is reported,
// and the supervisor goes on.
func TestHandler_Exits(t *testing.T) {
	inBubble(t, func(l *lab) {
		s, err := sup.New(l.specs("a b"), sup.Options{
			OnFailure: func(context.Context, *scope.Failure) { runtime.Goexit() },
		})
		l.ok(err)
		l.s = s
		l.launch(s.Run)
		for range 10 { // at the end a sum is told, too
			l.end("a", boom)
		}
		l.lived("a11 b1")
		l.ok(l.stop())
	})
}

// The same for methods of what a child returns, in a supervisor and in a pool.
func TestErrorMethods_Exit(t *testing.T) {
	end := func() error { return exiter{} }
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b"), sup.Options{})
		l.end("a", end)
		l.end("a", end)
		l.lived("a3 b1")
		if got := l.told(); got != 2 {
			t.Errorf("%d failures were told, want 2", got)
		}
	})
	inBubble(t, func(l *lab) {
		p := l.pool(sup.Spec{Restart: sup.Permanent}, sup.Options{})
		l.ok(p.AddStart(bg, "a", l.start("a")))
		l.end("a", end)
		l.lived("a2")
		if got := l.told(); got != 1 {
			t.Errorf("%d failures were told, want 1", got)
		}
	})
}
