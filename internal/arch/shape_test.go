package arch_test

import (
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

func TestRepo_FileSizes(t *testing.T) {
	file := func(name string, lines int) string {
		return "-- " + name + " --\npackage p\n" + strings.Repeat("\n", lines-1)
	}
	checkRule(t, (*arch.Repo).FileSizes, []ruleTest{
		{name: "kept", files: file("a.go", 500) + file("a_test.go", 800)},
		{
			name:  "too long",
			files: file("a.go", 501) + file("cmd/a_test.go", 801),
			want:  []string{"a.go: 501 lines", "cmd/a_test.go: 801 lines"},
		},
	})
}

func TestRepo_PackageComments(t *testing.T) {
	checkRule(t, (*arch.Repo).PackageComments, []ruleTest{
		{
			name: "kept",
			files: `-- doc.go --
// Package scope owns.
package scope
-- scope.go --
//go:build linux

// About the file.

package scope
-- scope_internal_test.go --
// In the package, because it breaks it.
package scope
-- cmd/x/main.go --
// Command x does.
package main
`,
		},
		{
			name:  "none",
			files: "-- a/a.go --\npackage a\n",
			want:  []string{"a: package a has no"},
		},
		{
			name:  "in another file",
			files: "-- a/a.go --\n// Package a is.\npackage a\n",
			want:  []string{"a/a.go:1: the package comment belongs into doc.go"},
		},
		{
			name: "two",
			files: "-- doc.go --\n// Package a is.\npackage a\n" +
				"-- main.go --\n// It is.\npackage a\n",
			want: []string{"main.go: a second", "main.go:1: the package comment belongs"},
		},
		{
			name:  "about something else",
			files: "-- doc.go --\n// Package b is.\npackage a\n",
			want:  []string{"doc.go:1: the package comment must begin: Package a"},
		},
		{
			name:  "a command",
			files: "-- cmd/x/run.go --\n// Command x is.\npackage main\n",
			want:  []string{"cmd/x/run.go:1: the comment of a command"},
		},
	})
}

func TestRepo_Inits(t *testing.T) {
	checkRule(t, (*arch.Repo).Inits, []ruleTest{
		{name: "kept", files: "-- a.go --\npackage a\n\nfunc (t T) init() {}\n"},
		{
			name: "broken",
			files: `-- a.go --
package a

func init() {}
-- b/b_test.go --
package b

func init() {}
`,
			want: []string{"a.go:3: init", "b/b_test.go:3: init"},
		},
	})
}

func TestRepo_GoStatements(t *testing.T) {
	const starts = `package scope

func f() {
	func() {
		go f()
	}()
}
`
	checkRule(t, (*arch.Repo).GoStatements, []ruleTest{
		{
			name: "kept",
			files: "-- spawn.go --\n" + starts + "-- a_test.go --\n" + starts +
				"-- process/pipe.go --\n" + starts,
		},
		{
			name:  "broken",
			files: "-- watch.go --\n" + starts,
			want:  []string{"watch.go:5: a go statement"},
		},
	})
}

func TestRepo_Sleeps(t *testing.T) {
	sleeps := func(name, imported, pkg string) string {
		return "-- " + name + " --\npackage a\n\nimport " + imported + "\n\nfunc f() { " + pkg +
			".Sleep(1) }\n"
	}
	checkRule(t, (*arch.Repo).Sleeps, []ruleTest{
		{
			name:  "kept",
			files: sleeps("a_test.go", `"time"`, "time") + sleeps("a.go", `"bed"`, "time"),
		},
		{
			name: "broken",
			files: "-- bench/go.mod --\nmodule x\n" + sleeps("bench/b.go", `"time"`, "time") +
				sleeps("c/c.go", `clock "time"`, "clock"),
			want: []string{"bench/b.go:5: time.Sleep", "c/c.go:5: time.Sleep"},
		},
	})
}

func TestRepo_Globals(t *testing.T) {
	checkRule(t, (*arch.Repo).Globals, []ruleTest{
		{
			name: "kept",
			files: `-- a.go --
package scope

var (
	ErrClosed       = errors.New("closed")
	_         error = (*E)(nil)
)

var roots registry

const n = 1

func f() { var x int; _ = x }
-- a_test.go --
package scope

var x int
-- gather/g.go --
package gather

var x int
`,
		},
		{
			name: "broken",
			files: `-- a.go --
package scope

var x, y = 1, 2

var ErrX = newError()

var closed = errors.New("closed")

var errLater error
`,
			want: []string{
				"a.go:3: variable x", "a.go:3: variable y", "a.go:5: variable ErrX",
				"a.go:7: variable closed", "a.go:9: variable errLater",
			},
		},
	})
}
