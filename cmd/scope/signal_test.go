//go:build linux || darwin

package main_test

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

func TestRun_StopsGracefullyOnASignal(t *testing.T) {
	tests := map[syscall.Signal]int{
		syscall.SIGHUP:  129,
		syscall.SIGINT:  130,
		syscall.SIGQUIT: 131,
		syscall.SIGTERM: 143,
	}
	for sig, status := range tests {
		if signal.Ignored(sig) {
			t.Logf("NOT TESTED: %v, which these tests were started with ignored, as by nohup", sig)
			continue
		}
		for _, policy := range []string{"all", "supervise"} {
			t.Run(sig.String()+" "+policy, func(t *testing.T) {
				checkStops(t, policy, sig, status)
			})
		}
	}
}

func checkStops(t *testing.T, policy string, sig syscall.Signal, status int) {
	t.Helper()
	s := start(t, "run", "--grace=1h", "--policy", policy, "--",
		"sh", "-c", "trap 'echo bye; exit 7' TERM; echo $$"+idle, ":::",
		"sh", "-c", "sleep 1000 & echo $!; wait")
	pids := []int{s.pid(), s.pid()}
	s.signal(sig)
	if got, want := s.out(), "sh   | bye"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	if got := s.wait(); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	// Who ends as it was asked to has not failed, whatever its status.
	want := "scope: " + sig.String() + ": stopping; once more to kill\n"
	if got := scopesOwn(rest(s.stderr)); got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
	wantGone(t, pids...)
}

func TestRun_KillsAfterTheGraceAndSaysSo(t *testing.T) {
	for _, grace := range []string{"0s", "50ms"} {
		t.Run(grace, func(t *testing.T) {
			s := start(t, "run", "--grace", grace, "--", "sh", "-c",
				"trap '' TERM; echo $$; sleep 1000 & echo $!; wait")
			pids := []int{s.pid(), s.pid()}
			s.signal(syscall.SIGTERM)
			if got := s.wait(); got != 143 {
				t.Errorf("exit status %d, want 143: the signal came first", got)
			}
			got := rest(s.stderr)
			told := strings.Contains(got, "scope: sh failed: signal: killed; SIGKILL was needed")
			if told != (grace != "0s") {
				t.Errorf("stderr %q", got)
			}
			wantGone(t, pids...)
		})
	}
}

func TestRun_ASecondSignalKillsAtOnce(t *testing.T) {
	s := start(t, "run", "--grace=1h", "--", "sh", "-c", "trap 'echo asked' TERM; echo $$"+idle)
	pid := s.pid()
	s.signal(syscall.SIGINT)
	if got, want := s.out(), "sh | asked"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
	s.signal(syscall.SIGINT)
	if got := s.wait(); got != 130 {
		t.Errorf("exit status %d, want 130", got)
	}
	got := rest(s.stderr)
	for _, want := range []string{"scope: interrupt: killing", "scope: sh failed: signal: killed"} {
		if !strings.Contains(got, want) {
			t.Errorf("stderr %q, want %q in it", got, want)
		}
	}
	wantGone(t, pid)
}

// A third signal is for when even SIGKILL does not help. Here it is the output
// that nobody reads: 50,000 bytes fit into the pipe of the command, but, with
// the prefixes, not into that of scope.
func TestRun_AThirdSignalEndsScopeItself(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	s := startTo(t, w, "run", "--grace=1h", "--", "sh", "-c",
		"trap 'echo asked >&2' TERM; yes | head -c 50000; echo written >&2"+idle)
	expect := func(want string) {
		t.Helper()
		for got := s.err(); !strings.HasPrefix(got, want); got = s.err() {
		}
	}
	expect("sh | written")
	s.signal(syscall.SIGINT)
	expect("sh | asked")
	s.signal(syscall.SIGINT)
	expect("scope: interrupt: killing")
	// It stops catching signals just after it has said that.
	for alive(s.cmd.Process.Pid) {
		s.signal(syscall.SIGINT)
	}
	if got := s.wait(); got != -int(syscall.SIGINT) {
		t.Errorf("exit status %d, want the end by SIGINT", got)
	}
}

func TestRun_KeepsIgnoringWhatItWasStartedWithIgnored(t *testing.T) {
	scope := command(t, "run", "--", "sh", "-c", "echo ready; exec sleep 1000")
	cmd := exec.Command("sh", "-c", `trap "" HUP; exec "$0" "$@"`)
	cmd.Args, cmd.Env = append(cmd.Args, scope.Args...), scope.Env
	s := startCmd(t, cmd)
	s.out()
	s.signal(syscall.SIGHUP)
	s.signal(syscall.SIGTERM)
	if got := s.wait(); got != 143 {
		t.Errorf("exit status %d, want 143: SIGHUP is ignored, under nohup", got)
	}
}
