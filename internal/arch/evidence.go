package arch

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const evidenceFile = "docs/evidence.md"

// Evidence checks that the page of evidence has a row for each numbered guarantee
// of a package comment, in a section with the name of the package, and that the
// tests it names exist.
func (r *Repo) Evidence() []string {
	text, err := fs.ReadFile(r.fsys, evidenceFile)
	if err != nil {
		return []string{evidenceFile + ": missing; it says what checks each guarantee"}
	}
	given, _ := r.given()
	rows := evidenceRows(string(text))
	var found []string
	for _, dir := range r.dirs() {
		section := path.Base(dir)
		if dir == "." {
			section = "scope"
		}
		for _, n := range given[dir] {
			if !slices.Contains(rows[section], n) {
				found = append(found,
					fmt.Sprintf("%s: no row %d. in section %s", evidenceFile, n, section))
			}
		}
	}
	tests := r.testFunctions()
	for _, name := range namedTests(string(text)) {
		if !tests[name] {
			found = append(found, fmt.Sprintf("%s: %s does not exist", evidenceFile, name))
		}
	}
	return found
}

// evidenceRows returns the numbers of the rows by the section that they are in:
// "## gather", and "| 3. ".
func evidenceRows(text string) map[string][]int {
	rows := make(map[string][]int)
	section := ""
	item := regexp.MustCompile(`^\| (\d+)\. `)
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			section = strings.TrimSpace(name)
		} else if match := item.FindStringSubmatch(line); match != nil {
			n, _ := strconv.Atoi(match[1]) // digits
			rows[section] = append(rows[section], n)
		}
	}
	return rows
}
