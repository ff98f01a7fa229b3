package arch_test

import (
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/arch"
)

func TestRepo_Modules(t *testing.T) {
	const root = "-- go.mod --\nmodule " + modulePath + "\n\n"
	checkRule(t, (*arch.Repo).Modules, []ruleTest{
		{
			name: "kept",
			files: root + `go 1.26
-- bench/go.mod --
module github.com/supervisorscope/scope/bench

require golang.org/x/sync v0.1.0
`,
		},
		{
			name:  "a requirement",
			files: root + "require golang.org/x/sync v0.1.0\n",
			want:  []string{"go.mod: require"},
		},
		{
			name:  "a replacement and a tool",
			files: root + "replace (\n)\n\ntool x.org/y\n",
			want:  []string{"go.mod: replace", "go.mod: tool"},
		},
		{
			name:  "a module of another name",
			files: "-- bench/go.mod --\nmodule example.com/bench\n",
			want:  []string{"bench/go.mod: the module must be named " + modulePath + "/bench"},
		},
	})
}

// importing returns a file that imports packages. OURS stands for the module
// path.
func importing(file, pkg string, imports ...string) string {
	list := "\t_ \"" + strings.Join(imports, "\"\n\t_ \"") + "\"\n"
	list = strings.ReplaceAll(list, "OURS", modulePath)
	return "-- " + file + " --\npackage " + pkg + "\n\nimport (\n" + list + ")\n"
}

// modules are nested modules and packages to import.
const modules = `-- cmd/scope/go.mod --
module github.com/supervisorscope/scope/cmd/scope
-- otelscope/go.mod --
module github.com/supervisorscope/scope/otelscope
-- promscope/go.mod --
module github.com/supervisorscope/scope/promscope
`

func TestRepo_ImportsKept(t *testing.T) {
	checkRule(t, (*arch.Repo).Imports, []ruleTest{{
		name: "kept",
		files: modules +
			importing("scope.go", "scope", "sync", "OURS/internal/traceback") +
			importing("scope_test.go", "scope_test", "net/http", "OURS/gather") +
			importing("internal/arch/arch.go", "arch", "reflect") +
			importing("gather/all.go", "gather", "OURS", "log/slog") +
			importing("inspect/http.go", "inspect", "OURS", "net/http", "OURS/internal/traceback") +
			importing("program/program.go", "program", "OURS/supervisor", "os/signal") +
			importing("fleet/fleettest/kit.go", "fleettest", "OURS/fleet") +
			importing("examples/hello/main.go", "main", "OURS", "OURS/inspect") +
			importing("cmd/scope/main.go", "main", "github.com/x/y", "OURS/otelscope", "log") +
			importing("cmd/scope/run.go", "main", "OURS/cmd/scope/internal/tail") +
			importing("otelscope/otel.go", "otelscope", "OURS/inspect", "go.opentelemetry.io"),
	}})
}

func TestRepo_ImportsBroken(t *testing.T) {
	checkRule(t, (*arch.Repo).Imports, []ruleTest{
		{
			name: "the core",
			files: importing("scope.go", "scope", "log", "log/slog", "net", "net/http", "os/signal",
				"reflect", "OURS/gather") +
				importing("internal/stack/stack.go", "stack", "reflect"),
			want: []string{
				`scope.go:4: import "log": the core knows`, `scope.go:5: import "log/slog": `,
				`scope.go:6: import "net": `, `scope.go:7: import "net/http": `,
				`scope.go:8: import "os/signal": `, `scope.go:9: import "reflect": `,
				`scope.go:10: import "` + modulePath + `/gather": the core imports nothing`,
				`internal/stack/stack.go:4: import "reflect": `,
			},
		},
		{
			name: "siblings",
			files: importing("process/process.go", "process", "OURS/internal/traceback") +
				importing("supervisor/supervisor.go", "supervisor", "OURS/gather") +
				importing("inspect/inspect.go", "inspect", "OURS/process") +
				importing("internal/x/x.go", "x", "OURS") +
				importing("slogscope/slogscope.go", "slogscope", "OURS/supervisor"),
			want: []string{
				"process/process.go:4: ", "supervisor/supervisor.go:4: ", "inspect/inspect.go:4: ",
				"internal/x/x.go:4: ", "slogscope/slogscope.go:4: ",
			},
		},
		{
			name: "third parties, in tests, too",
			files: importing("scope_test.go", "scope_test", "github.com/google/go-cmp/cmp") +
				importing("gather/gather.go", "gather", "golang.org/x/sync/errgroup"),
			want: []string{"scope_test.go:4: ", "gather/gather.go:4: "},
		},
		{
			name: "across modules",
			files: modules +
				importing("scope_test.go", "scope_test", "OURS/otelscope") +
				importing("cmd/scope/main.go", "main", "OURS/internal/traceback") +
				importing("promscope/metric.go", "promscope", "OURS/otelscope"),
			want: []string{
				`scope_test.go:4: import "` + modulePath + `/otelscope": the root module`,
				`cmd/scope/main.go:4: import "` + modulePath + `/internal/traceback": a nested`,
				`promscope/metric.go:4: import "` + modulePath + `/otelscope": nested modules`,
			},
		},
	})
}
