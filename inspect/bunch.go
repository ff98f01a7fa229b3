package inspect

import (
	"fmt"
	"strings"
	"time"
)

// A bunch is what shares a line: nodes of one parent, or of several parents that
// share a line themselves.
type bunch struct {
	nodes []int
	stem  string
	more  bool // beyond MaxLines: counted, not listed
}

// bunches puts nodes that are alike together, in the order of the first of each.
func (p *treePrinter) bunches(nodes []int) []bunch {
	var found []bunch
	index := map[string]int{}
	lines := map[string]int{} // by site
	for _, i := range nodes {
		n := &p.nodes[i]
		stem := stemOf(n.Name)
		key := strings.Join([]string{n.Kind, n.State, n.Policy, n.Site, stem, blockedAt(n)}, "\x00")
		if p.opts.All {
			key = n.ID
		}
		if at, ok := index[key]; ok {
			found[at].nodes = append(found[at].nodes, i)
			continue
		}
		site := n.Kind + "\x00" + n.Site
		lines[site]++
		more := lines[site] > p.opts.MaxLines && !p.opts.All
		if at, ok := index[site]; ok && more {
			found[at].nodes = append(found[at].nodes, i)
			continue
		}
		if more {
			key = site
		}
		index[key] = len(found)
		found = append(found, bunch{nodes: []int{i}, stem: stem, more: more})
	}
	return found
}

func blockedAt(n *Node) string {
	if n.Goroutine == nil {
		return ""
	}
	return n.Goroutine.Wait + n.Goroutine.At
}

// stemOf returns name with each run of digits replaced by a star: what like
// tasks have in common.
func stemOf(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case r < '0' || r > '9':
			b.WriteRune(r)
		case !strings.HasSuffix(b.String(), "*"):
			b.WriteByte('*')
		}
	}
	return b.String()
}

// ages is the age, or the span of ages, of nodes.
func (p *treePrinter) ages(nodes []int) string {
	low, high := p.nodes[nodes[0]].Age, time.Duration(0)
	for _, i := range nodes {
		low, high = min(low, p.nodes[i].Age), max(high, p.nodes[i].Age)
	}
	if age(low) == age(high) {
		return age(low)
	}
	return age(low) + "…" + age(high)
}

// sum adds up the counts of scopes that share a row.
func (p *treePrinter) sum(nodes []int) *Counts {
	var all Counts
	for _, i := range nodes {
		c := p.nodes[i].Counts
		if c == nil {
			continue
		}
		all.Live += c.Live
		all.Daemons += c.Daemons
		all.Started += c.Started
		all.OK += c.OK
		all.Failed += c.Failed
		all.Panicked += c.Panicked
		all.Cancelled += c.Cancelled
		all.Refused += c.Refused
	}
	return &all
}

// A strayLine is strays that share a line.
type strayLine struct {
	n    int
	text string
}

func (x strayLine) times() string {
	if x.n == 1 {
		return ""
	}
	return " ×" + thousands(x.n)
}

// strays bunches the strays of the nodes of a row by where they are.
func (p *treePrinter) strays(b bunch) []strayLine {
	var found []strayLine
	index := map[string]int{}
	for _, i := range b.nodes {
		for k := range p.nodes[i].Strays {
			g := &p.nodes[i].Strays[k]
			text := fmt.Sprintf("go in %s  [%s]", clean(g.CreatedBy), clean(g.where()))
			at, ok := index[text]
			if !ok {
				at = len(found)
				index[text] = at
				found = append(found, strayLine{text: text})
			}
			found[at].n++
		}
	}
	return found
}
