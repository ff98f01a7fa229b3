// Command accept is a server that accepts connections for ever, stops within a
// bound, and says who is left. A client of its own keeps one connection open.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/supervisorscope/scope"
)

// A Server owns everything it starts through one scope.
type Server struct {
	scope *scope.Scope
	ln    net.Listener
}

// NewServer serves the connections that ln accepts.
func NewServer(ctx context.Context, ln net.Listener) *Server {
	srv := &Server{scope: scope.OpenSupervised(ctx, scope.Name("server")), ln: ln}
	srv.scope.Daemon("accept", srv.accept)
	return srv
}

// Shutdown ends the server; a *scope.StragglersError names what did not end in
// time.
func (srv *Server) Shutdown(ctx context.Context) error { return srv.scope.Shutdown(ctx) }

func (srv *Server) accept(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = srv.ln.Close() })()
	for {
		conn, err := srv.ln.Accept()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return scope.Fatal(err) // a server that accepts nothing more has to end
		}
		serve := func(context.Context) error { return serve(conn) }
		if _, err := srv.scope.TryGo("conn", serve); err != nil {
			_ = conn.Close() // the server is closing
		}
	}
}

// serve never looks at a context: a bug, and Shutdown will find it.
func serve(conn net.Conn) error {
	_, err := io.Copy(conn, conn)
	return err
}

func main() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	srv := NewServer(context.Background(), ln)
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		panic(err)
	}
	_, _ = client.Write([]byte("x"))
	_, _ = client.Read(make([]byte, 1)) // echoed: the connection is being served

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	fmt.Println(srv.Shutdown(ctx))
	_ = client.Close() // now it can end, and the scope with it
	fmt.Println(srv.Shutdown(context.Background()))
}
