package main

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

// runCommand is scope run.
type runCommand struct {
	Policy  string        `enum:"all,supervise" default:"all" help:"${policy}"`
	Grace   time.Duration `default:"10s" help:"Time between SIGTERM and SIGKILL."`
	Command []string      `arg:"" optional:"" passthrough:"partial" help:"${command}"`
}

const (
	policyHelp = `What a failure does: "all" ends the other commands, ` +
		`"supervise" reports it and leaves them running.`
	commandHelp = `Commands with their arguments, separated by the word ":::". ` +
		"They are started in this order. No shell is involved."
)

func (*runCommand) usage() string {
	return "scope run [flags] [--] <command> [::: <command> ...]"
}

// Help is what scope run --help says beyond the flags.
func (*runCommand) Help() string {
	return `Example:

  scope run -- web --port 80 ::: sh -c 'while :; do date; sleep 1; done'

Ctrl-C and SIGTERM ask all commands to end, by SIGTERM; what still runs when
the grace is over is killed. A second Ctrl-C kills at once. scope returns
when nothing that the commands started in their process groups runs any more; a
third Ctrl-C ends scope itself.

The exit status is that of the first thing that went wrong: the status of the
command that failed, 128+N if signal N ended it, 130 after Ctrl-C, 143 after
SIGTERM; 127 if a command was not found, 126 if it cannot be executed (then
nothing is started), 2 for wrong usage.`
}

// run runs the commands and returns the exit status.
func (c *runCommand) run(out *output) int {
	words := c.Command
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	commands, err := split(words)
	if err != nil {
		return out.misused("run", err)
	}
	if c.Grace < 0 {
		return out.misused("run", fmt.Errorf("the grace %v is negative", c.Grace))
	}
	r := &runner{
		out:       out,
		supervise: c.Policy == "supervise",
		grace:     c.Grace,
		kill:      make(chan struct{}),
	}
	r.specs = r.plan(commands)
	if !r.check() {
		return r.verdict.get()
	}
	return r.run()
}

// runner runs a set of commands.
type runner struct {
	out       *output
	supervise bool
	grace     time.Duration
	specs     []process.Spec
	kill      chan struct{} // closed by the second signal
	verdict   verdict
}

// plan describes the commands.
func (r *runner) plan(commands [][]string) []process.Spec {
	all := names(commands)
	width := 0
	for _, name := range all {
		width = max(width, utf8.RuneCountInString(name))
	}
	grace := r.grace
	if grace == 0 {
		grace = -1 // a zero Spec.Grace stands for the default
	}
	specs := make([]process.Spec, len(commands))
	for i, name := range all {
		sink := func(to *screen) *prefixer {
			return &prefixer{prefix: prefix(name, width, i, to.colour), to: to}
		}
		specs[i] = process.Spec{
			Name:   name,
			Args:   commands[i],
			Stdout: sink(r.out.stdout),
			Stderr: sink(r.out.stderr),
			Grace:  grace,
			Kill:   r.kill,
		}
	}
	return specs
}

// check reports whether all commands could be started, and tells about those
// that could not.
func (r *runner) check() bool {
	ok := true
	for _, spec := range r.specs {
		if err := spec.Check(); err != nil {
			ok = false
			r.failed(spec.Name, err)
		}
	}
	return ok
}

// run runs the commands to their end and returns the exit status. The signals
// are watched from a scope around that of the commands, which is cancelled when
// a second signal may still come.
func (r *runner) run() int {
	signals, release := catchSignals() // before anything runs that it could orphan
	defer release()
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		commands, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		s.Daemon("signals", func(ctx context.Context) error {
			return r.watchSignals(ctx, signals, release, stop)
		})
		return r.runCommands(commands)
	}, scope.Name(rootScope))
	if err != nil {
		r.verdict.note(statusOf(err)) // has been noted, and told, where it happened
	}
	return r.verdict.get()
}

// The names of the scopes.
const (
	rootScope    = "scope"
	commandScope = "run"
)

// patience is the time from the request to end until the operator is told who
// has not: SIGKILL may take a while.
func (r *runner) patience() time.Duration {
	return max(r.grace, r.grace+5*time.Second) // the sum may be too long for a Duration
}

func (r *runner) runCommands(ctx context.Context) error {
	open := scope.Run
	if r.supervise {
		open = scope.Supervise
	}
	return open(ctx, r.startAll,
		scope.Name(commandScope),
		scope.Grace(r.patience()),
		// A handler would not see the failure that becomes the scope's result,
		// and the operator is not to wait for that until the others have ended.
		scope.OnFailure(scope.Ignore),
		scope.Observe(scope.Observer{TaskEnded: r.ended, Straggling: r.stuck}),
	)
}

// startAll starts the commands in their order, each when the one before has been
// started or has failed to: whoever reads the command line from left to right
// expects it, and the first command shall not be stopped by the last before it
// has begun.
func (r *runner) startAll(ctx context.Context, s *scope.Scope) error {
	for _, spec := range r.specs {
		if ctx.Err() != nil {
			return nil // start no more
		}
		started := make(chan struct{}) // closed when the process has been started
		spec.Started = func(int) { close(started) }
		task := s.Go(spec.Name, func(ctx context.Context) error {
			return process.Run(ctx, spec)
		})
		select {
		case <-started:
		case <-task.Done():
		}
	}
	return nil
}

// ended is told of the end of each task, also of those within process.Run.
func (r *runner) ended(info scope.TaskInfo) {
	command := info.Path == rootScope+"/"+commandScope+"/"+info.Name
	failed := info.State == "failed" || info.State == "panicked"
	if f, ok := errors.AsType[*scope.Failure](info.Err); ok && command && failed {
		r.failed(info.Name, f.Err)
	}
}

// failed notes and tells that a command failed.
func (r *runner) failed(name string, err error) {
	r.verdict.note(statusOf(err))
	text := err.Error()
	if exit, ok := errors.AsType[*process.ExitError](err); ok {
		text = exit.Status()
	} else if start, ok := errors.AsType[*process.StartError](err); ok {
		text = start.Err.Error()
	}
	r.out.tellf("%s failed: %s", name, text)
}

// stuck tells which commands even SIGKILL has not ended.
func (r *runner) stuck(late *scope.StragglersError) {
	for _, t := range late.Tasks {
		if info, ok := t.Task.Detail.(process.Info); ok {
			r.out.tellf("%s (process %d) still runs %v after it was asked to end; waiting",
				t.Task.Name, info.PID, r.patience())
		}
	}
}
