package inspect

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// String writes the link as one line: `task "a/b" failed: boom (started at
// app/main.go:12)`.
func (c Cause) String() string {
	switch {
	case c.Task == "" && c.Text == context.Canceled.Error():
		return noCause
	case c.Task == "":
		return c.Text
	}
	return fmt.Sprintf("task %q failed: %s (started at %s)", c.Task, c.Text, short(c.Site))
}

// String writes the failure as one line: `task "a/b": boom`. One that was passed
// on by a task within that one is that one's.
func (f Failure) String() string {
	if f.Task == "" || strings.HasPrefix(f.Text, `task "`+f.Task+"/") {
		return f.Text
	}
	return fmt.Sprintf("task %q: %s", f.Task, f.Text)
}

// since says how long before the look at n something was.
func (n *Node) since(at time.Time) string { return age(n.Started.Add(n.Age).Sub(at)) + " ago" }

// noCause is what a cancellation without a cause tells.
const noCause = "it was shut down, or cancelled without a cause"

// WriteWhy writes why the nodes that what names (see [Snapshot.Find]) are being
// stopped: the outermost scope that the cancellation came from, and the chain of
// causes down to the first failure. If nothing is being stopped it says what
// each node is doing, and what it waits for.
func (s *Snapshot) WriteWhy(w io.Writer, what string) error {
	found := s.Find(what)
	if len(found) == 0 {
		return s.notFound(what)
	}
	t := newTree(s.Nodes)
	var b strings.Builder
	for _, n := range found {
		s.why(&b, t, n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Snapshot) notFound(what string) error {
	return fmt.Errorf("inspect: nothing lives under %q in %s; its tree shows what does",
		what, clean(s.Program.Name))
}

func (s *Snapshot) why(b *strings.Builder, t *tree, n *Node) {
	fmt.Fprintf(b, "%s  %s %s  %s  started at %s\n", clean(n.Path), n.Kind, clean(n.State),
		age(n.Age), clean(n.Site))
	if n.Goroutine != nil {
		fmt.Fprintf(b, "  goroutine %d: %s\n", n.Goroutine.ID, clean(n.Goroutine.Wait))
		if n.Goroutine.At != "" {
			fmt.Fprintf(b, "  at %s\n", clean(n.Goroutine.At))
		}
	}
	for _, id := range n.WaitsFor {
		fmt.Fprintf(b, "  waits for %s\n", clean(s.pathOf(id)))
	}
	if n.Note != "" {
		fmt.Fprintf(b, "  %s\n", clean(n.Note))
	}
	if f := n.LastFailure; f != nil && n.IsScope() {
		fmt.Fprintf(b, "  last failure %s: %s\n", n.since(f.At), clean(f.String()))
	}
	if len(n.Causes) == 0 {
		b.WriteString("  is not being stopped\n")
		return
	}
	if !n.Cancelled.IsZero() {
		fmt.Fprintf(b, "  was asked to end %s\n", n.since(n.Cancelled))
	}
	if from := t.source(n); from != n {
		fmt.Fprintf(b, "  because %s %s was cancelled\n", from.Kind, clean(from.Path))
	}
	for _, c := range n.Causes {
		fmt.Fprintf(b, "  because %s\n", clean(c.String()))
	}
}

// source returns the outermost node that was cancelled for the same cause as n.
func (t *tree) source(n *Node) *Node {
	at, ok := t.byID[n.ID]
	if !ok {
		return n
	}
	for p := t.parents[at]; p >= 0; p = t.parents[p] {
		up := &t.nodes[p]
		if len(up.Causes) == 0 || up.Causes[0] != n.Causes[0] {
			break
		}
		n = up
	}
	return n
}

// WriteStacks writes the stacks of the nodes that what names, and of their
// strays, innermost call first.
func (s *Snapshot) WriteStacks(w io.Writer, what string) error {
	found := s.Find(what)
	if len(found) == 0 {
		return s.notFound(what)
	}
	var b strings.Builder
	b.WriteString(s.String() + "\n")
	for _, n := range found {
		fmt.Fprintf(&b, "\n%s  %s %s  %s  started at %s\n", clean(n.Path), n.Kind, clean(n.State),
			age(n.Age), clean(n.Site))
		switch {
		case n.Goroutine != nil:
			n.Goroutine.write(&b, "")
		case n.IsScope():
			b.WriteString("  its body does not run\n")
		default:
			b.WriteString("  no stack was found\n")
		}
		for i := range n.Strays {
			n.Strays[i].write(&b, "stray, ")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (g *Goroutine) write(b *strings.Builder, what string) {
	fmt.Fprintf(b, "  %sgoroutine %d [%s]", what, g.ID, clean(g.Wait))
	if g.Minutes > 0 {
		fmt.Fprintf(b, " for %v", time.Duration(g.Minutes)*time.Minute)
	}
	if what != "" {
		fmt.Fprintf(b, ", started by go in %s", clean(g.CreatedBy))
	}
	b.WriteByte('\n')
	for _, f := range g.Frames {
		fmt.Fprintf(b, "    %s\n        %s:%d\n", clean(f.Func), clean(f.File), f.Line)
	}
}
