package arch_test

import (
	"flag"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

const root = "../.."

var update = flag.Bool("update", false, "accept the exported declarations of today: write api.txt")

var loadHouse = sync.OnceValues(func() (*arch.Repo, error) { return arch.Load(os.DirFS(root)) })

// house returns this repository.
func house(t *testing.T) *arch.Repo {
	t.Helper()
	repo, err := loadHouse()
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func TestModules(t *testing.T)         { check(t, house(t).Modules()) }
func TestImports(t *testing.T)         { check(t, house(t).Imports()) }
func TestFileSizes(t *testing.T)       { check(t, house(t).FileSizes()) }
func TestPackageComments(t *testing.T) { check(t, house(t).PackageComments()) }
func TestInits(t *testing.T)           { check(t, house(t).Inits()) }
func TestGoStatements(t *testing.T)    { check(t, house(t).GoStatements()) }
func TestSleeps(t *testing.T)          { check(t, house(t).Sleeps()) }
func TestGlobals(t *testing.T)         { check(t, house(t).Globals()) }
func TestRows(t *testing.T)            { check(t, house(t).Rows()) }
func TestDocsCode(t *testing.T)        { check(t, house(t).DocsCode()) }
func TestLinks(t *testing.T)           { check(t, house(t).Links()) }
func TestGuarantees(t *testing.T)      { check(t, house(t).Guarantees()) }
func TestEvidence(t *testing.T)        { check(t, house(t).Evidence()) }

func check(t *testing.T, violations []string) {
	t.Helper()
	for _, v := range violations {
		t.Error(v)
	}
}

// A change of the exported surface is seen in the diff of api.txt, in the same
// commit. Flag -update accepts it: go test ./internal/arch -run TestAPI -update.
func TestAPI(t *testing.T) {
	const file = root + "/api.txt"
	got := house(t).API()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update", err)
	}
	for _, line := range missing(got, string(want)) {
		t.Errorf("api.txt lacks (accept with -update):\n\t%s", line)
	}
	for _, line := range missing(string(want), got) {
		t.Errorf("api.txt has, but no package does (accept with -update):\n\t%s", line)
	}
}

// missing returns the lines of a that b does not have.
func missing(a, b string) []string {
	have := make(map[string]bool)
	for line := range strings.Lines(b) {
		have[line] = true
	}
	var lines []string
	for line := range strings.Lines(a) {
		if !have[line] {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// The core's surface can be read in one sitting.
func TestAPI_CoreIsSmall(t *testing.T) {
	const limit = 45
	names := house(t).CoreNames()
	t.Logf("package scope exports %d names: %s", len(names), strings.Join(names, " "))
	if len(names) > limit {
		t.Errorf("package scope exports %d names, at most %d", len(names), limit)
	}
}
