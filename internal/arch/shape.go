package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"iter"
	"path"
	"slices"
	"strings"
)

const (
	maxLines     = 500
	maxTestLines = 800
)

// FileSizes checks that no file is longer than 500 lines, no test file longer
// than 800.
func (r *Repo) FileSizes() []string {
	var found []string
	for _, f := range r.files {
		limit := maxLines
		if f.test {
			limit = maxTestLines
		}
		if n := f.lines(); n > limit {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d: split it by role",
				f.path, n, limit))
		}
	}
	return found
}

// PackageComments checks that each package has one package comment, in doc.go,
// or in main.go if it is a command.
func (r *Repo) PackageComments() []string {
	var found []string
	commented := make(map[string]string) // by directory, the file with the comment
	packages := make(map[string]*file)   // by directory, any file
	for _, f := range r.source() {
		packages[f.dir] = f
		if f.ast.Doc == nil {
			continue
		}
		if first, ok := commented[f.dir]; ok {
			found = append(found, fmt.Sprintf("%s: a second package comment, after that of %s",
				f.path, first))
		}
		commented[f.dir] = f.path
		if reason := badPackageComment(f); reason != "" {
			found = append(found, r.at(f.ast.Doc.Pos(), "%s", reason))
		}
	}
	for dir, f := range packages {
		if commented[dir] == "" {
			found = append(found, fmt.Sprintf("%s: package %s has no comment; put one into doc.go",
				dir, f.ast.Name.Name))
		}
	}
	slices.Sort(found)
	return found
}

func badPackageComment(f *file) string {
	name, base := f.ast.Name.Name, path.Base(f.path)
	switch {
	case name == "main" && (base == "main.go" || base == "doc.go"):
		return ""
	case name == "main":
		return "the comment of a command belongs into main.go or doc.go"
	case base != "doc.go":
		return "the package comment belongs into doc.go"
	case !strings.HasPrefix(f.ast.Doc.Text(), "Package "+name+" "):
		return "the package comment must begin: Package " + name
	}
	return ""
}

// Inits checks that there is no init function, in tests neither: what runs
// before main is not seen by the reader of main.
func (r *Repo) Inits() []string {
	var found []string
	for _, f := range r.files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, r.at(fn.Pos(), "init: do it in main, or in a constructor"))
			}
		}
	}
	return found
}

// spawnFile is the one file of the core with go statements.
const spawnFile = "spawn.go"

// GoStatements checks that the core starts goroutines in one file only, where
// the comments say what ends each of them.
func (r *Repo) GoStatements() []string {
	var found []string
	for _, f := range r.core() {
		if f.path == spawnFile {
			continue
		}
		for n := range ast.Preorder(f.ast) {
			if stmt, ok := n.(*ast.GoStmt); ok {
				found = append(found, r.at(stmt.Pos(), "a go statement outside of %s", spawnFile))
			}
		}
	}
	return found
}

// Sleeps checks that nothing but a test sleeps: waiting for a time in place of
// an event is too long or too short.
func (r *Repo) Sleeps() []string {
	var found []string
	for _, f := range r.source() {
		name := localName(f.ast, "time")
		for n := range ast.Preorder(f.ast) {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Sleep" && isIdent(s.X, name) {
				found = append(found, r.at(s.Pos(),
					"time.Sleep: wait for the event, or for a timer and the context"))
			}
		}
	}
	return found
}

// localName returns the name under which f imports a package of one element,
// or an empty string.
func localName(f *ast.File, imported string) string {
	for _, spec := range f.Imports {
		switch {
		case importPath(spec) != imported:
		case spec.Name != nil:
			return spec.Name.Name
		default:
			return imported
		}
	}
	return ""
}

func isIdent(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}

// allowedGlobals are the variables of the core that are not errors.
func allowedGlobals() []string {
	return []string{
		"cancelKey", // learned once, then constant; see the decision "the task is the context"
		"roots",     // the weak registry of scopes without a parent
		"sites",     // a cache of what the program's own symbols say
	}
}

// Globals checks that the core has no package-level variables but errors,
// interface checks and those of a short list.
func (r *Repo) Globals() []string {
	var found []string
	allowed := allowedGlobals()
	for _, f := range r.core() {
		for spec := range varSpecs(f.ast) {
			for i, id := range spec.Names {
				if id.Name != "_" && !slices.Contains(allowed, id.Name) && !isSentinel(spec, i) {
					found = append(found, r.at(id.Pos(), "variable %s: the core has no global "+
						"state; make it a constant, a function or a field", id.Name))
				}
			}
		}
	}
	return found
}

// varSpecs yields the package-level variable declarations of f.
func varSpecs(f *ast.File) iter.Seq[*ast.ValueSpec] {
	return func(yield func(*ast.ValueSpec) bool) {
		for _, decl := range f.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			for _, spec := range group.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && !yield(v) {
					return
				}
			}
		}
	}
}

// isSentinel reports whether the i-th name of spec is an error made by
// errors.New or fmt.Errorf and named like one.
func isSentinel(spec *ast.ValueSpec, i int) bool {
	name := spec.Names[i].Name
	if !strings.HasPrefix(name, "Err") && !strings.HasPrefix(name, "err") || i >= len(spec.Values) {
		return false
	}
	return makesError(spec.Values[i])
}

func makesError(x ast.Expr) bool {
	call, ok := x.(*ast.CallExpr)
	if !ok {
		return false
	}
	fn, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (isIdent(fn.X, "errors") && fn.Sel.Name == "New" ||
		isIdent(fn.X, "fmt") && fn.Sel.Name == "Errorf")
}
