package process

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/supervisorscope/scope"
)

// Info is the detail of a task in [Run]; see [scope.Describe].
type Info struct {
	PID  int      // of the process, and of its group
	Args []string // the command and its arguments
}

// Run starts the process that spec describes and returns when it is over: the
// process has ended, nothing runs in its group, and its output has been
// written.
//
// Run returns nil if the process exited with status 0 and left nobody behind
// who had to be killed; a [*StartError] if it cannot be started; else an
// [*ExitError]. Once ctx is done, or a sink has failed, it asks the group to
// end, see [Spec.StopSignal] and [Spec.Grace]; the error then wraps the cause of
// ctx or the error of the sink, also if the process exited with 0. If ctx is
// done before the start, Run starts nothing and returns the cause.
//
// When the process ends of its own accord, members of its group that are left
// are asked and, after the grace, killed too. Run does not forward signals,
// does not start a process again, and does not limit how long it runs.
func Run(ctx context.Context, spec Spec) error {
	c, err := spec.resolve()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p := &proc{command: c, cmd: c.cmd(), exit: ExitError{Name: c.Name}}
	if p.streams, err = openStreams(c.Spec, p.cmd); err != nil {
		return &StartError{Name: c.Name, Err: err}
	}
	defer closeStreams(p.streams)

	// The inner scope must outlive the cancellation of ctx, which only asks.
	err = scope.Run(context.WithoutCancel(ctx), func(inner context.Context, s *scope.Scope) error {
		return p.run(ctx, inner, s)
	}, scope.Name("process"))
	return p.result(err)
}

// proc is one run of a process. It belongs to the goroutine that called Run,
// but for what its tasks are handed.
type proc struct {
	command

	cmd     *exec.Cmd
	streams []*stream
	exit    ExitError // how it ended
	err     error     // why there was no process, or why its end is not known
}

// run starts the process, sees it to its end and tells the streams to finish.
// The scope joins them.
func (p *proc) run(ctx, inner context.Context, s *scope.Scope) error {
	leader, err := p.start(inner, s)
	if err != nil {
		p.err = &StartError{Name: p.Name, Err: err}
		return nil
	}
	scope.Describe(ctx, func() any {
		return Info{PID: p.exit.PID, Args: p.Args}
	})
	if p.Started != nil {
		s.Go("started", func(context.Context) error {
			p.Started(p.exit.PID)
			return nil
		})
	}
	for _, st := range p.streams {
		s.Go(st.name, func(context.Context) error {
			return st.pump(s.Cancel)
		})
	}
	p.awaitEnd(ctx, inner, leader)
	p.endGroup(leader)
	p.reap()
	for _, st := range p.streams {
		st.finish()
	}
	return nil
}

// start starts the process in a task that ends when the process does.
//
// That task keeps its thread for as long as the process lives. On Linux the
// process is to be killed when this program dies (Pdeathsig), and the system
// takes the death of the thread that forked for the death of the program. A
// thread of a Go program does die early, with a goroutine that was locked to
// it. The task costs no thread more than any wait: it blocks in the wait call.
func (p *proc) start(ctx context.Context, s *scope.Scope) (*scope.Task, error) {
	var startErr error
	leader, err := s.Start(ctx, "leader", func(_ context.Context, ready func()) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if startErr = p.cmd.Start(); startErr != nil {
			return startErr
		}
		p.exit.PID = p.cmd.Process.Pid
		ready()
		return awaitExit(p.exit.PID)
	})
	for _, st := range p.streams {
		_ = st.to.Close() // the process has its own copy; ours would hide the end
	}
	if startErr != nil {
		return nil, startErr
	}
	return leader, err
}

// awaitEnd blocks until the process has ended or is to be stopped, and notes
// why it is.
func (p *proc) awaitEnd(ctx, inner context.Context, leader *scope.Task) {
	stopped := ctx
	select {
	case <-leader.Done():
		return
	case <-ctx.Done():
	case <-inner.Done(): // a sink has failed, or a function of the caller has panicked
		stopped = inner
	}
	// The process may have ended first, with nobody awake to see it. Then its
	// status is its own and must not pass for an answer to the stop signal.
	if !hasExited(p.exit.PID) {
		p.exit.Cause = context.Cause(stopped)
	}
}

// reap waits for the process and takes its status. After that its number is
// the system's again.
func (p *proc) reap() {
	err := p.cmd.Wait()
	if p.cmd.ProcessState == nil {
		p.err = fmt.Errorf("process: %q: its exit status is lost: %w", p.Name, err)
		return
	}
	p.exit.setState(p.cmd.ProcessState)
}

// result makes the error of Run from how the process ended and from the error
// of the inner scope, which is that of a sink.
func (p *proc) result(inner error) error {
	if p.err != nil {
		return p.err
	}
	if inner != nil && !errors.Is(p.exit.Cause, inner) {
		p.exit.Cause = errors.Join(p.exit.Cause, inner)
	}
	if p.exit.ok() {
		return nil
	}
	return &p.exit
}
