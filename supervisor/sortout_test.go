package supervisor_test

import (
	"strings"
	"testing"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// bareError has a place for a cause, and none in it.
type bareError struct{ cause error }

func (*bareError) Error() string   { return "bare" }
func (e *bareError) Unwrap() error { return e.cause }

// A failure beside a StuckError is told, whatever its Unwrap returns.
func TestOverran_BesideABareError(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.onStop["x"] = slow(time.Hour)
		escalate := func(s *sup.Spec) {
			s.Classify = func(error) sup.Action { return sup.Escalate }
		}
		inner, err := sup.New([]sup.Spec{l.spec("x"), l.spec("y", escalate)}, sup.Options{})
		l.ok(err)
		l.run([]sup.Spec{inner.ChildSpec("inner")}, sup.Options{Total: sup.Infinity})
		l.end("y", func() error { return &bareError{} })
		_ = l.stop()
		for _, f := range l.failures {
			if strings.Contains(f.Error(), "bare") {
				return
			}
		}
		t.Errorf("nobody was told of the failure of y: %v", l.failures)
	})
}
