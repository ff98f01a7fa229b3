package arch_test

import (
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

// linking returns a document with the headings "A `Go` b, c" (twice) and "End",
// and with text, which begins in line 4. Its fences are written ”', which a Go
// string can hold.
func linking(text string) string {
	headings := "# A `Go` b, c\n## End\n## A Go b, c\n"
	return "-- docs/guide/a.md --\n" + headings + strings.ReplaceAll(text, "'''", "```") +
		"\n-- docs/b.md --\n# To do\n-- LICENSE --\nfree\n"
}

func TestRepo_LinksKept(t *testing.T) {
	checkRule(t, (*arch.Repo).Links, []ruleTest{
		{name: "a file", files: linking("[x](../b.md), [y](../../LICENSE 'title'), ![z](a.md)")},
		{name: "a directory", files: linking("[x](../guide), [y](../guide/)")},
		{
			name:  "a heading",
			files: linking("[x](#end) [y](#a-go-b-c) [z](#a-go-b-c-1) [b](../b.md#to-do)"),
		},
		{name: "a line of a file", files: linking("[x](../../LICENSE#L1)")},
		{
			name:  "another site",
			files: linking("[x](https://x.org/y.md) [m](mailto:a@x.org)\n[r]: http://x.org"),
		},
		{name: "code", files: linking("`Go[T](x)`\n'''go\nf[T](x)\n# End 2\n'''\n")},
		{name: "code in a link", files: linking("[`x[0]`](a.md)")},
	})
}

func TestRepo_LinksBroken(t *testing.T) {
	const at = "docs/guide/a.md:4: link to "
	checkRule(t, (*arch.Repo).Links, []ruleTest{
		{name: "a file", files: linking("[x](b.md)"), want: []string{at + "b.md: no such file"}},
		{
			name:  "two in a line, one of them an image",
			files: linking("[![x](gone.png)](../b.md) [y](gone/)"),
			want:  []string{at + "gone.png: no such", at + "gone/: no such"},
		},
		{
			name:  "from the root, and out of the repository",
			files: linking("[x](/LICENSE) [y](../../../x.md)"),
			want:  []string{at + "/LICENSE: no such", at + "../../../x.md: no such"},
		},
		{
			name:  "a heading",
			files: linking("[x](#gone) [y](../b.md#end)"),
			want:  []string{at + "#gone: no such heading", at + "../b.md#end: no such heading"},
		},
		{
			name:  "a heading in a block is none",
			files: linking("[x](#in)\n'''sh\n# in\n'''\n"),
			want:  []string{at + "#in: no such heading"},
		},
		{name: "empty", files: linking("[x]()"), want: []string{at + ": it is empty"}},
		{
			name:  "a definition",
			files: linking("[x]: c.md"),
			want:  []string{at + "c.md: no such file"},
		},
		{
			name:  "below a block, in any directory",
			files: "-- bench/x.md --\n```\n```\n[x](y.md)\n",
			want:  []string{"bench/x.md:3: link to y.md: no such file"},
		},
	})
}
