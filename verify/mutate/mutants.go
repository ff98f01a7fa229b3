package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
)

// A mutant is the core with one piece of one file replaced.
type mutant struct {
	file, what  string
	line        int
	from, to    int // byte offsets
	replacement string
}

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// apply returns the text of the changed file.
func (m mutant) apply(core string) (string, error) {
	text, err := os.ReadFile(filepath.Join(core, m.file))
	if err != nil {
		return "", err
	}
	return string(text[:m.from]) + m.replacement + string(text[m.to:]), nil
}

// mutants returns all of a file.
func mutants(core, file string) ([]mutant, error) { //nolint:gocognit // a table of cases
	text, err := os.ReadFile(filepath.Join(core, file))
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []mutant
	add := func(n ast.Node, what, before, after string) {
		from, to := files.Position(n.Pos()).Offset, files.Position(n.End()).Offset
		piece := string(text[from:to])
		m := mutant{
			file: file, line: files.Position(n.Pos()).Line, from: from, to: to,
			what: what + ": " + firstLine(piece),
		}
		if before != "" {
			m.replacement = before + piece + after
		}
		found = append(found, m)
	}
	for n := range ast.Preorder(tree) {
		switch n := n.(type) {
		case *ast.IfStmt:
			add(n.Cond, "negated", "!(", ")")
		case *ast.ForStmt:
			if n.Cond != nil {
				add(n.Cond, "negated", "!(", ")")
			}
		case *ast.BlockStmt:
			for _, stmt := range n.List {
				drop(stmt, add)
			}
		case *ast.CaseClause:
			for _, stmt := range n.Body {
				drop(stmt, add)
			}
		}
	}
	return found, nil
}

// drop adds the mutant without stmt, if stmt is one that can be missing.
func drop(stmt ast.Stmt, add func(n ast.Node, what, before, after string)) {
	switch stmt := stmt.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
		add(stmt, "dropped", "", "")
	case *ast.AssignStmt:
		if stmt.Tok != token.DEFINE {
			add(stmt, "dropped", "", "")
		}
	}
}

func firstLine(text string) string {
	for i, r := range text {
		if r == '\n' {
			return text[:i] + " …"
		}
	}
	return text
}
