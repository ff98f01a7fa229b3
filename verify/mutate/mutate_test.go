package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const source = `package p

func f(a, b int) int {
	if a < b {
		g()
	}
	for a < 3 {
		a++
	}
	x := 1
	x = 2
	defer g()
	return x
}
`

func TestMutants(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := mutants(dir, "p.go")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"p.go:4: negated: a < b":      "if !(a < b) {",
		"p.go:5: dropped: g()":        "{\n\t\t\n\t}",
		"p.go:7: negated: a < 3":      "for !(a < 3) {",
		"p.go:8: dropped: a++":        "for a < 3 {\n\t\t\n\t}",
		"p.go:11: dropped: x = 2":     "x := 1\n\t\n",
		"p.go:12: dropped: defer g()": "x = 2\n\t\n",
	}
	if len(all) != len(want) {
		t.Errorf("mutants = %v, want %d", all, len(want))
	}
	for _, m := range all {
		text, err := m.apply(dir)
		if err != nil {
			t.Fatal(err)
		}
		if piece, ok := want[m.String()]; !ok || !strings.Contains(text, piece) {
			t.Errorf("%v: want %q in:\n%s", m, piece, text)
		}
	}
}
