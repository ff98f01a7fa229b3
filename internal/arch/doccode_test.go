package arch_test

import (
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

// sources are what documents may quote.
const sources = `-- example_test.go --
package scope_test

func ExampleRun() {
	if true {
		fmt.Println(1)
	}

	f()
	// Output:
	// 1
	// 2
}

func TestRun() { f() }
-- gather/example_test.go --
package gather_test

func ExampleRun() {}
-- examples/hello/main.go --
package main

func main() {}
`

// document returns a README. Its fences are written ”', which a Go string can
// hold.
func document(text string) string {
	return sources + "-- README.md --\n" + strings.ReplaceAll(text, "'''", "```")
}

func TestRepo_DocsCodeKept(t *testing.T) {
	checkRule(t, (*arch.Repo).DocsCode, []ruleTest{
		{
			name: "an example and its output",
			files: document(`
<!-- example: scope_test.ExampleRun -->
'''go
if true {
    fmt.Println(1)
}

f()
'''

<!-- output: scope_test.ExampleRun -->
'''text
1
2
'''
`),
		},
		{
			name: "a file, in a list",
			files: document(`1. A program:
   <!-- file: examples/hello/main.go -->
   '''go
   package main

   func main() {}
   '''
`),
		},
		{
			name: "other languages",
			files: document(`'''sh
go test work
'''
''''text
'''go
''''
<!-- a comment -->
`),
		},
		{name: "elsewhere", files: "-- other/a.md --\n```go\n```\n"},
	})
}

func TestRepo_DocsCodeBroken(t *testing.T) {
	checkRule(t, (*arch.Repo).DocsCode, []ruleTest{
		{
			name:  "no annotation",
			files: document("'''go\nf()\n'''\n'''golang\n'''\n<!-- output: x -->\n'''go\n'''\n"),
			want: []string{
				"README.md:1: a Go block", "README.md:4: a Go block", "README.md:6: a Go block",
			},
		},
		{
			name:  "in docs, too; never closed",
			files: "-- docs/guide/start.md --\n```go\n```\n-- docs/a.md --\n```go\nf()\n",
			want:  []string{"docs/guide/start.md:1: a Go block", "docs/a.md:1: a Go block"},
		},
		{
			name:  "no block",
			files: document("<!-- file: x -->\n\n'''go\n'''\n<!-- file: y -->\n"),
			want:  []string{"README.md:1: no block", "README.md:3: a Go", "README.md:5: no block"},
		},
		{
			name:  "another line",
			files: document("<!-- example: scope_test.ExampleRun -->\n'''go\nif false {\n'''\n"),
			want: []string{
				`README.md:1: has "if false {" where scope_test.ExampleRun has "if true {"`,
			},
		},
		{
			name:  "too short",
			files: document("<!-- example: scope_test.ExampleRun -->\n'''go\nif true {\n'''\n"),
			want:  []string{`README.md:1: ends before "fmt.Println(1)" of scope_test.ExampleRun`},
		},
		{
			name: "too long",
			files: document("<!-- file: examples/hello/main.go -->\n" +
				"'''go\npackage main\n\nfunc main() {}\n// more\n'''\n"),
			want: []string{`README.md:1: has "// more", which is not in examples/hello/main.go`},
		},
		{
			name:  "another output",
			files: document("<!-- output: scope_test.ExampleRun -->\n'''\n1\n'''\n"),
			want:  []string{`README.md:1: ends before "2" of the output of scope_test.ExampleRun`},
		},
		{
			name: "no source",
			files: document(`<!-- example: ExampleGone -->
'''go
'''
<!-- example: ExampleRun -->
'''go
'''
<!-- file: gone.go -->
'''go
'''
<!-- example: TestRun -->
'''go
'''
<!-- output: ExampleGone -->
'''
'''
`),
			want: []string{
				"README.md:1: no example ExampleGone", "README.md:4: ExampleRun is ambiguous",
				"README.md:7: no file gone.go", "README.md:10: no example TestRun",
				"README.md:13: no example ExampleGone",
			},
		},
	})
}
