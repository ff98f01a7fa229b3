package leaks

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/supervisorscope/scope/verify/internal/overlay"
)

// DirEnv names the directory in which test binaries leave their reports.
const DirEnv = "SCOPE_LEAKS_DIR"

// The method of package testing that runs all tests, and its new name.
const (
	runMethod = "func (m *M) Run() (code int) {\n"
	renamed   = "func (m *M) runWithoutReport() (code int) {\n"
)

// reporter is the file that package testing gets in addition.
const reporter = `package testing

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
)

// Run runs the tests and reports which goroutines they have leaked.
func (m *M) Run() (code int) {
	defer reportLeaks()
	return m.runWithoutReport()
}

func reportLeaks() {
	dir := os.Getenv("` + DirEnv + `")
	profile := pprof.Lookup("goroutineleak")
	if dir == "" || profile == nil {
		return
	}
	wd, _ := os.Getwd()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n", wd, strings.Join(os.Args, " "))
	if err := profile.WriteTo(&b, 1); err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	name := filepath.Join(dir, fmt.Sprint(os.Getpid()))
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
`

// Overlay writes the changed package testing to dir, and returns the path of the
// overlay for the go command. It fails if Go's package testing is not as expected.
func Overlay(dir, goroot string) (string, error) {
	source := filepath.Join(goroot, "src", "testing")
	text, err := os.ReadFile(filepath.Join(source, "testing.go"))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), runMethod); n != 1 {
		return "", fmt.Errorf("leaks: testing.go has %d times:\n%s", n, runMethod)
	}
	return overlay.Write(dir, source, map[string]string{
		"testing.go": strings.Replace(string(text), runMethod, renamed, 1),
		"leaks.go":   reporter,
	})
}

// A Report is what a test binary has left.
type Report struct {
	Dir     string // the package's
	Args    string // the test binary, and its flags
	Profile string
}

// Leaked reports whether goroutines were leaked other than those that have one of
// the texts in their stacks.
func (r Report) Leaked(except ...string) bool {
	if strings.Contains(r.Profile, "error: ") {
		return true
	}
	for stack := range strings.SplitSeq(r.Profile, "\n\n") {
		known := func(text string) bool { return strings.Contains(stack, text) }
		if strings.Contains(stack, " @ ") && !slices.ContainsFunc(except, known) {
			return true
		}
	}
	return false
}

// Reports returns what is in dir.
func Reports(dir string) ([]Report, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Report
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		parts := strings.SplitN(string(text), "\n", 3)
		if len(parts) != 3 {
			return nil, fmt.Errorf("leaks: %s is cut off", e.Name())
		}
		all = append(all, Report{Dir: parts[0], Args: parts[1], Profile: parts[2]})
	}
	return all, nil
}
