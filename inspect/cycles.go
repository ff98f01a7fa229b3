package inspect

import "slices"

// Cycles returns the circles of nodes that wait for each other, each as the IDs
// in the order of the waiting. A node waits for what its WaitsFor says, a scope
// that is waited for waits for its tasks, and a task for the scopes opened in it.
// Only a snapshot with stacks knows who waits.
func (s *Snapshot) Cycles() [][]string {
	t := newTree(s.Nodes)
	c := &cycleSearch{tree: t, state: make([]visit, len(t.nodes))}
	for i := range t.nodes {
		if len(t.nodes[i].WaitsFor) > 0 {
			c.visit(i)
		}
	}
	return c.found
}

type visit uint8

const (
	unvisited visit = iota
	onTrail
	visited
)

// A cycleSearch is a depth-first search: an edge back to the trail closes a
// circle.
type cycleSearch struct {
	*tree

	state []visit
	trail []int
	found [][]string
}

func (c *cycleSearch) visit(i int) {
	switch c.state[i] {
	case visited:
		return
	case onTrail:
		var ids []string
		for _, on := range c.trail[slices.Index(c.trail, i):] {
			ids = append(ids, c.nodes[on].ID)
		}
		c.found = append(c.found, ids)
		return
	case unvisited:
	}
	c.state[i] = onTrail
	c.trail = append(c.trail, i)
	for _, id := range c.nodes[i].WaitsFor {
		if next, ok := c.byID[id]; ok {
			c.visit(next)
		}
	}
	for _, child := range c.children[i] {
		if c.nodes[child].Kind != "daemon" {
			c.visit(child)
		}
	}
	c.trail = c.trail[:len(c.trail)-1]
	c.state[i] = visited
}
