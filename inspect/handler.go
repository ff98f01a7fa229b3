package inspect

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// Handler returns a handler that serves the tree of this program, read-only. It
// looks at the last element of the path, so it can stand under any prefix that
// ends in a slash:
//
//	mux.Handle("/debug/scope/", inspect.Handler())
//
//	…/               a page that follows the tree
//	…/snapshot.json  a Snapshot; ?stacks=1 with stacks, ?id=3.17 of one node and
//	                 what hangs below it, ?per_scope=100 see Options
//	…/events         the changes, as server-sent events; see the guide
//	…/history.json   what a Recorder keeps; see [Recorder.Handler]; ?of=PATH of
//	                 what is named so, as in [Snapshot.Find]
//	…/trace.json     the same as a Chrome trace
//
// Requests that a browser sends for a page of another origin are refused, and so
// are requests to a loopback address under a name other than localhost. It asks
// nobody who he is: what it shows is for those who may read the program's logs.
func Handler() http.Handler { return newServer(nil) }

// Handler returns what [Handler] does, with the history that r keeps.
func (r *Recorder) Handler() http.Handler { return newServer(r) }

//go:embed page
var page embed.FS

// A server is the handler.
type server struct {
	recorder *Recorder     // or nil
	streams  chan struct{} // a slot for each stream being served
}

// maxStreams bounds how many watch at once: each costs a look a second.
const maxStreams = 16

func newServer(r *Recorder) *server {
	return &server{recorder: r, streams: make(chan struct{}, maxStreams)}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if guard(w, r) {
		return
	}
	switch name := path.Base(r.URL.Path); name {
	case "snapshot.json":
		s.serveSnapshot(w, r)
	case "events":
		s.serveEvents(w, r)
	case "history.json":
		s.serveHistory(w, r)
	case "trace.json":
		s.serveTrace(w)
	default:
		servePage(w, r, name)
	}
}

// servePage serves the page, or one of the files that it consists of.
func servePage(w http.ResponseWriter, r *http.Request, name string) {
	if r.URL.Path == "" || strings.HasSuffix(r.URL.Path, "/") {
		name = "page.html"
	}
	file := "page/" + name
	if _, err := fs.Stat(page, file); err != nil {
		text := "inspect: nothing has this name; the page is at the path that ends in a slash"
		http.Error(w, text, http.StatusNotFound)
		return
	}
	http.ServeFileFS(w, r, page, file)
}

func (s *server) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	o := Options{Stacks: query.Get("stacks") == "1"}
	if text := query.Get("per_scope"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			http.Error(w, "inspect: per_scope must be a number", http.StatusBadRequest)
			return
		}
		o.PerScope = n
	}
	snap := take(o, s.recorder)
	if id := query.Get("id"); id != "" {
		snap.Nodes = below(snap.Nodes, id)
		if len(snap.Nodes) == 0 {
			text := fmt.Sprintf("inspect: nothing with the ID %q lives", id)
			http.Error(w, text, http.StatusNotFound)
			return
		}
	}
	writeJSON(w, snap)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The reader has gone, or sees that it is cut off.
	_ = json.NewEncoder(w).Encode(v)
}

// below returns the node with that ID and all that hang below it.
func below(nodes []Node, id string) []Node {
	var found []Node
	inside := map[string]bool{}
	for _, n := range nodes {
		if n.ID == id || n.Parent != "" && inside[n.Parent] {
			inside[n.ID] = true
			found = append(found, n)
		}
	}
	return found
}
