package arch_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/supervisorscope/scope/internal/arch"
)

const modulePath = "github.com/supervisorscope/scope"

// load parses a small repository, written as files between "-- name --" lines.
// Its root module is added.
func load(t *testing.T, files ...string) *arch.Repo {
	t.Helper()
	tree := fstest.MapFS{"go.mod": {Data: []byte("module " + modulePath + "\n")}}
	name := ""
	for line := range strings.Lines(strings.Join(files, "")) {
		if head, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(head, " --\n")
			tree[name] = &fstest.MapFile{}
			continue
		}
		tree[name].Data = append(tree[name].Data, line...)
	}
	repo, err := arch.Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// A ruleTest is a small repository and the beginnings of the violations that a
// rule must find in it, in any order, and no others.
type ruleTest struct {
	name  string
	files string
	want  []string
}

func checkRule(t *testing.T, rule func(*arch.Repo) []string, tests []ruleTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := rule(load(t, tt.files))
			all := strings.Join(got, "\n")
			if len(got) != len(tt.want) {
				t.Fatalf("found %d violations, want %d:\n%s", len(got), len(tt.want), all)
			}
			for _, want := range tt.want {
				if !strings.Contains("\n"+all, "\n"+want) {
					t.Errorf("no violation begins with %q:\n%s", want, all)
				}
			}
		})
	}
}

func TestLoad_Broken(t *testing.T) {
	text := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for name, tree := range map[string]fstest.MapFS{
		"no root module": {"a.go": text("package a\n")},
		"no module line": {"go.mod": text("go 1.26\n")},
		"no Go":          {"go.mod": text("module x\n"), "a.go": text("package\n")},
	} {
		if _, err := arch.Load(tree); err == nil {
			t.Errorf("%s: Load() = nil, want an error", name)
		}
	}
}

func TestLoad_PassesOver(t *testing.T) {
	repo := load(t, `-- testdata/a.go --
not Go
-- .hidden/a.go --
not Go
-- _old/a.go --
not Go
-- a/vendor/a.go --
not Go
`)
	if found := repo.PackageComments(); found != nil {
		t.Errorf("found %q", found)
	}
}
