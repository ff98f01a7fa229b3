package arch

import (
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"strings"
)

// API renders the exported declarations of the root module's public packages,
// a line for each constant, variable, function, method, type, field and method
// of an interface, sorted. Comments, function bodies and values are left out.
func (r *Repo) API() string {
	var lines []string
	for _, f := range r.source() {
		if !r.isPublic(f) {
			continue
		}
		a := apiFile{prefix: "pkg " + apiName(f.dir) + ", "}
		for _, decl := range f.ast.Decls {
			a.decl(decl)
		}
		lines = append(lines, a.lines...)
	}
	slices.Sort(lines)
	// A declaration made once per operating system is listed once.
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

func (r *Repo) isPublic(f *file) bool {
	return f.module == r.root() && !isInternal(f.dir) && f.ast.Name.Name != "main" &&
		!within(f.dir, "examples")
}

func apiName(dir string) string {
	if dir == "." {
		return "scope"
	}
	return dir
}

// CoreNames returns the exported top-level names of the core, sorted: what its
// user has to learn, methods and fields aside.
func (r *Repo) CoreNames() []string {
	var names []string
	for _, f := range r.core() {
		for _, decl := range f.ast.Decls {
			names = append(names, declared(decl)...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
	slices.Sort(names)
	return slices.Compact(names)
}

// declared returns the top-level names that decl declares.
func declared(decl ast.Decl) []string {
	var names []string
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Recv == nil {
			names = append(names, decl.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				names = append(names, spec.Name.Name)
			case *ast.ValueSpec:
				for _, id := range spec.Names {
					names = append(names, id.Name)
				}
			}
		}
	}
	return names
}

// apiFile collects the lines of one file.
type apiFile struct {
	prefix string
	lines  []string
}

func (a *apiFile) add(line ...string) {
	a.lines = append(a.lines, a.prefix+strings.Join(line, ""))
}

func (a *apiFile) decl(decl ast.Decl) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		a.function(decl)
	case *ast.GenDecl:
		var repeated ast.Expr // the type of a constant without one of its own, as with iota
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				a.typ(spec)
			case *ast.ValueSpec:
				if spec.Type != nil || spec.Values != nil {
					repeated = spec.Type
				}
				a.values(decl.Tok, spec, repeated)
			}
		}
	}
}

func (a *apiFile) function(fn *ast.FuncDecl) {
	signature := strings.TrimPrefix(render(fn.Type), "func")
	switch {
	case !fn.Name.IsExported():
	case fn.Recv == nil:
		a.add("func ", fn.Name.Name, signature)
	default:
		receiver := fn.Recv.List[0].Type
		if ast.IsExported(baseName(receiver)) {
			a.add("method (", render(receiver), ") ", fn.Name.Name, signature)
		}
	}
}

// baseName returns the name of a receiver's type: Future of *Future[T].
func baseName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return baseName(x.X)
	case *ast.IndexExpr:
		return baseName(x.X)
	case *ast.IndexListExpr:
		return baseName(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

func (a *apiFile) values(tok token.Token, spec *ast.ValueSpec, repeated ast.Expr) {
	for i, name := range spec.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		switch {
		case spec.Type != nil:
			line += " " + render(spec.Type)
		case tok == token.CONST && repeated != nil:
			line += " " + render(repeated)
		case i < len(spec.Values) && makesError(spec.Values[i]):
			line += " error"
		}
		a.add(line)
	}
}

func (a *apiFile) typ(spec *ast.TypeSpec) {
	if !spec.Name.IsExported() {
		return
	}
	name := "type " + spec.Name.Name
	head := name + typeParams(spec) + " "
	switch t := spec.Type.(type) {
	case *ast.StructType:
		a.add(head, "struct")
		a.members(name+" struct, ", t.Fields)
	case *ast.InterfaceType:
		a.add(head, "interface")
		a.members(name+" interface, ", t.Methods)
	default:
		if spec.Assign.IsValid() {
			head += "= "
		}
		a.add(head, render(spec.Type))
	}
}

func typeParams(spec *ast.TypeSpec) string {
	if spec.TypeParams == nil {
		return ""
	}
	// Only a function type prints its type parameters.
	text := render(&ast.FuncType{TypeParams: spec.TypeParams, Params: &ast.FieldList{}})
	return strings.TrimSuffix(strings.TrimPrefix(text, "func"), "()")
}

// members adds the exported fields of a struct or methods of an interface.
func (a *apiFile) members(prefix string, fields *ast.FieldList) {
	for _, field := range fields.List {
		if len(field.Names) == 0 {
			a.embedded(prefix, field.Type)
		}
		for _, name := range field.Names {
			signature, isFunc := field.Type.(*ast.FuncType)
			isMethod := isFunc && strings.HasSuffix(prefix, " interface, ")
			switch {
			case isMethod && name.IsExported():
				a.add(prefix, name.Name, strings.TrimPrefix(render(signature), "func"))
			case isMethod:
				a.add(prefix, "unexported methods")
			case name.IsExported():
				a.add(prefix, name.Name, " ", render(field.Type))
			}
		}
	}
}

func (a *apiFile) embedded(prefix string, typ ast.Expr) {
	// A name without a package and in lower case is ours and not exported, but
	// for error.
	if name := baseName(typ); name == "" || name == "error" || ast.IsExported(name) {
		a.add(prefix, "embedded ", render(typ))
	}
}

// render prints an expression in one line.
func render(x ast.Expr) string {
	var b strings.Builder
	// A file set without the positions of x knows no line breaks.
	if err := printer.Fprint(&b, token.NewFileSet(), x); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
