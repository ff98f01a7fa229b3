package inspect

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean returns text without characters that could move a terminal's cursor or
// reverse its direction; they stand there as in a Go string.
func clean(text string) string {
	if !strings.ContainsFunc(text, isUnprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isUnprintable(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isUnprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// age writes d for people: "3ms", "42s", "5m02s", "3h07m", "12d4h".
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// short returns a line of source with no more of its path than the last
// directory.
func short(site string) string {
	dir, file := path.Split(strings.ReplaceAll(site, "\\", "/"))
	return path.Join(path.Base(dir), file)
}

// thousands writes n with commas.
func thousands[N int | uint64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural writes n and what there are n of.
func plural[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// where says what a goroutine is doing: "chan receive for 3m at app/conn.go:12".
func (g *Goroutine) where() string {
	text := g.Wait
	if g.Minutes > 0 {
		text += fmt.Sprintf(" for %dm", g.Minutes)
	}
	if g.At != "" {
		text += " at " + short(g.At)
	}
	return text
}

// tally writes the counts that are not zero.
func (c *Counts) tally() string {
	parts := []string{thousands(c.Live) + " live"}
	if c.Daemons > 0 {
		parts = append(parts, plural(c.Daemons, "daemon", "daemons"))
	}
	for _, x := range []struct {
		n    uint64
		word string
	}{
		{c.OK, "ok"}, {c.Failed, "failed"}, {c.Panicked, "panicked"},
		{c.Cancelled, "cancelled"}, {c.Refused, "refused"},
	} {
		if x.n > 0 {
			parts = append(parts, thousands(x.n)+" "+x.word)
		}
	}
	return strings.Join(parts, ", ")
}

// label names n in a tree: a scope without a name by its place.
func (n *Node) label() string {
	if n.Name == "" {
		return "(scope " + n.ID + ")"
	}
	return clean(n.Name)
}

// String describes the snapshot and what it cost, in one line.
func (s *Snapshot) String() string {
	scopes := 0
	for i := range s.Nodes {
		if s.Nodes[i].IsScope() {
			scopes++
		}
	}
	text := fmt.Sprintf("%s, pid %d: %s, %s; looked at in %v", clean(s.Program.Name), s.Program.PID,
		plural(scopes, "scope", "scopes"), plural(len(s.Nodes)-scopes, "task", "tasks"),
		s.Cost.Walk.Round(time.Microsecond))
	if g := s.Goroutines; g != nil {
		text += fmt.Sprintf(", world stopped for at most %v; %s: %s in tasks, %s, %s of no task",
			s.Cost.Stacks.Round(time.Microsecond), plural(g.Total, "goroutine", "goroutines"),
			thousands(g.Tasks), plural(g.Strays, "stray", "strays"), thousands(g.Others))
		if s.Cost.Cut {
			text += " (too many to print: stacks are missing)"
		}
	}
	return text
}
