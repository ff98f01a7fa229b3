package peers_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestOrigins_AreAllThere(t *testing.T) {
	ours, err := testNames("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range checkOrigins(os.DirFS("."), ours) {
		t.Error(problem)
	}
}

// The check is itself checked: it finds each mistake that one can make.
func TestOrigins_findsMistakes(t *testing.T) {
	const list = "# example.org/peer v1.2.3\nTestA\nTestB\n"
	tests := []struct{ name, list, rows, table, want string }{
		{"all there", list, `origin: "peer: TestA, half"`, "| peer: TestB | not of use here |", ""},
		{"a report", list, `{origin:   "other: #12, x"}, {origin: "peer: TestA"}`,
			"| peer: TestB | see `TestOurs` |", ""},
		{"missing", list, `origin: "peer: TestA"`, "", "peer: TestB has no row"},
		{"unknown row", list, `origin: "peer: TestA"; origin: "peer: TestB"; origin: "peer: TestC"`,
			"", "peer: TestC is not in testdata/peer.txt"},
		{"unknown line", list, `origin: "peer: TestA"; origin: "peer: TestB"`,
			"| peer: TestC | not of use here |", "peer: TestC is not in testdata/peer.txt"},
		{"both", list, `origin: "peer: TestA"; origin: "peer: TestB"`,
			"| peer: TestB | not of use here |", "peer: TestB has a row, and a line"},
		{"row twice", list, `origin: "peer: TestA"; origin: "peer: TestA"; origin: "peer: TestB"`,
			"", `two rows "peer: TestA"`},
		{"line twice", list, `origin: "peer: TestA"`,
			"| peer: TestB | not of use here |\n| peer: TestB | not of use here |",
			"peer: TestB has two lines"},
		{"no reason", list, `origin: "peer: TestA"`, "| peer: TestB | no |", "says no reason"},
		{"no such test", list, `origin: "peer: TestA"`, "| peer: TestB | see `TestGone` |",
			"TestGone does not exist"},
		{"no version", "TestA\n", `origin: "peer: TestA"`, "", "first line"},
		{"listed twice", list + "TestA\n", `origin: "peer: TestA"; origin: "peer: TestB"`, "",
			"lists TestA twice"},
		{"a comma", list + "TestA,b\n", `origin: "peer: TestA"; origin: "peer: TestB"`, "",
			"not a name"},
		{"no colon", list, `origin: "peer: TestA"; origin: "peer: TestB"; origin: "TestC"`, "",
			"TestC is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{
				"testdata/peer.txt": {Data: []byte(tt.list)},
				"peer_test.go":      {Data: []byte(tt.rows)},
				"NOT_CARRIED.md":    {Data: []byte(tt.table)},
			}
			got := strings.Join(checkOrigins(fsys, map[string]bool{"TestOurs": true}), "\n")
			if got == "" != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("checkOrigins() = %q, want %q in it", got, tt.want)
			}
		})
	}
}

// An origins is what the lists, the rows and the table say. Tests are named as
// in an origin: "peer: TestName".
type origins struct {
	listed   []string          // tests of the peers
	rows     []string          // what rows name, with all that follows the name
	reasons  map[string]string // why a test was not carried
	problems []string
}

// checkOrigins returns what is wrong with the files of this directory. ours are
// the tests of the project, to which the table may point.
func checkOrigins(fsys fs.FS, ours map[string]bool) []string {
	o := origins{reasons: make(map[string]string)}
	if err := errors.Join(o.readLists(fsys), o.readRows(fsys), o.readTable(fsys)); err != nil {
		return []string{err.Error()}
	}
	carried := make(map[string]bool)
	report := regexp.MustCompile(`^[\w/-]+: (#\d+|probe)$`)
	for _, origin := range o.rows {
		name, _, _ := strings.Cut(origin, ",")
		carried[name] = true
		if !report.MatchString(name) {
			o.known(name)
		}
	}
	for name, reason := range o.reasons {
		o.known(name)
		o.reason(name, reason, ours)
	}
	for _, name := range o.listed {
		switch _, left := o.reasons[name]; {
		case left && carried[name]:
			o.problem("%s has a row, and a line in NOT_CARRIED.md", name)
		case !left && !carried[name]:
			o.problem("%s has no row, and no line in NOT_CARRIED.md", name)
		}
	}
	slices.Sort(o.problems)
	return o.problems
}

func (o *origins) problem(format string, args ...any) {
	o.problems = append(o.problems, fmt.Sprintf(format, args...))
}

func (o *origins) known(name string) {
	if !slices.Contains(o.listed, name) {
		peer, _, _ := strings.Cut(name, ":")
		o.problem("%s is not in testdata/%s.txt", name, peer)
	}
}

// reason checks why a test was not carried.
func (o *origins) reason(name, reason string, ours map[string]bool) {
	if len(reason) < 10 {
		o.problem("NOT_CARRIED.md: %s says no reason", name)
	}
	for _, match := range regexp.MustCompile("`(Test\\w+)").FindAllStringSubmatch(reason, -1) {
		if !ours[match[1]] {
			o.problem("NOT_CARRIED.md: %s: %s does not exist", name, match[1])
		}
	}
}

// readLists reads the names of the peers' tests.
func (o *origins) readLists(fsys fs.FS) error {
	files, err := fs.Glob(fsys, "testdata/*.txt")
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if !regexp.MustCompile(`^# \S+ \S+`).MatchString(lines[0]) {
			o.problem("%s: the first line says no name and version", file)
		}
		for _, line := range lines[1:] {
			name := strings.TrimSuffix(path.Base(file), ".txt") + ": " + line
			switch {
			case line == "" || strings.ContainsAny(line, " ,|"):
				o.problem("%s: %q is not a name", file, line)
			case slices.Contains(o.listed, name):
				o.problem("%s lists %s twice", file, line)
			}
			o.listed = append(o.listed, name)
		}
	}
	return nil
}

// readRows reads the origins of the rows from the source: rows are built inside
// of the functions that run them.
func (o *origins) readRows(fsys fs.FS) error {
	files, err := fs.Glob(fsys, "*_test.go")
	if err != nil {
		return err
	}
	for _, file := range files {
		if file == "origins_test.go" {
			continue // its rows are wrong on purpose
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		origin := regexp.MustCompile(`\borigin:\s*"([^"]+)"`)
		for _, match := range origin.FindAllStringSubmatch(string(text), -1) {
			if slices.Contains(o.rows, match[1]) {
				o.problem("two rows %q", match[1])
			}
			o.rows = append(o.rows, match[1])
		}
	}
	return nil
}

// readTable reads NOT_CARRIED.md.
func (o *origins) readTable(fsys fs.FS) error {
	text, err := fs.ReadFile(fsys, "NOT_CARRIED.md")
	if err != nil {
		return err
	}
	line := regexp.MustCompile(`(?m)^\| (\S+: \S+) \| (.*) \|$`)
	for _, match := range line.FindAllStringSubmatch(string(text), -1) {
		if _, ok := o.reasons[match[1]]; ok {
			o.problem("NOT_CARRIED.md: %s has two lines", match[1])
		}
		o.reasons[match[1]] = match[2]
	}
	return nil
}

// testNames returns the names of all tests in the Go files below dir.
func testNames(dir string) (map[string]bool, error) {
	names := make(map[string]bool)
	test := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, match := range test.FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
		return err
	})
	return names, err
}
