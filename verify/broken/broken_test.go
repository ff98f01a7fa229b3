package broken_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	// Its source is read: go test must not answer from its cache when that has changed.
	_ "github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/broken"
	"github.com/supervisorscope/scope/verify/internal/overlay"
)

var all = flag.Bool("all", false, "run all checks, with all variants; takes some minutes")

const root = "../.."

// limit is what a check has before it counts as stuck. A waiter that nobody wakes
// is found in this way by checks that run without virtual time.
const limit = 25 * time.Second

// Each variant still fits the core: it applies, and builds.
func TestVariants_apply(t *testing.T) {
	for _, v := range broken.Variants() {
		if _, err := overlay.Apply(t.TempDir(), root, v.Edits...); err != nil {
			t.Errorf("%s: %v", v.Name, err)
		}
		if n := len(v.Checks); n < 2 {
			t.Errorf("%s has %d checks, want two that are independent", v.Name, n)
		}
	}
}

// Each variant is caught by each of its checks, which pass without it. They are
// builds and runs of whole test suites, so this is for the nightly script.
func TestVariants_areCaught(t *testing.T) {
	if !*all {
		t.Skip("flag -all runs it; nightly.sh does")
	}
	for _, v := range broken.Variants() {
		path, err := overlay.Apply(t.TempDir(), root, v.Edits...)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range v.Checks {
			if verdict, out := run(t, "the core as it is", c, ""); verdict != overlay.Passed {
				t.Fatalf("%v:\n%s", verdict, out)
			}
			verdict, out := run(t, v.Name, c, path)
			if verdict != overlay.Failed && verdict != overlay.Stuck {
				t.Errorf("%s is not caught:\n%s", v.Name, out)
			}
		}
	}
}

func run(t *testing.T, name string, c broken.Check, path string) (overlay.Verdict, string) {
	t.Helper()
	dir := filepath.Join(root, "verify")
	if c.Core {
		dir = root
	}
	began := time.Now()
	verdict, out := overlay.Test(t.Context(), overlay.Run{
		Dir: dir, Overlay: path, Args: append([]string{"-count=1"}, c.Args...), Limit: limit,
	})
	t.Logf("%s: go test %s: %v after %v", name, strings.Join(c.Args, " "), verdict,
		time.Since(began).Round(time.Second/10))
	return verdict, out
}
