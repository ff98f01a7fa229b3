package measure_test

import (
	"testing"
	"time"

	"github.com/supervisorscope/scope/bench/internal/measure"
)

func TestParts(t *testing.T) {
	parts := measure.Parts(2, time.Millisecond)
	if len(parts) != 3 {
		t.Fatalf("Parts() has %d parts, want 3", len(parts))
	}
	for _, p := range parts {
		if p.Name == "" || p.NS <= 0 {
			t.Errorf("part %q takes %v ns, want a name, and more than nothing", p.Name, p.NS)
		}
	}
}
