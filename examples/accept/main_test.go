package main

import (
	"errors"
	"net"
	"testing"
	"time"
)

// broken is a listener that cannot accept.
type broken struct{ net.Listener }

var errBroken = errors.New("too many open files")

func (broken) Accept() (net.Conn, error) { return nil, errBroken }

// A server that cannot accept ends, and says why.
func TestServer_EndsWhenItCannotAccept(t *testing.T) {
	srv := NewServer(t.Context(), broken{})
	select {
	case <-srv.scope.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the server is still open")
	}
	if err := srv.Shutdown(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("Shutdown() = %v, want %v", err, errBroken)
	}
}
