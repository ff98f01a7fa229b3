package arch

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// A mention is a numbered rule named in a comment: "Row 83." or, for several,
// "Rows 3, 4 and 83.", or for a run of them "Rows 148-154." as here; a colon and
// what is meant may follow in place of the full stop.
type mention struct {
	number int
	fn     string // the function around the comment, or below it
	pos    token.Pos
}

// mentions returns what the comments of f mention of word, "Row" or "Guarantee".
func (f *file) mentions(word string) []mention {
	var found []mention
	for _, group := range f.ast.Comments {
		for _, n := range numbers(group.Text(), word) {
			fn := f.functionAt(group.Pos())
			found = append(found, mention{number: n, fn: fn, pos: group.Pos()})
		}
	}
	return found
}

// numbers returns the numbers that text mentions of word.
func numbers(text, word string) []int {
	const (
		number = `\d+(?:[-–]\d+)?`
		more   = `(?:,| and|, and) ` + number
	)
	list := regexp.MustCompile(`\b` + word + `s? (` + number + `(?:` + more + `)*)[.:]`)
	one := regexp.MustCompile(`(\d+)(?:[-–](\d+))?`)
	var found []int
	text = strings.Join(strings.Fields(text), " ") // a list may go over a line's end
	for _, match := range list.FindAllStringSubmatch(text, -1) {
		for _, ends := range one.FindAllStringSubmatch(match[1], -1) {
			first, _ := strconv.Atoi(ends[1])
			last := first
			if ends[2] != "" {
				last, _ = strconv.Atoi(ends[2])
			}
			for n := first; n <= last; n++ {
				found = append(found, n)
			}
		}
	}
	return found
}

// functionAt returns the name of the function that pos is in, its comment
// included, or an empty string.
func (f *file) functionAt(pos token.Pos) string {
	for _, decl := range f.ast.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		start := fn.Pos()
		if fn.Doc != nil {
			start = fn.Doc.Pos()
		}
		if start <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// testFunctions returns the names of the tests, fuzz tests and examples.
func (r *Repo) testFunctions() map[string]bool {
	names := make(map[string]bool)
	for _, f := range r.tests() {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
