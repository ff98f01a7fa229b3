package inspect_test

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

func ExampleListen() {
	// A scope of its own, which is shut down last: the tree is needed most while
	// the rest of the program does not end.
	debug := scope.OpenSupervised(context.Background(), scope.Name("debug"))
	debug.Daemon("inspect", inspect.Listen)
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("/debug/scope/", inspect.Handler())
}

func ExampleRecord() {
	history := inspect.Record(10_000)
	app := scope.OpenSupervised(context.Background(), scope.Name("app"), history.Option())
	debug := scope.OpenSupervised(context.Background(), scope.Name("debug"))
	debug.Daemon("inspect", history.Listen)

	app.Go("job", func(context.Context) error { return nil })
	if err := app.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	file, err := os.Create("trace.json") // for https://ui.perfetto.dev
	if err != nil {
		panic(err)
	}
	defer file.Close()
	if err := history.WriteTrace(file); err != nil {
		fmt.Println(err)
	}
}

func ExampleTake() {
	_ = scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("clock", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		for _, n := range inspect.Take(inspect.Options{}).Find("app/clock") {
			fmt.Println(n.Path, n.Kind, n.State)
		}
		s.Cancel(nil)
		return nil
	}, scope.Name("app"))
	// Output: app/clock task running
}
