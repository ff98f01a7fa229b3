package inspect

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// PSOptions say which nodes a table shows, and in which order.
type PSOptions struct {
	// Sort is tree (the order of the snapshot), age (oldest first), name, state
	// or path. Optional; "" means tree.
	Sort string
	// Filter keeps what has this text in its path, kind, state, site, note or
	// the line it is at. Optional.
	Filter string
}

// WritePS writes the tasks and scopes as a table, one a line.
func (s *Snapshot) WritePS(w io.Writer, o PSOptions) error {
	var nodes []*Node
	for i := range s.Nodes {
		if n := &s.Nodes[i]; n.has(o.Filter) {
			nodes = append(nodes, n)
		}
	}
	order, err := orderBy(o.Sort)
	if err != nil {
		return err
	}
	slices.SortStableFunc(nodes, order)
	var b strings.Builder // writing to it does not fail
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(table, "ID\tKIND\tSTATE\tAGE\tSTARTED AT\tPATH\tDOES\n")
	for _, n := range nodes {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.ID, n.Kind,
			clean(n.State), age(n.Age), short(clean(n.Site)), clean(n.Path), clean(n.does()))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether n shows the text anywhere.
func (n *Node) has(text string) bool {
	if text == "" {
		return true
	}
	shown := []string{n.Path, n.Kind, n.State, n.Site, n.does()}
	return slices.ContainsFunc(shown, func(s string) bool { return strings.Contains(s, text) })
}

// does is what n is doing, as far as is known.
func (n *Node) does() string {
	var parts []string
	if n.Goroutine != nil {
		parts = append(parts, n.Goroutine.where())
	}
	if n.Counts != nil {
		parts = append(parts, n.Counts.tally())
	}
	if n.Note != "" {
		parts = append(parts, n.Note)
	}
	if f := n.LastFailure; f != nil && n.IsScope() {
		parts = append(parts, "last failure "+n.since(f.At)+": "+firstLine(f.String()))
	}
	return strings.Join(parts, "; ")
}

func orderBy(sort string) (func(a, b *Node) int, error) {
	switch sort {
	case "", "tree":
		return func(_, _ *Node) int { return 0 }, nil
	case "age":
		return func(a, b *Node) int { return a.Started.Compare(b.Started) }, nil
	case "name":
		return func(a, b *Node) int { return cmp.Compare(a.Name, b.Name) }, nil
	case "state":
		return func(a, b *Node) int { return cmp.Compare(a.State, b.State) }, nil
	case "path":
		return func(a, b *Node) int { return cmp.Compare(a.Path, b.Path) }, nil
	}
	return nil, fmt.Errorf("inspect: cannot sort by %q; take tree, age, name, state or path", sort)
}
