package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/supervisorscope/scope/inspect"
)

// body is how many rows fit between the head and the foot.
func (m *topModel) body() int { return max(1, m.lines-4) }

// paneLines is how many lines of text fit there.
func (m *topModel) paneLines() int { return max(1, m.lines-3) }

// arrange makes the rows of the snapshot, and keeps the choice where it is.
func (m *topModel) arrange() {
	if orders()[m.order] == "tree" && m.filter == "" {
		m.rows = m.treeRows()
	} else {
		m.rows = m.flatRows()
	}
	if i := slices.IndexFunc(m.rows, func(r topRow) bool { return r.key == m.key }); i >= 0 {
		m.chosen = i
	}
	m.chosen = max(0, min(m.chosen, len(m.rows)-1))
	if len(m.rows) > 0 {
		m.key = m.rows[m.chosen].key
	}
}

// treeRows leaves out what hangs below a closed branch.
func (m *topModel) treeRows() []topRow {
	all := m.snap.Rows(inspect.TreeOptions{All: m.all})
	var rows []topRow
	closedAt := -1 // the depth of the branch that is being left out
	owner, place := "", 0
	for i, r := range all {
		if place++; len(r.IDs) > 0 {
			owner, place = r.IDs[0], 0
		}
		if closedAt >= 0 && r.Depth > closedAt {
			continue
		}
		row := topRow{Row: r, key: keyOf(r, owner, place)}
		row.more = i+1 < len(all) && all[i+1].Depth > r.Depth
		closedAt = -1
		if row.more && m.closed[row.key] {
			row.hid, closedAt = true, r.Depth
		}
		rows = append(rows, row)
	}
	return rows
}

// flatRows is a list without a tree.
func (m *topModel) flatRows() []topRow {
	var rows []topRow
	for _, n := range m.nodes() {
		rows = append(rows, topRow{key: n.ID, Row: inspect.Row{
			Name: printable(n.Path), State: printable(n.State), Text: printable(flatText(n)),
			IDs: []string{n.ID},
		}})
	}
	return rows
}

func flatText(n *inspect.Node) string {
	text := age(n.Age) + "  " + base(n.Site)
	if n.Goroutine != nil {
		text += "  [" + n.Goroutine.Wait
		if n.Goroutine.At != "" {
			text += " at " + base(n.Goroutine.At)
		}
		text += "]"
	}
	if n.Note != "" {
		text += "  " + n.Note
	}
	if len(n.Causes) > 0 {
		text += "  cause: " + n.Causes[0].String()
	}
	if n.LastFailure != nil && n.IsScope() {
		text += "  last failure: " + n.LastFailure.String()
	}
	return text
}

// base is a line of source without its directory.
func base(site string) string { return site[strings.LastIndexByte(site, '/')+1:] }

// nodes returns what the filter leaves, in order.
func (m *topModel) nodes() []*inspect.Node {
	var nodes []*inspect.Node
	for i := range m.snap.Nodes {
		n := &m.snap.Nodes[i]
		text := strings.Join([]string{n.Path, n.Kind, n.State, n.Site, n.Note}, "\n")
		if strings.Contains(strings.ToLower(text), strings.ToLower(m.filter)) {
			nodes = append(nodes, n)
		}
	}
	slices.SortStableFunc(nodes, func(a, b *inspect.Node) int {
		switch orders()[m.order] {
		case "age":
			return a.Started.Compare(b.Started)
		case "name":
			return strings.Compare(a.Name, b.Name)
		case "state":
			return strings.Compare(a.State, b.State)
		case "path":
			return strings.Compare(a.Path, b.Path)
		default:
			return 0
		}
	})
	return nodes
}

func age(d time.Duration) string {
	if d > time.Second {
		return d.Truncate(time.Second).String()
	}
	return d.Truncate(time.Millisecond).String()
}

// printable keeps the program's words from moving the cursor.
func printable(text string) string {
	quoted := fmt.Sprintf("%q", text)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}

// View draws the screen.
func (m *topModel) View() tea.View {
	var b strings.Builder
	b.WriteString(m.head())
	if m.pane != nil {
		end := min(len(m.pane), m.paneTop+m.paneLines())
		for _, line := range m.pane[m.paneTop:end] {
			b.WriteString(m.fit(line) + "\n")
		}
	} else {
		m.drawRows(&b)
	}
	for strings.Count(b.String(), "\n") < m.lines-1 {
		b.WriteByte('\n')
	}
	b.WriteString(m.foot())
	v := tea.NewView(b.String())
	v.AltScreen = true
	return v
}

func (m *topModel) head() string {
	if m.lost != nil {
		text := fmt.Sprintf("%s, pid %d, is gone; this is how it was %s ago (%v)",
			m.snap.Program.Name, m.snap.Program.PID, age(time.Since(m.seen)), m.lost)
		return m.fit("\x1b[31m"+printable(text)+"\x1b[m") + "\n"
	}
	text := printable(m.snap.String())
	if m.held {
		text = "HELD  " + text
	}
	for _, d := range m.snap.Deadlocks() {
		text = "\x1b[31m" + d + "\x1b[m  " + text
	}
	return m.fit(text) + "\n"
}

func (m *topModel) drawRows(b *strings.Builder) {
	if m.chosen < m.top {
		m.top = m.chosen
	}
	if m.chosen >= m.top+m.body() {
		m.top = m.chosen - m.body() + 1
	}
	m.top = max(0, min(m.top, len(m.rows)-m.body()))
	shown := m.rows[m.top:min(len(m.rows), m.top+m.body())]
	name, state := 4, 5
	for _, r := range shown {
		name, state = max(name, ansi.StringWidth(r.Name)+2), max(state, len(r.State))
	}
	name = min(name, m.columns/2)
	titles := pad("NAME", name) + " " + pad("STATE", state) + "  AGE, STARTED AT, …"
	b.WriteString("\x1b[2m" + m.fit(titles) + "\x1b[m\n")
	for i, r := range shown {
		mark := ""
		if r.hid {
			mark = " …"
		}
		front := pad(ansi.Truncate(r.Name, name-2, "…")+mark, name)
		if m.top+i == m.chosen {
			line := m.fit(front + " " + pad(r.State, state) + "  " + r.Text)
			b.WriteString("\x1b[7m" + pad(line, m.columns) + "\x1b[m\n")
			continue
		}
		b.WriteString(m.fit(front+" "+paint(r.State, pad(r.State, state))+"  "+r.Text) + "\n")
	}
}

// paint colours the states that matter.
func paint(state, text string) string {
	var colour int
	switch state {
	case "cancelling", "backoff", "stopping":
		colour = 33
	case "straggling", "stuck":
		colour = 31
	case "starting", "queued", "draining", "completing":
		colour = 36
	case "parked", "stopped":
		colour = 35
	case "running", "open", "ready":
		colour = 32
	default:
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[m", colour, text)
}

func (m *topModel) foot() string {
	switch {
	case m.typing:
		return m.fit("filter: " + m.filter + "█   enter keeps it, esc drops it")
	case m.pane != nil:
		return m.fit("\x1b[2mup, down, page up, page down; q goes back\x1b[m")
	}
	filter := ""
	if m.filter != "" {
		filter = "  filter " + m.filter
	}
	const keys = "q quit  ? keys  t all about it  w where  / filter  s order  " +
		"enter fold  e expand  space hold"
	return m.fit(fmt.Sprintf("\x1b[2m%d of %d  order %s%s   %s\x1b[m",
		min(m.chosen+1, len(m.rows)), len(m.rows), orders()[m.order], filter, keys))
}

func (m *topModel) fit(line string) string { return ansi.Truncate(line, m.columns, "…") }

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}
