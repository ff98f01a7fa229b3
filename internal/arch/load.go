package arch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Repo is the source of a repository, parsed. It is not changed after Load.
type Repo struct {
	fsys     fs.FS
	fset     *token.FileSet
	modules  []*module // innermost first
	files    []*file   // by path
	markdown []string  // the paths of **/*.md
	docs     []string  // those of README.md and of docs/**/*.md
}

// A module is a directory with a go.mod.
type module struct {
	dir  string // "." for the root module
	path string // its module path
	mod  string // the text of go.mod
}

// A file is a Go source file.
type file struct {
	path   string
	dir    string // of path; "." for the core
	module *module
	test   bool
	src    []byte
	ast    *ast.File
}

// Load parses the Go files of all modules in fsys, whatever system they are
// for. Directories named testdata, and hidden ones, are passed over.
func Load(fsys fs.FS) (*Repo, error) {
	r := &Repo{fsys: fsys, fset: token.NewFileSet()}
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skip(d.Name())
		}
		errs = append(errs, r.load(name))
		return nil
	})
	r.assignModules()
	if r.moduleOf(".") == nil {
		errs = append(errs, errors.New("go.mod: the root module is missing"))
	}
	return r, errors.Join(append(errs, err)...)
}

func skip(dir string) error {
	hidden := dir != "." && (strings.HasPrefix(dir, ".") || strings.HasPrefix(dir, "_"))
	if hidden || dir == "testdata" || dir == "vendor" {
		return fs.SkipDir
	}
	return nil
}

func (r *Repo) load(name string) error {
	switch {
	case path.Base(name) == "go.mod":
		return r.loadModule(name)
	case path.Ext(name) == ".go":
		return r.loadGo(name)
	case path.Ext(name) == ".md":
		r.markdown = append(r.markdown, name)
		if name == "README.md" || strings.HasPrefix(name, "docs/") {
			r.docs = append(r.docs, name)
		}
	}
	return nil
}

func (r *Repo) loadModule(name string) error {
	text, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if modulePath, ok := strings.CutPrefix(line, "module "); ok {
			r.modules = append(r.modules, &module{
				dir: path.Dir(name), path: strings.TrimSpace(modulePath), mod: string(text),
			})
			return nil
		}
	}
	return fmt.Errorf("%s: no module line", name)
}

func (r *Repo) loadGo(name string) error {
	src, err := fs.ReadFile(r.fsys, name)
	if err != nil {
		return err
	}
	mode := parser.ParseComments | parser.SkipObjectResolution
	parsed, err := parser.ParseFile(r.fset, name, src, mode)
	if err != nil {
		return err
	}
	r.files = append(r.files, &file{
		path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
		src: src, ast: parsed,
	})
	return nil
}

func (r *Repo) assignModules() {
	slices.SortFunc(r.modules, func(a, b *module) int {
		return cmp.Or(cmp.Compare(len(b.dir), len(a.dir)), cmp.Compare(a.dir, b.dir))
	})
	for _, f := range r.files {
		f.module = r.moduleOf(f.dir)
	}
}

// moduleOf returns the module that dir belongs to, or nil if there is none.
func (r *Repo) moduleOf(dir string) *module {
	for _, m := range r.modules {
		if within(dir, m.dir) {
			return m
		}
	}
	return nil
}

// root returns the root module.
func (r *Repo) root() *module {
	return r.moduleOf(".")
}

// within reports whether dir is parent or below it.
func within(dir, parent string) bool {
	return parent == "." || dir == parent || strings.HasPrefix(dir, parent+"/")
}

// source returns the files that are not tests.
func (r *Repo) source() []*file {
	return slices.DeleteFunc(slices.Clone(r.files), func(f *file) bool { return f.test })
}

// tests returns the test files.
func (r *Repo) tests() []*file {
	return slices.DeleteFunc(slices.Clone(r.files), func(f *file) bool { return !f.test })
}

// core returns the files of package scope that are not tests.
func (r *Repo) core() []*file {
	return slices.DeleteFunc(r.source(), func(f *file) bool { return f.dir != "." })
}

// at formats a violation at a position in a Go file.
func (r *Repo) at(pos token.Pos, format string, args ...any) string {
	p := r.fset.Position(pos)
	return fmt.Sprintf("%s:%d: ", p.Filename, p.Line) + fmt.Sprintf(format, args...)
}

func (f *file) lines() int { return bytes.Count(f.src, []byte("\n")) }

// dirs returns the directories with Go files, sorted.
func (r *Repo) dirs() []string {
	var dirs []string
	for _, f := range r.files {
		dirs = append(dirs, f.dir)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
