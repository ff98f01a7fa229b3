package arch_test

import (
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

func TestRepo_Evidence(t *testing.T) {
	const source = `-- x/a/doc.go --
// Package a is.
//
// # Guarantees
//
//  1. It holds.
//  2. It holds.
package a
-- x/a/a_test.go --
package a_test

func TestA() {}
`
	checkRule(t, (*arch.Repo).Evidence, []ruleTest{
		{
			name: "kept",
			files: source + "-- docs/evidence.md --\n## a\n\n| 1. it holds | `TestA/sub` | |\n" +
				"| 2. so does it | `TestA`, by hand | |\n",
		},
		{
			name: "broken",
			files: source + "-- docs/evidence.md --\n## a\n\n| 1. it holds | `TestB` | |\n" +
				"## b\n\n| 2. so does it | `TestA` | |\n",
			want: []string{
				"docs/evidence.md: no row 2. in section a",
				"docs/evidence.md: TestB does not exist",
			},
		},
		{name: "missing", files: source, want: []string{"docs/evidence.md: missing"}},
	})
}
