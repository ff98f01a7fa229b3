package inspect_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/inspect"
)

// write returns what f writes.
func write(t *testing.T, f func(w io.Writer) error) string {
	t.Helper()
	var b strings.Builder
	if err := f(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Row 156.
func TestSnapshot_Text(t *testing.T) {
	s := shop()
	tests := []struct {
		file string
		f    func(io.Writer) error
	}{
		{"tree.txt", func(w io.Writer) error { return s.WriteTree(w, inspect.TreeOptions{}) }},
		{"tree-all.txt", func(w io.Writer) error {
			return s.WriteTree(w, inspect.TreeOptions{All: true})
		}},
		{"tree-colour.txt", func(w io.Writer) error {
			return s.WriteTree(w, inspect.TreeOptions{Colour: true})
		}},
		{"ps.txt", func(w io.Writer) error { return s.WritePS(w, inspect.PSOptions{}) }},
		{"ps-age.txt", func(w io.Writer) error {
			return s.WritePS(w, inspect.PSOptions{Sort: "age", Filter: "conn"})
		}},
		{"why.txt", func(w io.Writer) error { return s.WriteWhy(w, "order/*") }},
		{"why-not.txt", func(w io.Writer) error { return s.WriteWhy(w, "mailer") }},
		{"stacks.txt", func(w io.Writer) error { return s.WriteStacks(w, "conn-1[36]") }},
		{"stacks-strays.txt", func(w io.Writer) error { return s.WriteStacks(w, "shop/http") }},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			got := write(t, tt.f)
			golden(t, tt.file, got)
			if tt.file != "tree-colour.txt" && strings.Contains(got, "\x1b") {
				t.Error("an escape sequence of the program's reaches the terminal")
			}
			if again := write(t, tt.f); again != got {
				t.Error("the second time it is not the same")
			}
		})
	}
}

// Row 156.
func TestSnapshot_TextOfNothing(t *testing.T) {
	s := newFixture().snap
	got := write(t, func(w io.Writer) error { return s.WriteTree(w, inspect.TreeOptions{}) })
	want := "shop, pid 4242: 0 scopes, 0 tasks; looked at in 1.234ms\n"
	if got != want {
		t.Errorf("tree %q, want %q", got, want)
	}
	if err := s.WriteWhy(io.Discard, "x"); err == nil {
		t.Error("WriteWhy found what is not there")
	}
	if err := s.WriteStacks(io.Discard, ""); err == nil {
		t.Error("WriteStacks found what is not there")
	}
	if err := s.WritePS(io.Discard, inspect.PSOptions{Sort: "colour"}); err == nil {
		t.Error("WritePS sorts by colour")
	}
}

// A hundred thousand tasks fit a screen, whatever they are called.
func TestSnapshot_TreeOfManyTasksFitsAScreen(t *testing.T) {
	const n = 25_000
	f := newFixture()
	f.scope("1", "", "load", "open", inspect.Counts{Live: 4 * n, Started: 4 * n})
	for i := range n {
		word := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(i))
		a := time.Duration(i) * time.Millisecond
		f.task(fmt.Sprintf("1.%d", 3*i+1), "1", fmt.Sprintf("load/conn-%d", i), "a.go:1", a)
		f.task(fmt.Sprintf("1.%d", 3*i+2), "1", "load/"+word, "b.go:1", a)
		job := fmt.Sprintf("load/job %d", i)
		nested := f.task(fmt.Sprintf("1.%d", 3*i+3), "1", job, "c.go:1", a)
		sub := fmt.Sprint(i + 2)
		f.scope(sub, nested.ID, job+"/step", "open", inspect.Counts{Live: 1 + i%2, Started: 9})
		for k := range 1 + i%2 {
			f.task(fmt.Sprintf("%s.%d", sub, k+1), sub, nested.Path+"/step/do", "d.go:1", a)
		}
	}
	got := write(t, func(w io.Writer) error { return f.snap.WriteTree(w, inspect.TreeOptions{}) })
	if lines := strings.Count(got, "\n"); lines > 30 {
		t.Errorf("the tree has %d lines", lines)
	}
	for _, want := range []string{
		"conn-* ×25,000", "… and 24,980 more", "job * ×25,000", "do ×37,500", "step ×25,000",
		"37,500 live",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the tree:\n%s", want, got)
		}
	}
}

func TestSnapshot_Find(t *testing.T) {
	s := shop()
	tests := []struct{ what, want string }{
		{"1.9", "shop/mailer"},
		{"shop/mailer", "shop/mailer"},
		{"mailer", "shop/mailer"},
		{"/mailer/order", "shop/mailer/order"},
		{"order/p*", "shop/mailer/order/pack"},
		{"conn-1?", "shop/conn-13 shop/conn-14 shop/conn-15 shop/conn-16"},
		{"ailer", ""},
		{"x/y/z/shop/mailer", ""},
		{"[", ""},
		{"", ""},
	}
	for _, tt := range tests {
		var paths []string
		for _, n := range s.Find(tt.what) {
			paths = append(paths, n.Path)
		}
		if got := strings.Join(paths, " "); got != tt.want {
			t.Errorf("Find(%q) = %q, want %q", tt.what, got, tt.want)
		}
	}
}
