package inspect

import (
	"path"
	"slices"
	"strings"
)

// A tree is a snapshot with its links: indexes of nodes, -1 for none.
type tree struct {
	nodes    []Node
	byID     map[string]int
	parents  []int
	children [][]int
	roots    []int
}

func newTree(nodes []Node) *tree {
	t := &tree{
		nodes: nodes, byID: make(map[string]int, len(nodes)),
		parents: make([]int, len(nodes)), children: make([][]int, len(nodes)),
	}
	for i, n := range nodes {
		t.byID[n.ID] = i
		parent, ok := t.byID[n.Parent] // parents come first
		if !ok || n.Parent == "" {
			t.parents[i] = -1
			t.roots = append(t.roots, i)
			continue
		}
		t.parents[i] = parent
		t.children[parent] = append(t.children[parent], i)
	}
	return t
}

// Find returns the nodes that what names: the one with that ID; else those with
// that path; else those whose path ends in it, element by element, which may be
// patterns of [path.Match]: * and ? stand for any text and any character, [13] for
// one of two, and \[ for a bracket.
func (s *Snapshot) Find(what string) []*Node {
	var found []*Node
	for _, matches := range matchers(what) {
		for i := range s.Nodes {
			if n := &s.Nodes[i]; matches(n.ID, n.Path) {
				found = append(found, n)
			}
		}
		if len(found) > 0 || what == "" {
			break
		}
	}
	return found
}

// matchers are the ways in which what can name something, the best first.
func matchers(what string) []func(id, path string) bool {
	return []func(id, path string) bool{
		func(id, _ string) bool { return id == what },
		func(_, path string) bool { return path == what },
		func(_, path string) bool { return endsIn(path, what) },
	}
}

func endsIn(nodePath, pattern string) bool {
	elements := strings.Split(nodePath, "/")
	patterns := strings.Split(strings.Trim(pattern, "/"), "/")
	if len(patterns) > len(elements) {
		return false
	}
	elements = elements[len(elements)-len(patterns):]
	return !slices.ContainsFunc(patterns, func(p string) bool {
		element := elements[0]
		elements = elements[1:]
		ok, err := path.Match(p, element)
		return p != element && (!ok || err != nil)
	})
}
