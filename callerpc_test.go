package scope_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/supervisorscope/scope"
)

// Row 155: the site of a task comes from callerPC, which must tell what package
// runtime tells, in whatever way the caller came to its call.
func TestCallerPC_IsThatOfPackageRuntime(t *testing.T) {
	calls := map[string]func(*scope.Caller){
		"direct":  func(c *scope.Caller) { c.Call() },
		"closure": func(c *scope.Caller) { func() { c.Call() }() },
		"inlined": callerInlined,
		"interface": func(c *scope.Caller) {
			var i interface{ Call() } = c
			i.Call()
		},
		"method expression": func(c *scope.Caller) { (*scope.Caller).Call(c) },
		"goroutine": func(c *scope.Caller) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				c.Call()
			}()
			<-done
		},
		"deep": func(c *scope.Caller) { callerDeep(c, 100) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			var c scope.Caller
			call(&c)
			if c.Fast != c.Slow {
				t.Errorf("callerPC() = %#x (%s), want %#x (%s)",
					c.Fast, scope.Site(c.Fast), c.Slow, scope.Site(c.Slow))
			}
		})
	}
}

func callerInlined(c *scope.Caller) { c.Call() }

// callerDeep has the stack grow on the way.
func callerDeep(c *scope.Caller, depth int) {
	var frame [1024]byte
	if depth > 0 {
		callerDeep(c, depth-1)
	} else {
		c.Call()
	}
	runtime.KeepAlive(&frame)
}

// callerLine returns the number of the line that called it.
func callerLine() int {
	_, _, line, _ := runtime.Caller(1)
	return line
}

// callerSite returns the line of this file that site is about, or 0.
func callerSite(site string) (line int) {
	if _, after, ok := strings.Cut(site, "/callerpc_test.go:"); ok {
		line, _ = strconv.Atoi(after)
	}
	return line
}

func callerNothing(context.Context) error { return nil }

// Row 155: each verb records the line it was called in.
func TestSite_IsTheCallingLine(t *testing.T) {
	ctx := t.Context()
	s := scope.OpenSupervised(ctx)
	check := func(verb, got string, want int) {
		t.Helper()
		if callerSite(got) != want {
			t.Errorf("%s: Site = %s, want line %d", verb, got, want)
		}
	}
	var inner string
	see := func(ctx context.Context) error {
		inner = scope.TaskFrom(ctx).Info().Site
		return ctx.Err()
	}
	ready := func(ctx context.Context, ready func()) error {
		defer ready()
		return see(ctx)
	}
	number := func(context.Context) (int, error) { return 0, nil }
	text := func(context.Context) ([]string, error) { return nil, nil }

	check("Go", s.Go("", callerNothing).Info().Site, callerLine())
	check("Daemon", s.Daemon("", callerNothing).Info().Site, callerLine())
	check("Async", scope.Async(s, "", number).Info().Site, callerLine())
	check("Async", scope.Async(s, "", text).Info().Site, callerLine())
	tried, err := s.TryGo("", callerNothing)
	check("TryGo", tried.Info().Site, callerLine()-1)
	errDo := s.Do(ctx, "", see)
	check("Do", inner, callerLine()-1)
	started, errStart := s.Start(ctx, "", ready)
	check("Start", started.Info().Site, callerLine()-1)
	s.Defer("", see)
	want := callerLine() - 1
	if err := errors.Join(err, errDo, errStart, s.Drain(ctx)); err != nil {
		t.Error(err)
	}
	check("Defer", inner, want)
}

// Row 155: scopes, too, know the line that opened them.
func TestSite_OfScopes(t *testing.T) {
	ctx := t.Context()
	got := map[string]string{}
	see := func(name string) func(context.Context, *scope.Scope) error {
		return func(_ context.Context, s *scope.Scope) error {
			got[name] = s.Info().Site
			return s.Shutdown(ctx)
		}
	}
	first := callerLine()
	err1 := scope.Run(ctx, see("Run"))
	err2 := scope.Supervise(ctx, see("Supervise"))
	err3 := see("Open")(ctx, scope.Open(ctx))
	err4 := see("OpenSupervised")(ctx, scope.OpenSupervised(ctx))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Error(err)
	}
	for i, name := range []string{"Run", "Supervise", "Open", "OpenSupervised"} {
		if want := first + 1 + i; callerSite(got[name]) != want {
			t.Errorf("%s: Site = %s, want line %d", name, got[name], want)
		}
	}
}

// Row 155: the line is right from a closure, a deferred call, a go statement,
// and from a deferred call that runs because of a panic.
func TestSite_HoweverTheCallIsMade(t *testing.T) {
	s := scope.OpenSupervised(t.Context())
	sites := make(chan string)
	f := func(ctx context.Context) error {
		sites <- scope.TaskFrom(ctx).Info().Site
		return ctx.Err()
	}
	first := callerLine()
	func() { s.Go("closure", f) }()
	go s.Go("go statement", f)
	func() { defer s.Go("deferred", f) }()
	func() {
		defer func() { _ = recover() }()
		defer s.Go("panicking", f)
		panic("aua")
	}()
	last := callerLine()
	for range 4 {
		got := <-sites
		if line := callerSite(got); line <= first || line >= last {
			t.Errorf("Site = %s, want a line between %d and %d", got, first, last)
		}
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Row 155: a method value hides its caller behind a function that the compiler
// made. The site is not known then, and is not one of somebody else either.
func TestSite_OfAMethodValue(t *testing.T) {
	s := scope.OpenSupervised(t.Context())
	spawn := func(start func(string, func(context.Context) error) *scope.Task) string {
		return start("", callerNothing).Info().Site
	}
	want := callerLine() - 2
	if got := spawn(s.Go); callerSite(got) != want && got != "<autogenerated>:1" {
		t.Errorf("Site = %s, want line %d or <autogenerated>:1", got, want)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Row 155: callerPC is right only in a function that is not inlined, and with a
// profile (-pgo) the compiler inlines what it otherwise would not.
func TestCallerPC_VerbsAreNeverInlined(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	verbs := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && callerAsks(f) {
				verbs++
				callerIsMarked(t, f)
			}
		}
	}
	if verbs < 11 {
		t.Errorf("found %d functions that call callerPC, want 11 or more", verbs)
	}
}

// callerAsks reports whether f calls callerPC.
func callerAsks(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			id, ok := call.Fun.(*ast.Ident)
			found = found || ok && id.Name == "callerPC"
		}
		return true
	})
	return found
}

func callerIsMarked(t *testing.T, f *ast.FuncDecl) {
	t.Helper()
	for _, c := range f.Doc.List {
		if c.Text == "//go:noinline" {
			return
		}
	}
	t.Errorf("%s calls callerPC and is not marked go:noinline", f.Name.Name)
}
