//go:build unix

package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/inspect"
)

// Nor is the directory taken for a pattern.
func TestSockets_OnlyInADirectoryOfOnesOwn(t *testing.T) {
	base, err := os.MkdirTemp("", "r[") //nolint:usetesting // t.TempDir gives a long name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	t.Setenv("XDG_RUNTIME_DIR", base)
	dir := inspect.SocketDir()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(dir, "7.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	if got, want := sockets(), []string{ln.Addr().String()}; !slices.Equal(got, want) {
		t.Errorf("sockets() = %q, want %q", got, want)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := sockets(); len(got) > 0 {
		t.Errorf("sockets() = %q in a directory that is open to others", got)
	}
	if got, err := newTarget("7"); err == nil {
		t.Errorf("newTarget() = %+v in a directory that is open to others", got)
	}
}

func TestInspect_ForeignTextMovesNoCursor(t *testing.T) {
	const text = "\x1b[2Jgone\n"
	line := programLine(&inspect.Snapshot{Program: inspect.Program{Name: text}}, "7.sock")
	if strings.ContainsRune(line, '\x1b') || strings.Count(line, "\n") != 1 {
		t.Errorf("programLine() = %q", line)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, text, http.StatusTeapot)
	}))
	t.Cleanup(srv.Close)
	target, err := newTarget(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.look(t.Context(), false); strings.ContainsAny(err.Error(), "\x1b\n") {
		t.Errorf("look() = %q", err)
	}
}
