package arch

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	conformanceFile = "docs/conformance.md"
	// lastRow is the last of sections A to M, about the core. The rows behind it
	// are about packages beside it, and are checked once they name a test.
	lastRow = 154
)

// isRefused reports whether a row asks for what the design refuses. Rows keep
// their numbers for ever, so these stay as gaps.
func isRefused(row int) bool { return row == 88 || row == 89 || row == 102 }

// A row is a line of the conformance table:
//
//	| 83 | M | what must be observed | `TestScope_ShutdownFromTask` |
//
// In place of a test, an S row may say "declined" and link to the ADR.
type row struct {
	number int
	must   bool
	last   string // the last column
}

// Rows checks that each row of the conformance list up to M is kept by a test:
// the table names test functions that exist, and one of them names the row.
func (r *Repo) Rows() []string {
	text, err := fs.ReadFile(r.fsys, conformanceFile)
	if err != nil {
		return []string{conformanceFile + ": missing; it lists each row and its test"}
	}
	rows, found := parseRows(string(text))
	found = append(found, r.unknownRows(rows)...)
	var noTest []int
	for n := 1; n <= lastRow; n++ {
		if !isRefused(n) && rows[n].number == 0 {
			found = append(found, rowf(n, " is missing in the table"))
		}
	}
	mentioned, tests := r.rowMentions(), r.testFunctions()
	for _, n := range slices.Sorted(maps.Keys(rows)) {
		switch {
		case isRefused(n):
		case strings.Contains(rows[n].last, "declined"):
			found = append(found, r.badDecline(rows[n])...)
		case n > lastRow && len(namedTests(rows[n].last)) == 0:
		case mentioned[n] == nil:
			noTest = append(noTest, n)
		default:
			found = append(found, badTests(rows[n], mentioned[n], tests)...)
		}
	}
	if noTest != nil {
		found = append(found, "no test has a comment // Row N. for N = "+spans(noTest))
	}
	return found
}

// parseRows reads the table. A row without a number is a heading or none.
func parseRows(text string) (rows map[int]row, found []string) {
	rows = make(map[int]row)
	for line := range strings.Lines(text) {
		line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, "¦")
		cells := strings.Split(strings.Trim(line, "|"), "|")
		n, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil || !strings.HasPrefix(line, "|") {
			continue
		}
		level := ""
		if len(cells) == 4 {
			level = strings.TrimSpace(cells[1])
		}
		if !slices.Contains([]string{"M", "S"}, level) && !isRefused(n) {
			found = append(found, rowf(n, ": want | number | M or S | text | tests |"))
		}
		if rows[n].number != 0 {
			found = append(found, rowf(n, " is listed twice"))
		}
		rows[n] = row{number: n, must: level == "M", last: cells[len(cells)-1]}
	}
	return rows, found
}

// rowf formats a violation of a row, behind "row N".
func rowf(n int, format string, args ...any) string {
	return fmt.Sprintf("%s: row %d", conformanceFile, n) + fmt.Sprintf(format, args...)
}

// rowMentions returns, by row, the functions whose comments name it. A comment
// outside of any function counts as one of a function without a name.
func (r *Repo) rowMentions() map[int][]string {
	by := make(map[int][]string)
	for _, f := range r.tests() {
		for _, m := range f.mentions("Row") {
			by[m.number] = append(by[m.number], m.fn)
		}
	}
	return by
}

// unknownRows finds comments that name a row that is not in the table.
func (r *Repo) unknownRows(rows map[int]row) []string {
	var found []string
	for _, f := range r.tests() {
		for _, m := range f.mentions("Row") {
			if rows[m.number].number == 0 {
				found = append(found, r.at(m.pos, "row %d is not in %s", m.number, conformanceFile))
			}
		}
	}
	return found
}

// namedTests returns the functions that the last column names in backquotes. A
// package in front and a subtest behind do not count.
func namedTests(cell string) []string {
	var names []string
	name := regexp.MustCompile("`(?:[\\w/]+\\.)?((?:Test|Fuzz|Example|Benchmark)\\w*)(?:/[^`]*)?`")
	for _, match := range name.FindAllStringSubmatch(cell, -1) {
		names = append(names, match[1])
	}
	return names
}

func badTests(k row, mentioned []string, tests map[string]bool) []string {
	named := namedTests(k.last)
	if len(named) == 0 {
		return []string{rowf(k.number, " names no test in its last column; it is kept by %s",
			strings.Join(mentioned, ", "))}
	}
	var found []string
	says := false
	for _, name := range named {
		says = says || slices.Contains(mentioned, name)
		if !tests[name] {
			found = append(found, rowf(k.number, ": %s does not exist", name))
		}
	}
	if !says {
		found = append(found, rowf(k.number, ": %s has no comment // Row %d.",
			strings.Join(named, ", "), k.number))
	}
	return found
}

// badDecline checks a row that is declined: only an S row can be, and an ADR
// says why.
func (r *Repo) badDecline(k row) []string {
	if k.must {
		return []string{rowf(k.number, " is M and cannot be declined")}
	}
	link := regexp.MustCompile(`\((adr/[^)#]+\.md)[^)]*\)`).FindStringSubmatch(k.last)
	if link == nil {
		return []string{rowf(k.number, " is declined without a link to its ADR, (adr/NAME.md)")}
	}
	adr := path.Join(path.Dir(conformanceFile), link[1])
	if _, err := fs.Stat(r.fsys, adr); err != nil {
		return []string{rowf(k.number, " is declined by %s, which does not exist", adr)}
	}
	return nil
}

// spans formats sorted numbers, runs of them shortened: "1-3, 7".
func spans(sorted []int) string {
	var parts []string
	for start := 0; start < len(sorted); {
		end := start
		for end+1 < len(sorted) && sorted[end+1] == sorted[end]+1 {
			end++
		}
		part := strconv.Itoa(sorted[start])
		if end > start {
			part += "-" + strconv.Itoa(sorted[end])
		}
		parts = append(parts, part)
		start = end + 1
	}
	return strings.Join(parts, ", ")
}
