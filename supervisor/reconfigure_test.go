package supervisor_test

import (
	"errors"
	"testing"

	sup "github.com/supervisorscope/scope/supervisor"
)

// New would refuse the limit, and so does Reconfigure.
func TestReconfigure_Limit(t *testing.T) {
	inBubble(t, func(l *lab) {
		l.run(l.specs("a b"), sup.Options{})
		var bad *sup.SpecError
		if err := l.s.Reconfigure(sup.Options{Limit: 1}); !errors.As(err, &bad) {
			t.Errorf("Reconfigure() = %v, want a SpecError", err)
		}
		l.ok(l.s.Reconfigure(sup.Options{Limit: 2}))
	})
}
