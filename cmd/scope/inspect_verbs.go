package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/supervisorscope/scope/inspect"
)

const targetHelp = "The number of a process, a socket, or the URL of an inspect.Handler. " +
	"May be left out if there is only one program to look at."

// treeCommand is scope tree.
type treeCommand struct {
	Target string `arg:"" optional:"" help:"${target}"`
	All    bool   `help:"A line for each task; otherwise like tasks share one."`
	Stacks bool   `default:"true" negatable:"" help:"Show the line that each task is blocked at. It stops the program for a moment, which is measured."` //nolint:lll // a tag has one line
}

func (c *treeCommand) run(out *output) int {
	return view(out, c.Target, c.Stacks, func(w io.Writer, s *inspect.Snapshot) error {
		return s.WriteTree(w, inspect.TreeOptions{All: c.All, Colour: out.stdout.colour})
	})
}

// psCommand is scope ps: of the programs, or of the tasks of one.
type psCommand struct {
	Target string `arg:"" optional:"" help:"A program as for tree, to list its tasks. Without: list the programs."` //nolint:lll // a tag has one line
	Sort   string `enum:"tree,age,name,state,path" default:"tree" help:"Order: tree, age, name, state or path."`    //nolint:lll // a tag has one line
	Filter string `help:"Show only what has this text in its path, state, kind, site or note."`
	Stacks bool   `help:"Show the line that each task is blocked at, too."`
}

func (c *psCommand) run(out *output) int {
	if c.Target == "" {
		return listPrograms(out)
	}
	return view(out, c.Target, c.Stacks, func(w io.Writer, s *inspect.Snapshot) error {
		return s.WritePS(w, inspect.PSOptions{Sort: c.Sort, Filter: c.Filter})
	})
}

// pathArgs are the arguments of a verb about one task or scope: [TARGET] PATH.
// What may be left out has to stand last for kong, so a PATH alone arrives as
// the Target.
type pathArgs struct {
	Target string `arg:"" optional:"" help:"${target}"`
	Path   string `arg:"" optional:"" help:"${path}"`
}

// split returns what the user meant. An empty target is the only program.
func (a *pathArgs) split() (target, what string, err error) {
	switch {
	case a.Path != "":
		return a.Target, a.Path, nil
	case a.Target != "":
		return "", a.Target, nil
	default:
		return "", "", errors.New("no path given")
	}
}

// whyCommand is scope why.
type whyCommand struct{ pathArgs }

func (*whyCommand) usage() string { return "scope why [<target>] <path>" }

const pathHelp = "The ID of a task or scope, its path, or the end of its path, " +
	"where *, ? and [ab] match within an element."

// Help is what scope why --help says beyond the flags.
func (*whyCommand) Help() string {
	return `What has ended already is told of if the program keeps a history (see
inspect.Record), as far back as that reaches.`
}

func (c *whyCommand) run(out *output) int {
	name, what, err := c.split()
	if err != nil {
		return out.misused("why", err)
	}
	t, err := newTarget(name)
	if err != nil {
		return out.failed(err)
	}
	snap, err := t.look(context.Background(), true)
	if err != nil {
		return out.failed(err)
	}
	past, err := t.history(context.Background(), what)
	if err != nil {
		return out.failed(err)
	}
	var text strings.Builder // writing to it does not fail: an error says that nothing was found
	notLive := snap.WriteWhy(&text, what)
	if past == nil {
		if notLive != nil {
			return out.failed(fmt.Errorf("%w; it keeps no history of what has ended: "+
				"see inspect.Record", notLive))
		}
	} else if err := past.WriteWhy(&text, what); err != nil && notLive != nil {
		return out.failed(err)
	}
	if _, err := io.WriteString(out.stdout, text.String()); err != nil {
		return out.failed(err)
	}
	return 0
}

// stacksCommand is scope stacks.
type stacksCommand struct{ pathArgs }

func (*stacksCommand) usage() string { return "scope stacks [<target>] <path>" }

func (c *stacksCommand) run(out *output) int {
	name, what, err := c.split()
	if err != nil {
		return out.misused("stacks", err)
	}
	return view(out, name, true, func(w io.Writer, s *inspect.Snapshot) error {
		return s.WriteStacks(w, what)
	})
}

// view looks at the target and writes what it sees.
func view(
	out *output, name string, stacks bool, write func(io.Writer, *inspect.Snapshot) error,
) int {
	t, err := newTarget(name)
	if err != nil {
		return out.failed(err)
	}
	snap, err := t.look(context.Background(), stacks)
	if err != nil {
		return out.failed(err)
	}
	if err := write(out.stdout, snap); err != nil {
		return out.failed(err)
	}
	return 0
}

// failed tells err, and returns the exit status for it.
func (o *output) failed(err error) int {
	o.tellf("%s", strings.TrimPrefix(err.Error(), "inspect: "))
	return statusOther
}

// listPrograms writes the programs of this user that can be looked at.
func listPrograms(out *output) int {
	table := tabwriter.NewWriter(out.stdout, 0, 0, 2, ' ', 0)
	var lines []string
	status := 0
	for _, socket := range sockets() {
		snap, err := socketTarget(socket).look(context.Background(), false)
		if err != nil {
			status = out.failed(err) // it is stopped, or has ended just now
			continue
		}
		lines = append(lines, programLine(snap, socket))
	}
	if len(lines) == 0 {
		if status == 0 {
			out.tellf("%v", errNoProgram)
		}
		return status
	}
	text := "PID\tPROGRAM\tSCOPES\tTASKS\tSTOPPING\tSTRAGGLING\tFAILED\tSOCKET\n" +
		strings.Join(lines, "")
	if _, err := io.WriteString(table, text); err != nil {
		return out.failed(err)
	}
	if err := table.Flush(); err != nil {
		return out.failed(err)
	}
	return status
}

func programLine(s *inspect.Snapshot, socket string) string {
	var scopes, tasks, stopping, straggling int
	var failed uint64
	for i := range s.Nodes {
		n := &s.Nodes[i]
		switch n.State {
		case "cancelling":
			stopping++
		case "straggling":
			stopping++
			straggling++
		}
		if n.IsScope() {
			scopes++
			failed += n.Counts.Failed + n.Counts.Panicked
		} else {
			tasks++
		}
	}
	return fmt.Sprintf("%d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Program.PID,
		printable(s.Program.Name), scopes, tasks, stopping, straggling,
		failed, socket)
}
