//go:build linux || darwin

package process_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/process"
)

var errStop = errors.New("time to go")

// idle keeps a shell that has traps busy. A single long sleep would not do: a
// process newly forked from a shell can swallow a signal, for it has the
// shell's traps until it executes its own program.
const idle = "; while :; do sleep 0.1; done"

func TestRun_CancelIsACancellationWhateverTheStatus(t *testing.T) {
	tests := []struct {
		name   string
		script string
		code   int
		signal syscall.Signal
	}{
		{"dies of the signal", "echo ready; exec sleep 1000", -1, syscall.SIGTERM},
		{"ends well", "trap 'exit 0' TERM; echo ready" + idle, 0, 0},
		{"ends badly", "trap 'exit 9' TERM; echo ready" + idle, 9, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, sh(tt.script))
			r.line()
			r.cancel(errStop)
			exit := r.exitError()
			if !errors.Is(exit, errStop) {
				t.Errorf("Run() = %v, which does not wrap the cause", exit)
			}
			if exit.Code != tt.code || exit.Signal != tt.signal || exit.Killed {
				t.Errorf("Run() = %+v, want code %d, signal %d", exit, tt.code, tt.signal)
			}
			wantReaped(t, exit.PID)
		})
	}
}

func TestRun_SendsTheStopSignalOfTheSpec(t *testing.T) {
	spec := sh("trap 'echo got INT; exit 0' INT; trap 'echo got TERM; exit 0' TERM; " +
		"echo ready" + idle)
	spec.StopSignal = syscall.SIGINT
	r := start(t, spec)
	r.line()
	r.cancel(errStop)
	if got := r.line(); got != "got INT" {
		t.Errorf("the process says %q, want %q", got, "got INT")
	}
}

// Guarantee 2.
func TestRun_KillsAfterTheGrace(t *testing.T) {
	spec := sh("trap '' TERM; echo ready; sleep 1000")
	spec.Grace = 100 * time.Millisecond
	r := start(t, spec)
	r.line()
	begin := time.Now()
	r.cancel(errStop)
	exit := r.exitError()
	if took := time.Since(begin); took < spec.Grace {
		t.Errorf("killed after %v, before the grace of %v was over", took, spec.Grace)
	}
	if !exit.Killed || exit.Waited < spec.Grace || exit.Signal != syscall.SIGKILL {
		t.Errorf("Run() = %+v, want it killed after the grace", exit)
	}
	if errors.Is(exit, errStop) {
		t.Errorf("Run() = %v: an echo of the cause would go unreported", exit)
	}
	for _, want := range []string{"SIGKILL was needed", errStop.Error()} {
		if !strings.Contains(exit.Error(), want) {
			t.Errorf("Error() = %q, want %q in it", exit, want)
		}
	}
}

// What a scope makes of it: asked and gone is silent, killed is reported.
func TestRun_ReportsOnlyWhatHadToBeKilled(t *testing.T) {
	tests := []struct {
		name   string
		script string
		want   int
	}{
		{"obeys", "echo ready; exec sleep 1000", 0},
		{"does not", "trap '' TERM; echo ready; sleep 1000", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ready := make(chan struct{})
			spec := sh(tt.script)
			spec.Grace = 50 * time.Millisecond
			spec.Stdout = process.LineFunc(func([]byte) error {
				close(ready)
				return nil
			})
			var reports []string // the scope is joined before it is read
			s := scope.OpenSupervised(t.Context(), scope.OnFailure(
				func(_ context.Context, f *scope.Failure) { reports = append(reports, f.Error()) }))
			s.Go("web", func(ctx context.Context) error { return process.Run(ctx, spec) })
			<-ready
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown() = %v, want nil", err)
			}
			if len(reports) != tt.want {
				t.Errorf("reports: %q, want %d", reports, tt.want)
			}
		})
	}
}

func TestRun_KillChannelEndsTheGrace(t *testing.T) {
	kill := make(chan struct{})
	spec := sh("trap 'echo asked' TERM; echo ready" + idle)
	spec.Grace = time.Hour
	spec.Kill = kill
	r := start(t, spec)
	r.line()
	r.cancel(errStop)
	if got := r.line(); got != "asked" {
		t.Fatalf("the process says %q, want %q", got, "asked")
	}
	close(kill)
	if exit := r.exitError(); !exit.Killed || exit.Signal != syscall.SIGKILL {
		t.Errorf("Run() = %+v, want it killed", exit)
	}
}

func TestRun_KillChannelStopsNobodyUnasked(t *testing.T) {
	kill := make(chan struct{})
	close(kill)
	in := fifo(t)
	spec := sh("echo ready; read x < " + in)
	spec.Kill = kill
	r := start(t, spec)
	r.line()
	if err := os.WriteFile(in, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
}

func TestRun_NegativeGraceKillsAtOnce(t *testing.T) {
	spec := sh("trap 'echo asked' TERM; echo ready" + idle)
	spec.Grace = -1
	r := start(t, spec)
	r.line()
	r.cancel(errStop)
	exit := r.exitError()
	if exit.Killed || exit.Signal != syscall.SIGKILL || !errors.Is(exit, errStop) {
		t.Errorf("Run() = %+v, want a plain cancellation by SIGKILL", exit)
	}
	if line, ok := <-r.lines; ok {
		t.Errorf("the process says %q: it was asked", line)
	}
}

func TestRun_ContinuesAStoppedProcessSoThatItCanObey(t *testing.T) {
	spec := sh("trap 'echo bye; exit 0' TERM; echo $$; kill -STOP $$" + idle)
	spec.Grace = time.Hour
	r := start(t, spec)
	pid := r.pid()
	var status syscall.WaitStatus
	_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
	if err != nil || !status.Stopped() {
		t.Fatalf("wait4() = %v, %v, want the process stopped", status, err)
	}
	r.cancel(errStop)
	if got := r.line(); got != "bye" {
		t.Errorf("the process says %q, want %q", got, "bye")
	}
	if exit := r.exitError(); exit.Killed {
		t.Errorf("Run() = %v, want it to have obeyed", exit)
	}
}

// Guarantee 1.
func TestRun_LeavesNobodyBehind(t *testing.T) {
	// Each script prints the numbers of its three processes.
	const family = "sleep 1000 & echo $!; (sleep 1000; :) & echo $!; echo $$; "
	const deaf = "trap '' TERM; "
	tests := []struct {
		name   string
		script string
		cancel bool
		killed bool
	}{
		{"cancelled", family + "wait", true, false},
		{"cancelled, all ignore it", deaf + family + "wait", true, true},
		{"own end", family, false, false},
		{"own end, the rest ignores it", deaf + family, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := sh(tt.script)
			spec.Grace = time.Hour
			if tt.killed {
				spec.Grace = 50 * time.Millisecond
			}
			r := start(t, spec)
			pids := []int{r.pid(), r.pid(), r.pid()}
			if tt.cancel {
				r.cancel(errStop)
			}
			err := <-r.done
			wantGone(t, pids...)
			exit, failed := errors.AsType[*process.ExitError](err)
			if failed != (tt.cancel || tt.killed) || failed && exit.Killed != tt.killed {
				t.Errorf("Run() = %v, want killed: %v", err, tt.killed)
			}
		})
	}
}

// A group can renew itself faster than anybody looks.
func TestRun_CatchesAGroupThatForksOn(t *testing.T) {
	const hop = `n=$1; echo $$; trap '' TERM; [ $n -gt 300 ] || sh -c "$0" "$0" $((n+1)) & exit 0`
	spec := process.Spec{
		Args:  []string{"/bin/sh", "-c", hop, hop, "0"},
		Grace: 20 * time.Millisecond,
	}
	var last []byte
	spec.Stdout = process.LineFunc(func(line []byte) error {
		last = append(last[:0], line...)
		return nil
	})
	_ = process.Run(t.Context(), spec) // killed or not, depending on the machine
	pid, err := strconv.Atoi(string(last))
	if err != nil {
		t.Fatal(err)
	}
	wantGone(t, pid)
}

// Who leaves the group leaves the task, and cannot hold Run by the output.
func TestRun_IsNotHeldByAProcessThatLeft(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip(err)
	}
	in := fifo(t)
	r := start(t, sh("setsid sh -c 'echo $$; echo gone > "+in+"; exec sleep 1000' &"+
		"read x < "+in+"; echo end"))
	escaped := r.pid()
	defer func() { _ = syscall.Kill(escaped, syscall.SIGKILL) }()
	if got := r.line(); got != "end" {
		t.Errorf("the process says %q, want %q", got, "end")
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run() = %v, want nil", err)
	}
	if !alive(escaped) {
		t.Error("the process that left is gone: the test shows nothing")
	}
}

// On Linux the process does not outlive a program that cannot stop it any more.
func TestRun_DiesWithTheProgram(t *testing.T) {
	path := fifo(t)
	spec := helper(t, "run", "/bin/sh", "-c", "exec sleep 1000 > "+path)
	program := exec.Command(spec.Args[0], spec.Args[1:]...)
	program.Env = spec.Env
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.Open(path) // returns when the process has opened it, too
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(pipe); err != nil { // ends when the process does
		t.Fatal(err)
	}
	_ = program.Wait()
}

// Guarantee 2, for a group whose members fork and end all the time: a look at the
// list of processes must not miss them and take the group for gone.
func TestRun_LeavesTheGraceToWhoForksAndEnds(t *testing.T) {
	spec := sh(`trap '' TERM
		hop() { if [ "$1" = 0 ]; then echo done; else sleep 0.005; hop $(($1 - 1)) & fi; }
		hop 200`)
	spec.Grace = time.Minute
	r := start(t, spec)
	if got := r.line(); got != "done" {
		t.Errorf("the last of them says %q, want %q", got, "done")
	}
	if err := <-r.done; err != nil {
		t.Errorf("Run() = %v", err)
	}
}
