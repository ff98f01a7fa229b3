package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// commandLine is what scope understands: one field for each verb.
type commandLine struct {
	Run     runCommand     `cmd:"" help:"Run commands as the tasks of one scope."`
	PS      psCommand      `cmd:"" name:"ps" help:"List programs to look at, or the tasks of one."`
	Tree    treeCommand    `cmd:"" help:"Show the tree of a program, and where it is blocked."`
	Top     topCommand     `cmd:"" help:"Follow the tree of a program."`
	Why     whyCommand     `cmd:"" help:"Tell why a task is being stopped, and what it waits for."`
	Stacks  stacksCommand  `cmd:"" help:"Print the stacks of a task and of its strays."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// verb is what a field of commandLine implements. It returns the exit status.
type verb interface {
	run(out *output) int
}

const description = "Structured concurrency for the shell: " +
	"run commands together, end them together."

// printHelp is the usual help with a usage line that the verb may word itself.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	usage := "scope <command>"
	if selected := ctx.Selected(); selected != nil {
		usage = "scope " + selected.Summary()
		if v, ok := selected.Target.Addr().Interface().(interface{ usage() string }); ok {
			usage = v.usage()
		}
	}
	if _, err := fmt.Fprintf(ctx.Stdout, "Usage: %s\n", usage); err != nil {
		return err
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// verbOf returns the verb that an error of the parser is about, or "" if there is
// none.
func verbOf(err error) string {
	if p, ok := errors.AsType[*kong.ParseError](err); ok {
		if selected := p.Context.Selected(); selected != nil {
			return selected.Name
		}
	}
	return ""
}

// run is main without the process: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	out := newOutput(stdout, stderr)
	var cl commandLine
	helped := false
	parser, err := kong.New(&cl,
		kong.Name("scope"),
		kong.Description(description),
		kong.Vars{
			"policy": policyHelp, "command": commandHelp, "target": targetHelp, "path": pathHelp,
		},
		kong.Writers(stdout, stderr),
		kong.ConfigureHelp(kong.HelpOptions{
			Compact: true, NoAppSummary: true, WrapUpperBound: 80,
		}),
		kong.Help(printHelp),
		// Parsing goes on after the help has been printed, unless this exits.
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		panic(fmt.Sprintf("scope: the tags of commandLine are wrong: %v", err))
	}
	ctx, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		return out.misused(verbOf(err), err)
	}
	selected, ok := ctx.Selected().Target.Addr().Interface().(verb)
	if !ok {
		panic(fmt.Sprintf("scope: the verb %q has no run method; give it one", ctx.Command()))
	}
	return selected.run(out)
}
