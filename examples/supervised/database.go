package main

import (
	"bufio"
	"context"
	"fmt"
	"net"

	"github.com/supervisorscope/scope"
)

// A database stands for one on another machine: it answers each line with a
// line. It is a TCP server on the loopback.
type database struct {
	addr  string
	scope *scope.Scope // of the listener and the connections, while it is there
}

// startDatabase starts a database on a port that is free.
func startDatabase(ctx context.Context) (*database, error) {
	db := &database{addr: "127.0.0.1:0"}
	return db, db.comeBack(ctx)
}

// comeBack makes the database reachable, at its old address.
func (db *database) comeBack(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", db.addr)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	db.addr = l.Addr().String()
	db.scope = scope.OpenSupervised(ctx, scope.Name("database"))
	db.scope.Go("accept", func(ctx context.Context) error {
		defer closeWith(ctx, l)()
		for {
			conn, err := l.Accept()
			if err != nil {
				return cause(ctx, err)
			}
			scope.From(ctx).Go("connection", func(ctx context.Context) error {
				return answer(ctx, conn)
			})
		}
	})
	return nil
}

// goAway closes the listener and cuts all connections.
func (db *database) goAway(ctx context.Context) error { return db.scope.Shutdown(ctx) }

// answer serves one connection, to its end.
func answer(ctx context.Context, conn net.Conn) error {
	defer closeWith(ctx, conn)()
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if _, err := fmt.Fprintf(conn, "value of %s\n", lines.Text()); err != nil {
			return cause(ctx, err)
		}
	}
	return nil
}

// closeWith closes c when ctx is done, or when the function that it returns is
// called.
func closeWith(ctx context.Context, c interface{ Close() error }) func() {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	return func() {
		if stop() {
			_ = c.Close()
		}
	}
}

// cause returns why ctx is done, if it is: what then goes wrong is no more than
// an echo of that. Otherwise it returns err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
