package arch

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Guarantees checks that each numbered guarantee of a package comment, in its
// section "# Guarantees", is named by a comment in that package's tests,
// "// Guarantee 1.", and that the tests name no other.
func (r *Repo) Guarantees() []string {
	given, found := r.given()
	kept := make(map[string][]int) // by directory
	for _, f := range r.tests() {
		for _, m := range f.mentions("Guarantee") {
			kept[f.dir] = append(kept[f.dir], m.number)
			if !slices.Contains(given[f.dir], m.number) {
				found = append(found, r.at(m.pos,
					"guarantee %d is not in the package comment", m.number))
			}
		}
	}
	for _, dir := range r.dirs() {
		for _, n := range given[dir] {
			if !slices.Contains(kept[dir], n) {
				found = append(found, fmt.Sprintf("%s: no test has the comment // Guarantee %d.",
					path.Join(dir, "doc.go"), n))
			}
		}
	}
	return found
}

// given returns the numbers of the guarantees by directory. They count from 1.
func (r *Repo) given() (by map[string][]int, found []string) {
	by = make(map[string][]int)
	for _, f := range r.source() {
		if f.ast.Doc == nil {
			continue
		}
		by[f.dir] = guarantees(f.ast.Doc.Text())
		for i, n := range by[f.dir] {
			if n != i+1 {
				found = append(found, r.at(f.ast.Doc.Pos(),
					"guarantee %d stands where %d should", n, i+1))
			}
		}
	}
	return by, found
}

// guarantees returns the numbers in the section "# Guarantees" of a package
// comment, in order.
func guarantees(doc string) []int {
	var found []int
	item := regexp.MustCompile(`^\s+(\d+)\. `)
	inside := false
	for line := range strings.Lines(doc) {
		if heading, ok := strings.CutPrefix(line, "# "); ok {
			inside = strings.TrimSpace(heading) == "Guarantees"
		}
		if match := item.FindStringSubmatch(line); inside && match != nil {
			n, _ := strconv.Atoi(match[1])
			found = append(found, n)
		}
	}
	return found
}
