package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"github.com/supervisorscope/scope/inspect"
)

// topCommand is scope top.
type topCommand struct {
	Target   string        `arg:"" optional:"" help:"${target}"`
	Interval time.Duration `default:"1s" help:"Time between two looks."`
}

// Help is what scope top --help says beyond the flags.
func (*topCommand) Help() string {
	return `Keys: up and down, page up and down, g and G move; enter opens and closes a
branch; e shows each task on a line of its own; s changes the order (tree, age,
name, state, path); / filters; w shows the line that each task is blocked at, at
the price of a short stop at each look; t tells all about the chosen task: why
it is being stopped, and its stack; space holds the picture; ? shows the keys;
q quits.`
}

// keysHelp is what ? shows.
const keysHelp = `q, Ctrl-C            quit
up, down, k, j       choose a row; page up, page down, g and G go further
enter, left, right   fold and unfold the branch
t                    all about the chosen task: why it is being stopped, its stack
w                    the line that each task is blocked at; it stops the program
                     for a moment at each look, as long as the first line says
e                    each task on a line of its own, or like ones together
s                    order: tree, age, name, state, path
/                    filter by path, kind, state, file or note; esc drops it
space                hold the picture`

func (c *topCommand) run(out *output) int {
	if c.Interval < 100*time.Millisecond {
		return out.misused("top", errors.New("the interval must be 100ms at least"))
	}
	if !hasTerminal() {
		return out.failed(errors.New("top needs a terminal; scope tree does not"))
	}
	t, err := newTarget(c.Target)
	if err != nil {
		return out.failed(err)
	}
	snap, err := t.look(context.Background(), false) // fail before the screen is taken
	if err != nil {
		return out.failed(err)
	}
	m := &topModel{
		target: t, interval: c.Interval, snap: snap, seen: time.Now(), closed: map[string]bool{},
		lines: 24, columns: 80, // until the terminal has told
	}
	m.arrange()
	if _, err := tea.NewProgram(m).Run(); err != nil {
		return out.failed(err)
	}
	return 0
}

// hasTerminal reports whether there is a screen and a keyboard. If standard input
// is no terminal, the keys come from the terminal that rules the process.
func hasTerminal() bool {
	if !term.IsTerminal(int(os.Stdout.Fd())) {
		return false
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		return true
	}
	in, out, err := tea.OpenTTY()
	if err != nil {
		return false
	}
	_, _ = in.Close(), out.Close() // it was only tried, and both may be one file
	return true
}

// topModel is what scope top shows.
type topModel struct {
	target   *target
	interval time.Duration
	snap     *inspect.Snapshot
	seen     time.Time // when snap came
	lost     error     // why the last look failed
	looking  bool      // a look is under way

	lines, columns int // of the terminal

	order  int // index in orders
	filter string
	typing bool // the filter is being typed
	all    bool // each task on a line of its own
	where  bool // with stacks
	held   bool
	closed map[string]bool // by ID, branches that do not show what is below

	rows   []topRow
	chosen int
	key    string // of the chosen row: it stays chosen when rows come and go
	top    int    // the first row on the screen

	pane    []string // text that is shown in place of the tree
	paneTop int
}

// A topRow is a line of the view.
type topRow struct {
	inspect.Row

	more bool   // something hangs below
	hid  bool   // and is not shown
	key  string // tells it from all others
}

// keyOf returns the ID of what stands in r. A line of strays has none, and can
// look like another: its place below its owner makes the difference.
func keyOf(r inspect.Row, owner string, place int) string {
	if len(r.IDs) > 0 {
		return r.IDs[0]
	}
	return fmt.Sprintf("%s~%d", owner, place)
}

// orders are those of the rows. In all but the first one the tree is given up.
func orders() []string { return []string{"tree", "age", "name", "state", "path"} }

// What comes in beside keys.
type (
	tickMsg struct{}
	lookMsg struct {
		snap *inspect.Snapshot
		err  error
	}
	detailsMsg struct{ text string }
)

// Init starts the clock.
func (m *topModel) Init() tea.Cmd { return m.tick() }

func (m *topModel) tick() tea.Cmd {
	return tea.Tick(m.interval, func(time.Time) tea.Msg { return tickMsg{} })
}

func (m *topModel) look() tea.Cmd {
	m.looking = true
	stacks := m.where
	return func() tea.Msg {
		snap, err := m.target.look(context.Background(), stacks)
		return lookMsg{snap: snap, err: err}
	}
}

// Update takes what has happened.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.lines, m.columns = msg.Height, msg.Width
	case tickMsg:
		if m.looking || m.held {
			return m, m.tick()
		}
		return m, tea.Batch(m.look(), m.tick())
	case lookMsg:
		m.looking = false
		m.lost = msg.err
		if msg.err == nil {
			m.snap, m.seen = msg.snap, time.Now()
			m.arrange()
		}
	case detailsMsg:
		m.show(msg.text)
	case tea.KeyPressMsg:
		return m, m.press(msg)
	}
	return m, nil
}

func (m *topModel) press(k tea.KeyPressMsg) tea.Cmd {
	key := k.String()
	switch {
	case key == "ctrl+c":
		return tea.Quit
	case m.typing:
		m.typeFilter(key, k.Text)
		return nil
	case m.pane != nil:
		return m.pressInPane(key)
	case m.move(key):
		return nil
	}
	return m.command(key)
}

// typeFilter takes a key of the line at the bottom.
func (m *topModel) typeFilter(key, text string) {
	switch key {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		if runes := []rune(m.filter); len(runes) > 0 {
			m.filter = string(runes[:len(runes)-1])
		}
	default:
		m.filter += text
	}
	m.arrange()
}

func (m *topModel) pressInPane(key string) tea.Cmd {
	page := m.paneLines()
	switch key {
	case "q", "esc", "t", "?":
		m.pane = nil
	case "down", "j":
		m.paneTop++
	case "up", "k":
		m.paneTop--
	case "pgdown":
		m.paneTop += page
	case "pgup":
		m.paneTop -= page
	}
	m.paneTop = max(0, min(m.paneTop, len(m.pane)-page))
	return nil
}

// move moves the choice, and reports whether key does that.
func (m *topModel) move(key string) bool {
	switch key {
	case "down", "j":
		m.chosen++
	case "up", "k":
		m.chosen--
	case "pgdown":
		m.chosen += m.body()
	case "pgup":
		m.chosen -= m.body()
	case "home", "g":
		m.chosen = 0
	case "end", "G":
		m.chosen = len(m.rows) - 1
	default:
		return false
	}
	m.chosen = max(0, min(m.chosen, len(m.rows)-1))
	if m.chosen < len(m.rows) {
		m.key = m.rows[m.chosen].key
	}
	return true
}

func (m *topModel) command(key string) tea.Cmd {
	switch key {
	case "q":
		return tea.Quit
	case "s":
		m.order = (m.order + 1) % len(orders())
	case "/":
		m.typing, m.filter = true, ""
	case "esc":
		m.filter = ""
	case "e":
		m.all = !m.all
	case "space":
		m.held = !m.held
	case "enter", "right", "left":
		m.closed[m.key] = !m.closed[m.key]
	case "w":
		m.where = !m.where
		if !m.looking {
			defer m.arrange()
			return m.look()
		}
	case "t":
		return m.details()
	case "?":
		m.show(keysHelp)
	}
	m.arrange()
	return nil
}

// show shows text in place of the tree.
func (m *topModel) show(text string) {
	m.pane, m.paneTop = strings.Split(strings.TrimRight(text, "\n"), "\n"), 0
}

// details asks for all about what is chosen.
func (m *topModel) details() tea.Cmd {
	if m.chosen >= len(m.rows) || len(m.rows[m.chosen].IDs) == 0 {
		return nil
	}
	ids := m.rows[m.chosen].IDs
	return func() tea.Msg {
		snap, err := m.target.look(context.Background(), true)
		if err != nil {
			return detailsMsg{text: printable(err.Error())}
		}
		var b strings.Builder
		if err := snap.WriteWhy(&b, ids[0]); err != nil {
			return detailsMsg{text: "it has ended"}
		}
		b.WriteByte('\n')
		_ = snap.WriteStacks(&b, ids[0]) // it was found before
		return detailsMsg{text: b.String()}
	}
}
