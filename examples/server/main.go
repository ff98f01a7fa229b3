// Command server is an HTTP server under load, with faults put in, to look at
// with scope tree and in a browser.
//
// It has background workers that fail and are restarted, requests that take
// their time, and, once in a while, a request that hangs: it waits for a lock
// whatever its context says. Ctrl-C shuts the server down; who holds that up is
// printed by name and line.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "127.0.0.1:8080", "where to serve")
	flag.StringVar(&o.debug, "debug", "127.0.0.1:8081", "where to serve the page")
	flag.IntVar(&o.clients, "clients", 12, "how many clients to simulate")
	flag.DurationVar(&o.grace, "grace", 10*time.Second, "how long a shutdown may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct {
	addr, debug string
	clients     int
	grace       time.Duration
}

// run serves until ctx is done or the workers are given up. It returns why they
// were, or a *scope.StragglersError if the shop has not ended within the grace.
func run(ctx context.Context, o options, out io.Writer) error {
	background := context.WithoutCancel(ctx)
	history := inspect.Record(10_000)
	log := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	report := scope.OnFailure(func(_ context.Context, f *scope.Failure) { log("%v", f) })
	shop := scope.OpenSupervised(background, scope.Name("shop"), history.Option(), report,
		scope.Grace(2*time.Second)) // from then on what has not ended is shown as straggling
	// What shows the shop has a scope of its own, which ends last: it is needed
	// most while the shop does not end.
	debug := scope.OpenSupervised(background, scope.Name("debug"), report)
	defer func() { _ = debug.Shutdown(background) }()

	page, err := startPage(ctx, debug, o.debug, history)
	if err != nil {
		return err
	}
	address, err := startShop(ctx, shop, o.addr)
	if err != nil {
		return err
	}
	supervised := shop.Go("workers", workers)
	shop.Go("load", func(ctx context.Context) error {
		return load(ctx, "http://"+address, o.clients)
	})
	log("look at http://%s/, or: scope tree %d", page, os.Getpid())

	select {
	case <-ctx.Done():
	case <-supervised.Done(): // given up: the shop has been cancelled
		log("%v", supervised.Err())
	}
	log("shutting down")
	bounded, cancel := context.WithTimeout(background, o.grace)
	defer cancel()
	return shop.Shutdown(bounded)
}

// startPage serves the tree on a socket and on an address of its own.
func startPage(
	ctx context.Context, debug *scope.Scope, addr string, history *inspect.Recorder,
) (string, error) {
	debug.Daemon("socket", history.Listen)
	return startHTTP(ctx, debug, addr, history.Handler())
}

// startShop serves HTTP in which each request is a task.
func startShop(ctx context.Context, s *scope.Scope, addr string) (string, error) {
	return startHTTP(ctx, s, addr, &shop{requests: s})
}

// startHTTP starts a server as a daemon of s and returns its address.
func startHTTP(
	ctx context.Context, s *scope.Scope, addr string, h http.Handler,
) (string, error) {
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	s.Daemon("http", func(ctx context.Context) error { return serve(ctx, ln, h) })
	return ln.Addr().String(), nil
}

// serve serves until ctx is done. It does not wait for the requests: those of
// the shop are tasks, which the scope waits for.
func serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	err := srv.Serve(ln)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
