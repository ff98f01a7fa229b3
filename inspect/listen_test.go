package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// runtimeDir gives the test a runtime directory with a short name: that of a
// socket must fit into some hundred bytes.
func runtimeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "run") //nolint:usetesting // t.TempDir gives a long name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	return filepath.Join(dir, "scope", fmt.Sprintf("%d.sock", os.Getpid()))
}

// appeared waits until the socket is answered.
func appeared(t *testing.T, socket string) {
	t.Helper()
	for range 5000 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("nothing answers at %s", socket)
}

// Row 161.
func TestListen(t *testing.T) {
	socket := runtimeDir(t)
	// What a killed process of the same number leaves behind.
	if err := os.MkdirAll(filepath.Dir(socket), 0o700); err != nil {
		t.Fatal(err)
	}
	left, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()

	s := scope.Open(t.Context(), scope.Name("listening"))
	task := s.Daemon("inspect", inspect.Listen)
	appeared(t, socket)
	for name, want := range map[string]os.FileMode{
		socket: os.ModeSocket | 0o600, filepath.Dir(socket): os.ModeDir | 0o700,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
	next := stream(t, unixClient(t, socket), "http://scope/events")
	if got := next().Program.PID; got != os.Getpid() {
		t.Errorf("process %d answers, want %d", got, os.Getpid())
	}
	again := inspect.Listen(t.Context())
	if again == nil || !strings.Contains(again.Error(), "served already") {
		t.Errorf("a second Listen: %v", again)
	}
	// The stream is still open.
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := task.Err(); !errors.Is(err, scope.ErrCancelled) {
		t.Errorf("the task ended with %v, want cancelled", err)
	}
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestListen_CancelledLeavesTheSocketOfAnotherAlone(t *testing.T) {
	socket := runtimeDir(t)
	s := scope.OpenSupervised(t.Context(), scope.Name("listening"))
	s.Daemon("inspect", inspect.Listen)
	appeared(t, socket)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := inspect.Listen(cancelled); err == nil || !strings.Contains(err.Error(), "served") {
		t.Errorf("a second Listen: %v", err)
	}
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("the socket of the first one: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestListen_RefusesADirectoryOpenToOthers(t *testing.T) {
	socket := runtimeDir(t)
	dir := filepath.Dir(socket)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := inspect.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("Listen in a directory of mode 777: %v", err)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(t.TempDir(), dir); err != nil {
		t.Fatal(err)
	}
	if err := inspect.Listen(t.Context()); err == nil {
		t.Error("Listen follows a link that anybody could have made")
	}
}

func TestSocketDir(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/7")
	if got := inspect.SocketDir(); got != "/run/user/7/scope" {
		t.Errorf("SocketDir() = %s", got)
	}
	for _, bad := range []string{"", "relative"} {
		t.Setenv("XDG_RUNTIME_DIR", bad)
		want := filepath.Join(os.TempDir(), fmt.Sprintf("scope-%d", os.Geteuid()))
		if got := inspect.SocketDir(); got != want {
			t.Errorf("SocketDir() with %q = %s, want %s", bad, got, want)
		}
	}
}

// A reader that has stopped reading does not hold up the end.
func TestListen_EndsWithAStalledReader(t *testing.T) {
	socket := runtimeDir(t)
	ctx, stop := context.WithCancelCause(t.Context())
	s := scope.Open(t.Context(), scope.Name("stalled"))
	hold := func(ctx context.Context) error { <-ctx.Done(); return nil }
	for i := range 5000 {
		s.Daemon(fmt.Sprint("resident ", i), hold)
	}
	ended := make(chan error, 1)
	go func() { ended <- inspect.Listen(ctx) }()
	appeared(t, socket)
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const request = "GET /snapshot.json HTTP/1.1\r\nHost: scope\r\n\r\n"
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it is being answered
		t.Fatal(err)
	}
	stop(errBoom)
	select {
	case err := <-ended:
		if err != errBoom {
			t.Errorf("Listen ended with %v, want the cause", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Listen waits for who does not read")
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
