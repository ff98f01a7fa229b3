package inspect

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// TreeOptions say how a tree is written. The zero TreeOptions is for people with
// a terminal.
type TreeOptions struct {
	// All writes each task on a line of its own. Otherwise tasks of one scope
	// that are alike share a line: of one kind, state and site, blocked at the
	// same line, their names alike but for digits.
	All bool
	// MaxLines is how many lines the tasks of one scope that were started at one
	// site take at most, the rest being counted. Optional; zero means 20.
	MaxLines int
	// Colour marks states with ANSI colours.
	Colour bool
}

// WriteTree writes the snapshot as an indented tree, in the order of its nodes.
func (s *Snapshot) WriteTree(w io.Writer, o TreeOptions) error {
	var text strings.Builder
	text.WriteString(s.String() + "\n" + layout(s.Rows(o), o.Colour))
	for _, d := range s.Deadlocks() {
		text.WriteString(d + "\n")
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// A Row is a line of the tree.
type Row struct {
	// Depth is 0 for a root and one more for what hangs below.
	Depth int
	// Name is the name, or what like names have in common, with the branches of
	// the tree in front.
	Name string
	// State is that of the node; "" in a line of strays, or of a mere number.
	State string
	// Text is all else.
	Text string
	// IDs are those of the nodes that share the line; none in a line of strays.
	IDs []string
}

// Rows returns the lines of the tree, for who shows them in another way than
// [Snapshot.WriteTree]. Nothing in them moves a cursor.
func (s *Snapshot) Rows(o TreeOptions) []Row {
	if o.MaxLines <= 0 {
		o.MaxLines = 20
	}
	p := &treePrinter{tree: newTree(s.Nodes), opts: o}
	p.level(p.roots, "", 0)
	return p.rows
}

// Deadlocks returns a line for each of [Snapshot.Cycles]: "deadlock: a → b → a".
func (s *Snapshot) Deadlocks() []string {
	var lines []string
	for _, cycle := range s.Cycles() {
		var text strings.Builder
		text.WriteString("deadlock: ")
		for _, id := range cycle {
			text.WriteString(clean(s.pathOf(id)) + " → ")
		}
		lines = append(lines, text.String()+clean(s.pathOf(cycle[0])))
	}
	return lines
}

func (s *Snapshot) pathOf(id string) string {
	for i := range s.Nodes {
		if s.Nodes[i].ID == id {
			return s.Nodes[i].Path
		}
	}
	return id
}

type treePrinter struct {
	*tree

	opts TreeOptions
	rows []Row
}

// level adds rows for nodes, which hang below one row.
func (p *treePrinter) level(nodes []int, indent string, depth int) {
	bunches := p.bunches(nodes)
	for i, b := range bunches {
		branch, below := "├── ", "│   "
		if i == len(bunches)-1 {
			branch, below = "└── ", "    "
		}
		if depth == 0 {
			branch, below = "", ""
		}
		p.add(indent+branch, depth, b)
		if b.more {
			continue
		}
		var children []int
		for _, n := range b.nodes {
			children = append(children, p.children[n]...)
		}
		p.level(children, indent+below, depth+1)
	}
}

func (p *treePrinter) add(front string, depth int, b bunch) {
	first := &p.nodes[b.nodes[0]]
	r := Row{Depth: depth, Name: front + first.label(), State: clean(first.State)}
	switch {
	case b.more:
		r.Name = fmt.Sprintf("%s… and %s more", front, thousands(len(b.nodes)))
		r.State = ""
	case len(b.nodes) > 1:
		r.Name = fmt.Sprintf("%s%s ×%s", front, clean(b.stem), thousands(len(b.nodes)))
	}
	r.Text = p.describe(b, first)
	for _, n := range b.nodes {
		r.IDs = append(r.IDs, p.nodes[n].ID)
	}
	p.rows = append(p.rows, r)
	indent := strings.NewReplacer("├── ", "│   ", "└── ", "    ").Replace(front)
	for _, x := range p.strays(b) {
		p.rows = append(p.rows, Row{
			Depth: depth + 1, Name: indent + "  ~ stray" + x.times(), Text: x.text,
		})
	}
}

// describe is what a row says behind the state.
func (p *treePrinter) describe(b bunch, first *Node) string {
	var parts []string
	parts = append(parts, p.ages(b.nodes), short(clean(first.Site)))
	if first.IsScope() {
		parts = append(parts, first.Policy+": "+p.sum(b.nodes).tally())
		if first.Limit > 0 {
			parts = append(parts, "limit "+thousands(first.Limit))
		}
	} else if first.Kind != "task" {
		parts = append(parts, first.Kind)
	}
	if b.more {
		return strings.Join(parts, "  ")
	}
	if g := first.Goroutine; g != nil {
		parts = append(parts, "["+clean(g.where())+"]")
	}
	if first.LeftOut > 0 {
		parts = append(parts, thousands(first.LeftOut)+" tasks left out")
	}
	if len(b.nodes) == 1 {
		parts = append(parts, p.ownWords(first)...)
	}
	return strings.Join(parts, "  ")
}

// ownWords is what is said of a node alone, not of a bunch.
func (p *treePrinter) ownWords(n *Node) []string {
	var parts []string
	for _, id := range n.WaitsFor {
		if at, ok := p.byID[id]; ok {
			parts = append(parts, "waits for "+clean(p.nodes[at].Path))
		}
	}
	if n.Note != "" {
		parts = append(parts, clean(n.Note))
	}
	if f := n.LastFailure; f != nil && n.IsScope() { // a task tells its own in the note
		parts = append(parts, "last failure "+n.since(f.At)+": "+clean(firstLine(f.String())))
	}
	// What a parent has said already is not said again below it.
	if len(n.Causes) > 0 && p.source(n) == n {
		if n.State == stateStraggling {
			parts = append(parts, "asked to end "+n.since(n.Cancelled))
		}
		parts = append(parts, "cause: "+clean(firstLine(n.Causes[0].String())))
	}
	return parts
}

// layout aligns the columns.
func layout(rows []Row, colour bool) string {
	const widest = 56
	names, states := 0, 0
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.Name); n <= widest {
			names = max(names, n)
		}
		states = max(states, utf8.RuneCountInString(r.State))
	}
	var b strings.Builder
	for _, r := range rows {
		state := fmt.Sprintf("%-*s", states, r.State)
		if colour {
			state = paint(r.State, state)
		}
		line := fmt.Sprintf("%-*s  %s  %s", names, r.Name, state, r.Text)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// paint colours text as befits a state.
func paint(state, text string) string {
	var colour int
	switch state {
	case stateRunning, "open", "ready":
		colour = 32
	case "starting", "queued", "draining", stateCompleting:
		colour = 36
	case stateCancelling, "backoff", "stopping":
		colour = 33
	case stateStraggling, "stuck", stateFailed, statePanicked:
		colour = 31
	case "parked", "stopped":
		colour = 35
	default:
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colour, text)
}
