package arch_test

import (
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

func TestRepo_Guarantees(t *testing.T) {
	const doc = `-- a/doc.go --
// Package a is.
//
// # Guarantees
//
//  1. It holds,
//     in 2. ways.
//  2. It holds.
//
// # Failure
//
//  1. It fails.
package a
`
	const tests = "-- a/a_test.go --\npackage a_test\n\n"
	checkRule(t, (*arch.Repo).Guarantees, []ruleTest{
		{name: "kept", files: doc + tests + "// Guarantees 1 and 2.\nfunc TestA() {}\n"},
		{
			name: "broken",
			files: doc + tests + `// Guarantee 2.
func TestA() {
	// Guarantee 3.
}
-- b/b_test.go --
package b_test

// Guarantee 1.
func TestB() {}
`,
			want: []string{
				"a/doc.go: no test has the comment // Guarantee 1.",
				"a/a_test.go:5: guarantee 3 is not", "b/b_test.go:3: guarantee 1 is not",
			},
		},
		{
			name: "numbering",
			files: strings.Replace(doc, "//  2. It", "//  3. It", 1) + tests +
				"// Guarantees 1, 3.\nfunc TestA() {}\n",
			want: []string{"a/doc.go:1: guarantee 3 stands where 2 should"},
		},
	})
}
