package arch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

const (
	list     = "docs/conformance.md"
	rowTests = "-- all_test.go --\npackage scope_test\n\n"
	allRows  = rowTests + "// Rows 1-87, 90-101,\n// 103 and 104-154.\nfunc TestAll() {}\n"
)

// table returns a conformance list of all rows to 154, with change in place of
// the lines for the rows that it holds.
func table(change map[int]string) string {
	var b strings.Builder
	b.WriteString("-- " + list + " --\n# Conformance\n\n| row | | must | test |\n|--|--|--|--|\n")
	for n := 1; n <= 154; n++ {
		line, ok := change[n]
		if !ok {
			line = fmt.Sprintf("| %d | M | It is \\| so. | `TestAll` |", n)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestRepo_Rows(t *testing.T) {
	checkRule(t, (*arch.Repo).Rows, []ruleTest{
		{name: "kept", files: table(nil) + allRows},
		{name: "no list", want: []string{list + ": missing"}},
		{
			name: "other ways to keep a row",
			files: table(map[int]string{
				7:   "| 7 | S | x | `scope_test.TestAll/seven`, `TestSeven` |",
				88:  "| 88 | refused | | |",
				154: "| 154 | S | x | `TestAll` |\n| 160 | S | no test yet | |",
			}) + allRows + "func TestSeven() {}\n",
		},
		{
			name: "a row behind the core's",
			files: table(map[int]string{
				154: "| 154 | S | x | `TestAll` |\n| 161 | S | x | `TestAll` |",
			}) + allRows + "// Row 161. It is the 161st.\nfunc TestLate() {}\n",
			want: []string{list + ": row 161: TestAll has no comment // Row 161."},
		},
		{
			name:  "no comment",
			files: table(nil) + rowTests + "// Rows 4-87, 90-101 and 103-152.\nfunc TestAll() {}\n",
			want:  []string{"no test has a comment // Row N. for N = 1-3, 153-154"},
		},
		{
			name:  "no such row",
			files: table(nil) + allRows + "func TestX() {\n\t// Row 155.\n}\n",
			want:  []string{"all_test.go:7: row 155 is not in"},
		},
		{
			name: "a broken table",
			files: table(map[int]string{
				10: "",
				11: "| 11 | M | x | `TestAll` |\n| 11 | M | x | `TestAll` |",
				12: "| 12 | must | x | `TestAll` |",
				13: "| 13 | M | `TestAll` |",
				14: "| 14 | M | x | later |",
				15: "| 15 | M | x | `TestGone` |",
				16: "| 16 | M | x | `TestAll`, `TestGone` |",
			}) + allRows,
			want: []string{
				list + ": row 10 is missing", "all_test.go:3: row 10 is not in",
				list + ": row 11 is listed twice", list + ": row 12: want | number |",
				list + ": row 13: want | number |", list + ": row 14 names no test",
				list + ": row 15: TestGone does not exist",
				list + ": row 15: TestGone has no comment",
				list + ": row 16: TestGone does not exist",
			},
		},
	})
}

func TestRepo_RowsDeclined(t *testing.T) {
	decline := func(line string) string {
		return table(map[int]string{1: line}) + "-- docs/adr/0001-no.md --\n# No\n" + rowTests +
			"// Rows 2-87, 90-101, 103-154.\nfunc TestAll() {}\n"
	}
	checkRule(t, (*arch.Repo).Rows, []ruleTest{
		{name: "kept", files: decline("| 1 | S | x | declined: [ADR 1](adr/0001-no.md#why) |")},
		{
			name:  "a must",
			files: decline("| 1 | M | x | declined: [ADR 1](adr/0001-no.md) |"),
			want:  []string{list + ": row 1 is M and cannot be declined"},
		},
		{
			name:  "no reason",
			files: decline("| 1 | S | x | declined |"),
			want:  []string{list + ": row 1 is declined without a link"},
		},
		{
			name:  "a dead link",
			files: decline("| 1 | S | x | declined: [ADR 2](adr/0002-no.md) |"),
			want:  []string{list + ": row 1 is declined by docs/adr/0002-no.md, which"},
		},
	})
}
