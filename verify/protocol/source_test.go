package protocol_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	// Its source is read: go test must not answer from its cache when that has changed.
	_ "github.com/supervisorscope/scope"
)

const core = "../.."

// The model's phases are those of the core, in the same order: who adds one to
// state.go has to say here how the scope gets there and what may happen in it.
func TestPhases(t *testing.T) {
	want := constants(t, filepath.Join(core, "state.go"), "phase")
	for i, name := range want {
		want[i] = strings.TrimPrefix(name, "phase")
	}
	if got := constants(t, "state.go", "Phase"); !slices.Equal(got, want) {
		t.Errorf("phases of the model: %v, of the core: %v", got, want)
	}
}

// The core moves a scope from phase to phase in these functions, and no others.
// Each has its counterpart in the model.
func TestMoves(t *testing.T) {
	want := map[string]string{
		"newScope":   "phaseOpen",     // Config
		"drain":      "phaseDraining", // stepCaller
		"close":      "phaseClosed",   // Scope.cancel
		"settleOpen": "phaseClosed",   // Scope.settle
		"settle":     "phaseCleaning", // Scope.settle
		"finish":     "phaseEnded",    // Scope.finish
	}
	if got := moves(t); !maps.Equal(got, want) {
		t.Errorf("the core moves scopes in %v, the model in %v", got, want)
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// constants returns the names of the block of constants that begins with one of
// type typ.
func constants(t *testing.T, path, typ string) (names []string) {
	t.Helper()
	for _, decl := range parse(t, path).Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		first := block.Specs[0].(*ast.ValueSpec)
		if id, ok := first.Type.(*ast.Ident); !ok || id.Name != typ {
			continue
		}
		for _, spec := range block.Specs {
			names = append(names, spec.(*ast.ValueSpec).Names[0].Name)
		}
	}
	return names
}

// moves returns, by function, the phase that the core assigns in it.
func moves(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(core, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, decl := range parse(t, path).Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				note(found, fn)
			}
		}
	}
	return found
}

func note(found map[string]string, fn *ast.FuncDecl) {
	for n := range ast.Preorder(fn.Body) {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) > len(assign.Rhs) {
			continue
		}
		for i, left := range assign.Lhs {
			sel, ok := left.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "phase" {
				continue
			}
			if id, ok := assign.Rhs[i].(*ast.Ident); ok {
				found[fn.Name.Name] += id.Name
			}
		}
	}
}
