package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// A mutant is one change of one piece of one file of the core.
type mutant struct {
	id         int // which the variable in the changed core is compared with
	file, what string
	line       int
	change     change
	from, to   int // byte offsets
	op         int // of an operator, the offset of it
	old, new   string
}

// A change is a kind of mutant, in the order in which those of the same piece are
// nested.
type change int

const (
	dropped change = iota + 1
	negated
	operator
	constant
)

func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.what) }

// mutants returns all of a file.
func mutants(core, file string) ([]mutant, error) {
	text, err := os.ReadFile(filepath.Join(core, file))
	if err != nil {
		return nil, err
	}
	f := finder{file: file, text: string(text), positions: token.NewFileSet()}
	tree, err := parser.ParseFile(f.positions, file, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for n := range ast.Preorder(tree) {
		f.visit(n)
	}
	return f.found, nil
}

// A finder collects the mutants of one file.
type finder struct {
	file, text string
	positions  *token.FileSet
	found      []mutant
}

func (f *finder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.negate(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			f.negate(n.Cond)
		}
	case *ast.BinaryExpr:
		f.exchange(n)
	case *ast.Ident:
		f.flip(n)
	case *ast.BlockStmt:
		f.drop(n.List)
	case *ast.CaseClause:
		f.drop(n.Body)
	}
}

func (f *finder) negate(cond ast.Expr) {
	f.add(cond, mutant{change: negated, what: "negated: " + f.piece(cond)})
}

// exchange moves a boundary by one, or takes one condition of two for both.
func (f *finder) exchange(n *ast.BinaryExpr) {
	others := map[token.Token]token.Token{
		token.LSS: token.LEQ, token.LEQ: token.LSS,
		token.GTR: token.GEQ, token.GEQ: token.GTR,
		token.LAND: token.LOR, token.LOR: token.LAND,
	}
	if other, ok := others[n.Op]; ok {
		f.add(n, mutant{
			change: operator, op: f.offset(n.OpPos), old: n.Op.String(), new: other.String(),
			what: fmt.Sprintf("%v for %v: %s", other, n.Op, f.piece(n)),
		})
	}
}

// flip says the opposite of a constant.
func (f *finder) flip(n *ast.Ident) {
	if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
		line := strings.TrimSpace(f.lineAt(f.offset(n.Pos())))
		f.add(n, mutant{
			change: constant, old: n.Name, new: other,
			what: fmt.Sprintf("%s for %s: %s", other, n.Name, line),
		})
	}
}

// drop leaves out each statement that can be missing.
func (f *finder) drop(list []ast.Stmt) {
	for _, stmt := range list {
		switch stmt := stmt.(type) {
		case *ast.ExprStmt:
			if strings.HasPrefix(f.piece(stmt), "race") {
				continue // does nothing in a build without the race detector
			}
		case *ast.IncDecStmt, *ast.DeferStmt:
		case *ast.AssignStmt:
			if stmt.Tok == token.DEFINE {
				continue
			}
		default:
			continue
		}
		f.add(stmt, mutant{change: dropped, what: "dropped: " + f.piece(stmt)})
	}
}

func (f *finder) add(n ast.Node, m mutant) {
	m.file = f.file
	m.from, m.to = f.offset(n.Pos()), f.offset(n.End())
	m.line = 1 + strings.Count(f.text[:m.from], "\n")
	if first, _, more := strings.Cut(m.what, "\n"); more {
		m.what = first + " …"
	}
	f.found = append(f.found, m)
}

func (f *finder) offset(pos token.Pos) int { return f.positions.Position(pos).Offset }
func (f *finder) piece(n ast.Node) string  { return f.text[f.offset(n.Pos()):f.offset(n.End())] }

// lineAt returns the line of the text that has the offset.
func (f *finder) lineAt(offset int) string {
	from := strings.LastIndexByte(f.text[:offset], '\n') + 1
	line, _, _ := strings.Cut(f.text[from:], "\n")
	return line
}
