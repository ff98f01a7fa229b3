//go:build linux || darwin

package process

// Internal, because from outside nobody can make Run late, or take the process
// away from it at the right moment.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/supervisorscope/scope"
)

// A process that ended before it was to be stopped has a status of its own,
// even if both are found at once.
func TestProc_TellsItsOwnEndFromAnAnswer(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "exit 3")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &proc{cmd: cmd, exit: ExitError{PID: cmd.Process.Pid}}
	if err := awaitExit(p.exit.PID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	s := scope.Open(t.Context())
	late := s.Go("leader", func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	p.awaitEnd(ctx, t.Context(), late)
	p.reap()
	if p.exit.Cause != nil || p.exit.Code != 3 {
		t.Errorf("exit %+v, want status 3 and no cause", p.exit)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown() = %v, want nil", err)
	}
}

// Guarantee 5.
func TestProc_SignalsNoGroupThatIsNotItsOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the system does not tell a child from another process")
	}
	// The stranger leads a group, and its parent has ended.
	const script = "trap 'echo signalled' USR1; trap 'echo end; exit' TERM; echo $$; " +
		"while :; do sleep 0.1; done"
	parent := exec.Command("setsid", "--fork", "sh", "-c", script)
	pipe, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Skip(err)
	}
	output := bufio.NewReader(pipe)
	var stranger int
	if _, err := fmt.Fscanln(output, &stranger); err != nil {
		t.Fatal(err)
	}

	s := scope.Open(t.Context())
	over := s.Go("leader", func(context.Context) error { return nil })
	p := &proc{exit: ExitError{PID: stranger}}
	p.StopSignal = syscall.SIGUSR1
	p.endGroup(over)
	_ = syscall.Kill(stranger, syscall.SIGTERM)
	if got, _ := io.ReadAll(output); string(got) != "end\n" {
		t.Errorf("the stranger says %q, want %q", got, "end\n")
	}
	if err := errors.Join(parent.Wait(), s.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}
