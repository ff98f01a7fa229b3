package inspect

import (
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/supervisorscope/scope"
)

// Options say what a snapshot is to hold. The zero Options is all that can be
// had without stopping the world.
type Options struct {
	// Stacks adds where each task is and what it waits for. That stops the
	// world for as long as the runtime prints; see [Cost].
	Stacks bool
	// PerScope is how many tasks of one scope are wanted at most, the oldest
	// first. Optional; zero means all. How many more there are, is in
	// Node.LeftOut.
	PerScope int
}

// Take returns a snapshot of this program. It may be called at any time, and
// waits for no task and no handler. Under churn it is not of one instant: a task
// or scope that lives from beginning to end is in it exactly once, one that
// starts or ends meanwhile at most once.
func Take(o Options) *Snapshot {
	_, snap := take(o)
	return snap
}

// take is Take for those who want to see what becomes of the tasks. It returns
// what stands behind each node.
func take(o Options) ([]origin, *Snapshot) {
	snap := &Snapshot{Version: Version, Program: program(), Taken: time.Now()}
	w := &walker{perScope: o.PerScope, seen: map[*scope.Scope]bool{}}
	w.walk()
	var stopped time.Duration
	if o.Stacks {
		var dump []byte
		dump, stopped = printStacks()
		snap.Cost.Stacks, snap.Cost.StackBytes = stopped, len(dump)
		snap.Cost.Cut = len(dump) >= maxStackBytes
		snap.Goroutines = w.join(dump)
	}
	origins := w.describe(snap)
	snap.Cost.Walk = time.Since(snap.Taken) - stopped
	return origins, snap
}

func program() Program {
	p := Program{PID: os.Getpid(), Name: "unknown", Go: runtime.Version()}
	if exe, err := os.Executable(); err == nil {
		p.Name = filepath.Base(exe)
	}
	if host, err := os.Hostname(); err == nil {
		p.Host = host
	}
	return p
}

// An origin is a scope or a task as it was found: one of the two is nil.
type origin struct {
	scope *scope.Scope
	task  *scope.Task

	parent  int // index of the origin that it hangs below, or -1
	leftOut int // tasks of the scope beyond the number wanted

	goroutine *Goroutine
	strays    []Goroutine
	waitsFor  []int // indexes of origins
}

// A walker collects the tree before anything of it is described: so the stacks
// are taken close to it, and what has ended by the time it is described is left
// out.
type walker struct {
	perScope int
	found    []origin
	seen     map[*scope.Scope]bool
}

// walk collects all that hangs below the roots. A scope can become a root while
// its old place is looked at; so the roots are looked at again at the end.
func (w *walker) walk() {
	for range 2 {
		for _, s := range scope.Roots() {
			w.addScope(s, -1)
		}
	}
}

func (w *walker) addScope(s *scope.Scope, parent int) {
	if w.seen[s] {
		return
	}
	w.seen[s] = true
	at := len(w.found)
	w.found = append(w.found, origin{scope: s, parent: parent})
	for _, nested := range s.Scopes() {
		w.addScope(nested, at)
	}
	tasks := s.Tasks()
	if w.perScope > 0 && len(tasks) > w.perScope {
		w.found[at].leftOut = len(tasks) - w.perScope
		tasks = tasks[:w.perScope]
	}
	for _, t := range tasks {
		below := len(w.found)
		w.found = append(w.found, origin{task: t, parent: at})
		for _, nested := range t.Scopes() {
			w.addScope(nested, below)
		}
	}
}

// describe appends a node to snap for all that still lives, and returns their
// origins in the same order.
func (w *walker) describe(snap *Snapshot) []origin {
	live := make([]origin, 0, len(w.found))
	snap.Nodes = make([]Node, 0, len(w.found))
	ids := make([]string, len(w.found)) // empty for what has ended
	for i := range w.found {
		found := &w.found[i]
		var n Node
		if found.scope != nil {
			n = scopeNode(found.scope.Info())
			n.LeftOut = found.leftOut
		} else {
			n = taskNode(found.task.Info())
		}
		if isOver(n.State) {
			continue
		}
		if found.parent >= 0 {
			n.Parent = ids[found.parent]
		}
		n.Goroutine, n.Strays = found.goroutine, found.strays
		ids[i] = n.ID
		live = append(live, *found)
		snap.Nodes = append(snap.Nodes, n)
	}
	for i := range live {
		for _, target := range live[i].waitsFor {
			if ids[target] != "" {
				snap.Nodes[i].WaitsFor = append(snap.Nodes[i].WaitsFor, ids[target])
			}
		}
	}
	return live
}
