package arch

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Modules checks that the root module requires nothing and that each module is
// named by its directory.
func (r *Repo) Modules() []string {
	root := r.root()
	var found []string
	for line := range strings.Lines(root.mod) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "require" || word == "replace" || word == "tool" {
			found = append(found, "go.mod: "+word+": the root module depends on nothing but Go")
		}
	}
	for _, m := range r.modules {
		if want := path.Join(root.path, m.dir); m.path != want {
			found = append(found, path.Join(m.dir, "go.mod")+": the module must be named "+want)
		}
	}
	return found
}

// Imports checks the directions of imports, which run one way: from the
// command over the packages beside the core to the core, and from there to the
// standard library.
func (r *Repo) Imports() []string {
	var found []string
	for _, f := range r.files {
		for _, spec := range f.ast.Imports {
			if reason := r.forbidden(f, importPath(spec)); reason != "" {
				found = append(found, r.at(spec.Pos(), "import %s: %s", spec.Path.Value, reason))
			}
		}
	}
	return found
}

func importPath(spec *ast.ImportSpec) string {
	unquoted, _ := strconv.Unquote(spec.Path.Value)
	return unquoted
}

// forbidden says why f may not import imported, or nothing if it may.
func (r *Repo) forbidden(f *file, imported string) string {
	target, ours := r.dirOf(imported)
	switch {
	case ours:
		return r.forbiddenOurs(f, target)
	case !isStd(imported):
		if f.module == r.root() {
			return "the root module uses the standard library only; others need a nested module"
		}
		return ""
	case f.test || f.module != r.root():
		return ""
	default:
		return forbiddenStd(f.dir, imported)
	}
}

// dirOf returns the directory of a package of this repository.
func (r *Repo) dirOf(imported string) (dir string, ours bool) {
	root := r.root().path
	if imported == root {
		return ".", true
	}
	return strings.CutPrefix(imported, root+"/")
}

// isStd reports whether imported is of the standard library: the first element
// of all other paths is a domain.
func isStd(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

// forbiddenStd keeps the core, and the helpers that it is built on, to what it
// is for.
func forbiddenStd(dir, imported string) string {
	if dir != "." && !isInternal(dir) || dir == archDir {
		return ""
	}
	switch {
	case within(imported, "log"):
		return "the core knows no logger; a handler may log, see slogscope"
	case within(imported, "net"):
		return "the core opens no connection; see inspect"
	case imported == "os/signal":
		return "the core leaves signals to package program"
	case imported == "reflect":
		return "the core does not reflect"
	}
	return ""
}

const (
	archDir     = "internal/arch"
	internalDir = "internal"
)

// isInternal reports whether dir can be imported within its module only.
func isInternal(dir string) bool {
	return slices.Contains(strings.Split(dir, "/"), internalDir)
}

// forbiddenOurs says why f may not import the package in target.
func (r *Repo) forbiddenOurs(f *file, target string) string {
	to := r.moduleOf(target)
	switch {
	case to == f.module && (f.test || to != r.root()):
		return "" // the compiler sees to cycles
	case to != r.root() && f.module == r.root():
		return "the root module imports no nested module"
	case to == f.module:
		return forbiddenSibling(f.dir, target)
	case isInternal(target):
		return "a nested module uses no internal package: it is built with any version of them"
	case to != r.root() && !joins(f.module.dir):
		return "nested modules do not import each other; only cmd, bench and verify join them"
	}
	return ""
}

// forbiddenSibling says why dir may not import target, both of the root module.
func forbiddenSibling(dir, target string) string {
	allowed := siblings(dir)
	covers := func(a string) bool {
		return target == a || a != "." && within(target, a)
	}
	switch {
	case slices.ContainsFunc(allowed, covers):
		return ""
	case dir == ".":
		return "the core imports nothing of the module but internal"
	}
	return "of the module, " + dir + " imports only " + strings.Join(allowed, ", ") +
		" (. is the core); if it needs more, the core's API is wrong"
}

// joins reports whether the nested module in dir may import other nested ones.
func joins(dir string) bool {
	return slices.ContainsFunc([]string{"cmd", "bench", "verify"}, func(parent string) bool {
		return within(dir, parent)
	})
}

// siblings returns the directories whose packages, and those below them, the
// package in dir may import, all in the root module; "." is the core alone. The
// list follows the diagram of the design: supervisor, gather and process use the
// core only.
func siblings(dir string) []string {
	top, _, _ := strings.Cut(dir, "/")
	switch top {
	case ".", internalDir:
		return []string{internalDir}
	case "inspect":
		// It joins the tasks with their stacks.
		return []string{".", internalDir, top}
	case "fleet", "program":
		return []string{".", "gather", "supervisor", top}
	case "examples":
		return []string{
			".", "fleet", "gather", "inspect", "process", "program", "scopetest", "slogscope",
			"supervisor",
		}
	default:
		return []string{".", top}
	}
}
