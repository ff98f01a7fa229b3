package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supervisorscope/scope/inspect"
)

// lives is what the page hears of one program after the other: the events that a
// program would send, until the connection ends. The last one stays.
func lives(programs ...[]inspect.Change) http.HandlerFunc {
	var heard atomic.Int32
	page := inspect.Handler()
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			page.ServeHTTP(w, r)
			return
		}
		n := min(int(heard.Add(1)), len(programs))
		w.Header().Set("Content-Type", "text/event-stream")
		for _, change := range programs[n-1] {
			change.Taken, change.Interval = time.Now(), time.Second
			text, err := json.Marshal(change)
			if err != nil {
				panic(err)
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
		}
		if n == len(programs) {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}
}

// life returns the events of a program with one scope, in which a task fails or not.
func life(name string, fails bool) []inspect.Change {
	program := inspect.Program{PID: 1, Name: name, Go: "go"} // as in containers
	root := inspect.Node{
		ID: "1", Path: "app", Name: "app", Kind: "scope", State: "open", Started: time.Now(),
		Policy: "supervised", Counts: &inspect.Counts{Started: 1, Live: 1},
	}
	task := inspect.Node{
		ID: "1.1", Parent: "1", Path: "app/" + name, Name: name, Kind: "task", State: "running",
		Started: root.Started,
	}
	all := []inspect.Change{{Program: program, Nodes: []inspect.Node{root, task}}}
	if fails {
		root.Counts = &inspect.Counts{Started: 1, Failed: 1}
		all = append(all, inspect.Change{
			Program: program, Nodes: []inspect.Node{root},
			Ended: []inspect.Ended{{ID: "1.1", State: "failed", Err: "boom"}},
		})
	}
	return all
}

// When another program answers at the same address, nothing of the one before is
// told of it.
func TestPage_ForgetsTheProgramBefore(t *testing.T) {
	first, second := life("first", true), life("second", false)
	second[0].Nodes[0].Started = time.Now().Add(time.Second)
	srv := httptest.NewServer(lives(first, second))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	page := open(t, srv.URL+"/")
	await(t, page, has("#rows", "second"))
	await(t, page, `!document.body.innerText.includes("boom")`)
	await(t, page, `!document.querySelector("#tallies").innerText.includes("1 failures")`)
}
