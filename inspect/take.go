package inspect

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	// first, and Max how many nodes in all. Optional; zero means all. How many
	// more there are, is in Node.LeftOut and Snapshot.LeftOut.
	PerScope, Max int
	// Grace is for how long something may be asked to end before it counts as
	// straggling, where no scope around it has the option scope.Grace. Optional;
	// zero means 10 seconds.
	Grace time.Duration
}

// Take returns a snapshot of this program. It may be called at any time, and
// waits for no task and no handler. Under churn it is not of one instant: a task
// or scope that lives from beginning to end is in it exactly once, one that
// starts or ends meanwhile at most once.
func Take(o Options) *Snapshot { return take(o, nil) }

// Take is [Take] with what r knows: the last failure of each scope that it
// observes.
func (r *Recorder) Take(o Options) *Snapshot { return take(o, r) }

func take(o Options, r *Recorder) *Snapshot {
	snap := &Snapshot{Version: Version, Program: program(), Taken: time.Now()}
	w := newWalker(o, r)
	var stopped time.Duration
	if o.Stacks {
		var dump []byte
		dump, stopped = printStacks()
		snap.Cost.Stacks, snap.Cost.StackBytes = stopped, len(dump)
		snap.Cost.Cut = len(dump) >= maxStackBytes
		snap.Goroutines = w.join(dump)
	}
	snap.LeftOut = w.leftOut
	snap.Nodes = make([]Node, 0, len(w.found))
	w.describe(func(_ origin, n *Node) { snap.Nodes = append(snap.Nodes, *n) })
	snap.forgetEnded()
	snap.Cost.Walk = time.Since(snap.Taken) - stopped
	return snap
}

// forgetEnded takes what has ended meanwhile from among what is waited for.
func (s *Snapshot) forgetEnded() {
	if s.Goroutines == nil {
		return
	}
	live := make(map[string]bool, len(s.Nodes))
	for i := range s.Nodes {
		live[s.Nodes[i].ID] = true
	}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		n.WaitsFor = slices.DeleteFunc(n.WaitsFor, func(id string) bool { return !live[id] })
	}
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
	leftOut int // tasks and scopes of the scope beyond the number wanted

	goroutine *Goroutine
	strays    []Goroutine
	waitsFor  []int // indexes of origins
}

// A walker collects the tree before anything of it is described: so the stacks
// are taken close to it, and what has ended by the time it is described is left
// out.
type walker struct {
	opts     Options
	recorder *Recorder // or nil
	found    []origin
	leftOut  int // roots beyond the number wanted
	seen     map[*scope.Scope]bool
}

// newWalker collects all that hangs below the roots. A scope can become a root
// while its old place is looked at; so the roots are looked at again at the end.
func newWalker(o Options, r *Recorder) *walker {
	if o.Grace <= 0 {
		o.Grace = defaultGrace
	}
	w := &walker{opts: o, recorder: r, seen: map[*scope.Scope]bool{}}
	for range 2 {
		for _, s := range scope.Roots() {
			w.addScope(s, -1)
		}
	}
	return w
}

// isFull reports whether there are as many as are wanted.
func (w *walker) isFull() bool { return w.opts.Max > 0 && len(w.found) >= w.opts.Max }

func (w *walker) addScope(s *scope.Scope, parent int) {
	if w.seen[s] {
		return
	}
	w.seen[s] = true
	if w.isFull() {
		w.leaveOut(parent, 1)
		return
	}
	at := len(w.found)
	w.found = append(w.found, origin{scope: s, parent: parent})
	for _, nested := range s.Scopes() {
		w.addScope(nested, at)
	}
	tasks := s.Tasks()
	for i, t := range tasks {
		if w.isFull() || i == w.opts.PerScope && i > 0 {
			w.leaveOut(at, len(tasks)-i)
			return
		}
		below := len(w.found)
		w.found = append(w.found, origin{task: t, parent: at})
		for _, nested := range t.Scopes() {
			w.addScope(nested, below)
		}
	}
}

// leaveOut counts n nodes that would hang below parent, at the scope that they
// are in.
func (w *walker) leaveOut(parent, n int) {
	for parent >= 0 && w.found[parent].scope == nil {
		parent = w.found[parent].parent
	}
	if parent < 0 {
		w.leftOut += n
		return
	}
	w.found[parent].leftOut += n
}

// describe calls f with a node for all that still lives. It keeps no node: who
// looks at a hundred thousand of them need not have them all at once.
func (w *walker) describe(f func(origin, *Node)) {
	ids := make([]string, len(w.found)) // empty for what has ended
	graces := make([]time.Duration, len(w.found))
	for i := range w.found {
		found := &w.found[i]
		above := w.opts.Grace
		if found.parent >= 0 {
			above = graces[found.parent]
		}
		var n Node
		n, graces[i] = w.node(found, above)
		if isOver(n.State) {
			continue
		}
		n.settle(graces[i])
		if found.parent >= 0 {
			n.Parent = ids[found.parent]
		}
		n.Goroutine, n.Strays = found.goroutine, found.strays
		for _, target := range found.waitsFor {
			n.WaitsFor = append(n.WaitsFor, w.idOf(target))
		}
		ids[i] = n.ID
		f(*found, &n)
	}
}

// node describes what was found, and returns the grace that holds in it: its own
// or the one from above.
func (w *walker) node(found *origin, grace time.Duration) (Node, time.Duration) {
	if found.scope == nil {
		return taskNode(found.task.Info()), grace
	}
	info := found.scope.Info()
	if info.Grace > 0 {
		grace = info.Grace
	}
	n := scopeNode(info)
	n.LeftOut = found.leftOut
	n.LastFailure = w.recorder.lastFailure(n.ID)
	return n, grace
}

func (w *walker) idOf(i int) string {
	if s := w.found[i].scope; s != nil {
		return s.Info().ID
	}
	return w.found[i].task.Info().ID
}
