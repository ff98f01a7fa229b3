package arch

import (
	"fmt"
	"go/ast"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// A block is a fenced block of a document. The line above it may say where it
// comes from:
//
//	<!-- example: scope_test.ExampleRun -->      the body of that example
//	<!-- file: examples/hello/main.go -->        that whole file
//	<!-- output: ExampleRun -->                  what that example prints
type block struct {
	at     string // "README.md:12"
	isGo   bool
	kind   string // example, file, output, or empty
	source string
	body   string
}

// DocsCode checks that each Go block in README.md and docs says where it comes
// from, and equals it but for indentation: code in documents that no compiler
// and no test sees is wrong sooner or later.
func (r *Repo) DocsCode() []string {
	var found []string
	for _, name := range r.docs {
		text, err := fs.ReadFile(r.fsys, name)
		if err != nil {
			return []string{err.Error()}
		}
		blocks, stray := parseBlocks(name, string(text))
		found = append(found, stray...)
		for _, b := range blocks {
			if reason := r.badBlock(b); reason != "" {
				found = append(found, b.at+": "+reason)
			}
		}
	}
	return found
}

// parseBlocks returns the fenced blocks of a document, and the annotations that
// stand above none.
func parseBlocks(name, text string) (blocks []block, stray []string) {
	annotation := regexp.MustCompile(`^<!-- (example|file|output): (\S+) -->$`)
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		at := fmt.Sprintf("%s:%d", name, i+1)
		note := annotation.FindStringSubmatch(strings.TrimSpace(lines[i]))
		if note != nil {
			i++
		}
		fence := ""
		if i < len(lines) {
			fence = fenceOf(lines[i])
		}
		switch {
		case fence == "" && note != nil:
			stray = append(stray, at+": no block stands below the annotation")
			i--
		case fence != "":
			end := closing(lines, i+1, fence)
			b := block{at: at, isGo: isGoFence(lines[i]), body: strings.Join(lines[i+1:end], "\n")}
			if note != nil {
				b.kind, b.source = note[1], note[2]
			}
			blocks = append(blocks, b)
			i = end
		}
	}
	return blocks, stray
}

// fenceOf returns the backquotes that line begins with, if they are a fence.
func fenceOf(line string) string {
	line = strings.TrimSpace(line)
	fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
	if len(fence) < len("```") {
		return ""
	}
	return fence
}

// closing returns the index of the line that closes a fence, or of the end.
func closing(lines []string, start int, fence string) int {
	for i := start; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) == fence {
			return i
		}
	}
	return len(lines)
}

func isGoFence(line string) bool {
	language, _, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "`"), " ")
	return strings.EqualFold(language, "go") || strings.EqualFold(language, "golang")
}

func (r *Repo) badBlock(b block) string {
	switch b.kind {
	case "example":
		code, _, problem := r.example(b.source)
		return firstOf(problem, differs(b.body, code, b.source))
	case "file":
		text, err := fs.ReadFile(r.fsys, b.source)
		if err != nil {
			return "no file " + b.source
		}
		return differs(b.body, string(text), b.source)
	}
	switch {
	case b.isGo:
		return "a Go block needs <!-- example: NAME --> or <!-- file: PATH --> on the line above"
	case b.kind == "output":
		_, output, problem := r.example(b.source)
		return firstOf(problem, differs(b.body, output, "the output of "+b.source))
	}
	return ""
}

// firstOf returns problem if there is one, else other.
func firstOf(problem, other string) string {
	if problem != "" {
		return problem
	}
	return other
}

// example returns the body of an example without its output, and the output.
// Its name may have the package in front.
func (r *Repo) example(name string) (code, output, problem string) {
	pkg, function, qualified := strings.Cut(name, ".")
	if !qualified {
		pkg, function = "", name
	}
	matches := 0
	for _, f := range r.tests() {
		if qualified && f.ast.Name.Name != pkg {
			continue
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == function {
				matches++
				code, output = r.splitExample(f, fn)
			}
		}
	}
	switch {
	case matches == 0 || !strings.HasPrefix(function, "Example"):
		return "", "", "no example " + name
	case matches > 1:
		return "", "", name + " is ambiguous; put its package in front"
	}
	return code, output, ""
}

// splitExample cuts the source of an example's body at its output comment.
func (r *Repo) splitExample(f *file, fn *ast.FuncDecl) (code, output string) {
	offset := func(n ast.Node) int { return r.fset.Position(n.Pos()).Offset }
	start, end := offset(fn.Body)+1, r.fset.Position(fn.Body.Rbrace).Offset
	marker := regexp.MustCompile(`(?i)^\s*(unordered )?output:`)
	for _, group := range f.ast.Comments {
		inside := fn.Body.Pos() < group.Pos() && group.End() < fn.Body.End()
		if text := group.Text(); inside && marker.MatchString(text) {
			return string(f.src[start:offset(group)]), marker.ReplaceAllString(text, "")
		}
	}
	return string(f.src[start:end]), ""
}

// differs compares two texts line by line, indentation and blank lines at
// either end aside.
func differs(got, want, source string) string {
	g, w := bareLines(got), bareLines(want)
	for i, line := range w {
		switch {
		case i >= len(g):
			return fmt.Sprintf("ends before %q of %s", line, source)
		case g[i] != line:
			return fmt.Sprintf("has %q where %s has %q", g[i], source, line)
		}
	}
	if len(g) > len(w) {
		return fmt.Sprintf("has %q, which is not in %s", g[len(w)], source)
	}
	return ""
}

func bareLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	blank := func(line string) bool { return line == "" }
	first := slices.IndexFunc(lines, func(line string) bool { return !blank(line) })
	if first < 0 {
		return nil
	}
	for blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return lines[first:]
}
