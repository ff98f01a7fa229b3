package leaks_test

import (
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/verify/internal/overlay"
	"github.com/supervisorscope/scope/verify/leaks"
)

var (
	all   = flag.Bool("all", false, "run the tests of all packages; takes some minutes")
	extra = flag.String("args", "", "more arguments of go test, such as -short")
)

const (
	root  = "../.."
	limit = time.Hour
)

// Go's package testing can be changed as it is to be.
func TestOverlay_applies(t *testing.T) {
	if _, err := leaks.Overlay(t.TempDir(), goroot(t)); err != nil {
		t.Error(err)
	}
}

// A planted leak is found, and nothing else: the control.
func TestSuites_FindAPlantedLeak(t *testing.T) {
	needsAll(t)
	t.Setenv("PLANT_A_LEAK", "1")
	reports := run(t, ".", "./planted")
	if len(reports) != 1 || strings.Count(reports[0].Profile, " @ ") != 1 ||
		!strings.Contains(reports[0].Profile, "planted_test.forgotten+") {
		t.Errorf("reports %q, want one, of the leak alone", reports)
	}
}

// The tests of no package leave a goroutine that nothing can wake.
func TestSuites_LeakNothing(t *testing.T) {
	needsAll(t)
	for _, module := range []string{".", "cmd/scope", "inspect/browser", "bench", "verify"} {
		t.Run(module, func(t *testing.T) { leaksNothing(t, filepath.Join(root, module)) })
	}
}

// onPurpose are goroutines that a test leaks because it is about that, by what is
// in their stacks.
func onPurpose() []string {
	return []string{
		"examples/server.(*shop).hang+", // a request that hangs, to be looked at
		"scope_test.leakScenes.",        // what that profile shows of tasks
	}
}

// leaksNothing runs the tests of the module in dir.
func leaksNothing(t *testing.T, dir string) {
	args := []string{"./..."}
	if filepath.Base(dir) == "verify" {
		args = append(args, "-short") // its sizes are for other purposes
	}
	seen := map[string]int{}
	for _, r := range run(t, dir, append(args, strings.Fields(*extra)...)...) {
		seen[r.Dir]++
		if r.Leaked(onPurpose()...) {
			t.Errorf("%s: %s\n%s", r.Dir, r.Args, r.Profile)
		}
	}
	for _, dir := range tested(t, dir) {
		t.Logf("%s: %d test binaries looked at", dir, seen[dir])
		if seen[dir] == 0 {
			t.Errorf("%s has tests, but none was looked at", dir)
		}
	}
}

func needsAll(t *testing.T) {
	t.Helper()
	if !*all {
		t.Skip("flag -all runs it; nightly.sh does")
	}
}

// run runs the tests of packages and returns the reports of their binaries.
func run(t *testing.T, dir string, args ...string) []leaks.Report {
	t.Helper()
	path, err := leaks.Overlay(t.TempDir(), goroot(t))
	if err != nil {
		t.Fatal(err)
	}
	reports := t.TempDir()
	t.Setenv(leaks.DirEnv, reports)
	t.Setenv("GOEXPERIMENT", "goroutineleakprofile")
	verdict, out := overlay.Test(t.Context(), overlay.Run{
		Dir: dir, Overlay: path, Args: append([]string{"-count=1"}, args...), Limit: limit,
	})
	t.Logf("%s: %v\n%s", dir, verdict, out)
	if verdict != overlay.Passed {
		t.Errorf("%s: the tests %v", dir, verdict)
	}
	found, err := leaks.Reports(reports)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// tested returns the directories of a module's packages that have tests.
func tested(t *testing.T, dir string) []string {
	t.Helper()
	return lines(t, dir, "list", "-f",
		"{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}}{{end}}", "./...")
}

func goroot(t *testing.T) string {
	t.Helper()
	return lines(t, ".", "env", "GOROOT")[0]
}

// lines returns the output of the go command.
func lines(t *testing.T, dir string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}

// A goroutine that leaks on purpose hides no other.
func TestReport_LeaksOnPurposeHideNoOther(t *testing.T) {
	const (
		header  = "goroutineleak profile: total 2\n"
		purpose = "1 @ 0x1\n#\t0x1\tp.(*shop).hang+0x1\tp.go:1\n\n"
		other   = "1 @ 0x2\n#\t0x2\tp.(*shop).hangs+0x1\tp.go:2\n\n"
	)
	for profile, want := range map[string]bool{
		header: false, header + purpose: false, header + other: true,
		header + purpose + other: true, "error: no\n": true,
	} {
		if got := (leaks.Report{Profile: profile}).Leaked("p.(*shop).hang+"); got != want {
			t.Errorf("Leaked() = %v, want %v for\n%s", got, want, profile)
		}
	}
}
