package inspect_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/supervisorscope/scope/inspect"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs.\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

// A fixture builds a snapshot whose every detail is known.
type fixture struct{ snap *inspect.Snapshot }

func newFixture() *fixture {
	return &fixture{snap: &inspect.Snapshot{
		Version: inspect.Version,
		Program: inspect.Program{PID: 4242, Name: "shop", Host: "box", Go: "go1.26.8"},
		Taken:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Cost:    inspect.Cost{Walk: 1234 * time.Microsecond},
	}}
}

func (f *fixture) add(n inspect.Node) *inspect.Node {
	n.Started = f.snap.Taken.Add(-n.Age)
	f.snap.Nodes = append(f.snap.Nodes, n)
	return &f.snap.Nodes[len(f.snap.Nodes)-1]
}

func (f *fixture) scope(id, parent, path, state string, c inspect.Counts) *inspect.Node {
	return f.add(inspect.Node{
		ID: id, Parent: parent, Path: path, Name: filepath.Base(path), Kind: "scope",
		State: state, Site: "/src/shop/main.go:31", Age: 2 * time.Hour, Policy: "supervised",
		Counts: &c,
	})
}

func (f *fixture) task(id, parent, path, site string, a time.Duration) *inspect.Node {
	return f.add(inspect.Node{
		ID: id, Parent: parent, Path: path, Name: filepath.Base(path), Kind: "task",
		State: "running", Site: "/src/shop/" + site, Age: a,
	})
}

// shop is a program with all that a view has to show.
func shop() *inspect.Snapshot {
	f := newFixture()
	s := f.snap
	s.Cost.Stacks, s.Cost.StackBytes = 90*time.Microsecond, 4711
	s.Goroutines = &inspect.Goroutines{Total: 19, Tasks: 14, Strays: 2, Others: 3}
	top := f.scope("1", "", "shop", "open",
		inspect.Counts{Live: 13, Daemons: 1, Started: 3215, OK: 3199, Failed: 2})
	top.Limit = 5000
	top.LastFailure = &inspect.Failure{
		Text: "out of paper", Task: "shop/print", ID: "1.8", Site: "/src/shop/print.go:3",
		At: s.Taken.Add(-42 * time.Second),
	}
	f.task("1.1", "1", "shop/http", "http.go:40", 2*time.Hour).Strays = []inspect.Goroutine{
		{ID: 90, Wait: "IO wait", CreatedBy: "net/http.(*connReader).startBackgroundRead"},
		{ID: 91, Wait: "IO wait", CreatedBy: "net/http.(*connReader).startBackgroundRead"},
	}
	f.task("1.2", "1", "shop/inspect", "main.go:35", 2*time.Hour).Kind = "daemon"
	for i, wait := range []string{"IO wait", "IO wait", "IO wait", "sync.Mutex.Lock"} {
		n := string(rune('3' + i))
		c := f.task("1."+n, "1", "shop/conn-1"+n, "http.go:88", time.Duration(i+1)*17*time.Second)
		c.Goroutine = &inspect.Goroutine{
			ID: int64(30 + i), Wait: wait, Minutes: i / 3, At: "/src/shop/conn.go:12",
			Frames: []inspect.Frame{
				{Func: "internal/poll.wait", File: "/go/src/runtime/netpoll.go", Line: 351},
				{Func: "main.(*conn).serve", File: "/src/shop/conn.go", Line: 12},
			},
		}
	}
	child := f.task("1.9", "1", "shop/mailer", "main.go:50", time.Hour)
	child.State, child.Note = "backoff", "permanent backoff, incarnation 7, 6 restarts"
	child.Detail = json.RawMessage(`{"state":"backoff","restarts":6}`)
	child.LastFailure = &inspect.Failure{Text: "no route to host", At: s.Taken.Add(-time.Minute)}
	const name = "\x1b[31m<b>evil</b>\u202e"
	f.task("1.10", "1", "shop/"+name, "main.go:51", 3*time.Millisecond).Name = name

	boom := []inspect.Cause{{
		Text: "connection refused", Task: "shop/order/charge", ID: "2.1",
		Site: "/src/shop/order.go:7",
	}}
	order := f.scope("2", "1.9", "shop/mailer/order", "cancelling",
		inspect.Counts{Live: 2, Started: 3, Failed: 1})
	order.Policy, order.Causes = "fail-fast", boom
	order.Cancelled = s.Taken.Add(-5 * time.Second)
	for i, name := range []string{"pack", "ship"} {
		id := "2." + string(rune('2'+i))
		n := f.task(id, "2", "shop/mailer/order/"+name, "order.go:8", time.Minute)
		n.State, n.Causes, n.Cancelled = "cancelling", boom, order.Cancelled
		n.WaitsFor = []string{"2." + string(rune('3'-i))}
	}
	f.ending()
	return s
}

// ending is a part of the program that ends, or does not.
func (f *fixture) ending() {
	batch := f.scope("3", "", "batch", "completing", inspect.Counts{Live: 1, Started: 3, OK: 2})
	batch.Policy = "fail-fast"
	f.task("3.3", "3", "batch/last", "batch.go:9", time.Minute).State = "completing"
	old := f.scope("4", "", "old", "straggling", inspect.Counts{Live: 2, Started: 2})
	why := []inspect.Cause{{Text: "deadline exceeded"}}
	since := f.snap.Taken.Add(-90 * time.Second)
	old.Causes, old.Cancelled = why, since
	for i, at := range []time.Time{since, since.Add(-time.Minute)} {
		number := string(rune('1' + i))
		n := f.task("4."+number, "4", "old/conn-"+number, "old.go:4", time.Hour)
		n.State, n.Causes, n.Cancelled = "straggling", why, at
	}
	f.snap.Nodes[len(f.snap.Nodes)-1].Causes = []inspect.Cause{{Text: "kicked"}}
}
