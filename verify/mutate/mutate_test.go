package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const original = `package p

func f(a, b int) int {
	if a < b && b > 0 {
		g(func() { a++ })
	}
	for a < 3 {
		a++
	}
	x := 1
	x = 2
	defer g()
	open := x >= 2
	return x
}
`

// The same with all mutants in it; # stands for the variable.
const changed = `package p

func f(a, b int) int {
	if ((# == 1) != ((# == 3 && ((# == 5 && (a <= b) || # != 5 && (a < b)) || ` +
	`(# == 6 && (b >= 0) || # != 6 && (b > 0))) || # != 3 && (` +
	`(# == 5 && (a <= b) || # != 5 && (a < b)) && ` +
	`(# == 6 && (b >= 0) || # != 6 && (b > 0)))))) {
		if # != 4 { g(func() { if # != 7 { a++ } }) }
	}
`

func found(t *testing.T) (dir string, all []mutant) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "p.go"), []byte(original), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := mutants(dir, "p.go")
	if err != nil {
		t.Fatal(err)
	}
	return dir, all
}

func TestMutants(t *testing.T) {
	_, all := found(t)
	var got []string
	for _, m := range all {
		got = append(got, m.String())
	}
	want := []string{
		"p.go:4: negated: a < b && b > 0",
		"p.go:4: || for &&: a < b && b > 0",
		"p.go:4: <= for <: a < b",
		"p.go:4: >= for >: b > 0",
		"p.go:5: dropped: g(func() { a++ })",
		"p.go:5: dropped: a++",
		"p.go:7: negated: a < 3",
		"p.go:7: <= for <: a < 3",
		"p.go:8: dropped: a++",
		"p.go:11: dropped: x = 2",
		"p.go:12: dropped: defer g()",
		"p.go:13: > for >=: x >= 2",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("mutants():\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSchema(t *testing.T) {
	dir, all := found(t)
	for i, what := range []string{
		"negated: a < b && b > 0", "", "|| for &&: a < b && b > 0",
		"dropped: g(func() { a++ })", "<= for <: a < b", ">= for >: b > 0", "dropped: a++",
	} {
		for j := range all {
			if all[j].line <= 5 && strings.HasSuffix(all[j].String(), ": "+what) {
				all[j].id = i + 1
			}
		}
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return m.line > 5 })
	texts, err := schema(dir, all)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(changed, "#", "theMutant")
	if got := texts["p.go"]; !strings.HasPrefix(got, want) {
		t.Errorf("schema():\n%s\nwant:\n%s", got, want)
	}
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name, out string
		want      fate
	}{
		{
			name: "failed",
			out:  "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n--- FAIL: TestC (2s)\n",
			want: fate{kind: killed, tests: []string{"TestA", "TestC"}},
		},
		{
			name: "the runtime ended it",
			out:  "fatal error: all goroutines are asleep\n\ngoroutine 1:\n",
			want: fate{kind: fatal, last: "fatal error: all goroutines are asleep"},
		},
		{
			name: "hangs",
			out:  "panic: test timed out after 5s\n\trunning tests:\n\t\tTestA/b_c (5s)\n\n",
			want: fate{kind: stuck, tests: []string{"TestA"}},
		},
	} {
		if got := judge(test.out); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: judge() = %v, want %v", test.name, got, test.want)
		}
	}
}

// All of the core has to be something that can be parsed once it is changed; that
// it builds and passes its tests is seen when it is run.
func TestSample(t *testing.T) {
	all, err := sample(options{core: "../.."})
	if err != nil || len(all) < 1000 {
		t.Fatalf("sample() = %d mutants, %v", len(all), err)
	}
	few, err := sample(options{core: "../..", n: 7, seed: 1})
	if err != nil || len(few) != 7 || few[6].id != 7 {
		t.Errorf("sample() = %v, %v", few, err)
	}
	at := fmt.Sprintf("%s:%d", few[0].file, few[0].line)
	some, err := sample(options{core: "../..", at: at})
	if err != nil || len(some) == 0 || some[0].line != few[0].line {
		t.Errorf("sample(%s) = %v, %v", at, some, err)
	}
}
