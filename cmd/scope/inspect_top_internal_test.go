package main

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/supervisorscope/scope/inspect"
)

func newTop(nodes ...inspect.Node) *topModel {
	m := &topModel{
		snap: &inspect.Snapshot{Nodes: nodes}, closed: map[string]bool{}, lines: 24, columns: 80,
	}
	m.arrange()
	return m
}

func TestTop_DrawsOnATinyTerminal(t *testing.T) {
	m := newTop(inspect.Node{ID: "1", Path: "app", Name: "app", Kind: "scope", State: "open",
		Counts: &inspect.Counts{}})
	for _, text := range []string{"", keysHelp} {
		if text != "" {
			m.show(text)
		}
		for lines := range 4 {
			for columns := range 4 {
				m.Update(tea.WindowSizeMsg{Width: columns, Height: lines})
				m.View()
				m.press(tea.KeyPressMsg{Code: tea.KeyPgDown})
				if view := m.View(); view.Content == "" { // and it has not panicked
					t.Errorf("nothing is drawn on %d×%d", columns, lines)
				}
			}
		}
	}
}

// Lines of strays look alike, and have no ID.
func TestTop_KeepsTheChoiceAmongStrays(t *testing.T) {
	strays := []inspect.Goroutine{
		{ID: 7, Wait: "select", CreatedBy: "main.a"}, {ID: 8, Wait: "select", CreatedBy: "main.b"},
	}
	m := newTop(
		inspect.Node{ID: "1", Path: "app", Name: "app", Kind: "scope", State: "open",
			Counts: &inspect.Counts{}},
		inspect.Node{ID: "1.1", Parent: "1", Path: "app/a", Name: "a", Kind: "task",
			State: "running", Strays: strays},
	)
	for want := range m.rows {
		m.chosen = 0
		for range want {
			m.move("down")
		}
		m.arrange() // as with each look
		if m.chosen != want {
			t.Errorf("row %d was chosen, and after a look row %d", want, m.chosen)
		}
	}
}
