package report

import (
	"math"
	"strconv"
	"strings"
)

// missing stands where a peer was left out.
const missing = "-"

// A table collects rows of Markdown cells.
type table struct{ b strings.Builder }

// newTable starts a table whose first column is text and the rest are numbers.
func newTable(header ...string) *table {
	t := new(table)
	t.row(header...)
	t.b.WriteString("|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	return t
}

func (t *table) row(cells ...string) {
	t.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func (t *table) String() string { return t.b.String() }

// number prints v with digits after the point, but no zeros that say nothing.
func number(v float64, digits int) string {
	v = rounded(v, digits)
	if v == 0 {
		v = 0 // not -0
	}
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', digits, 64)
}

// fixed prints v with all its digits, so that columns of ratios line up.
func fixed(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }

// nanoseconds prints a time: whole from ten on, since finer is noise.
func nanoseconds(v float64) string {
	if v < 10 {
		return fixed(v, 1)
	}
	return fixed(v, 0)
}

// timeCell prints a time and, in brackets, its ratio.
func timeCell(ns, ratio float64) string {
	return nanoseconds(ns) + " (" + fixed(ratio, 2) + ")"
}

// costCell prints bytes and allocations.
func costCell(bytes, allocs float64) string {
	return fixed(bytes, 0) + ", " + fixed(allocs, 2)
}

func rounded(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}
