// Command supervised is a service that outlives its database.
//
// The service is a supervisor with a connection to a database, a cache that is
// fed by it, and workers that live off the cache. The database is a TCP server
// on the loopback that this program starts, too, and takes away for a minute
// while the service runs: the listener and all connections. Then it comes back.
// Nobody touches the service; what becomes of it is printed.
//
//	go run ./examples/supervised            # takes a bit more than a minute
//	go run ./examples/supervised -outage 5s
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

func main() {
	outage := flag.Duration("outage", time.Minute, "for how long the database is away")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *outage)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run runs the database and the service, and plays the outage.
func run(ctx context.Context, out io.Writer, outage time.Duration) error {
	log := &story{w: out, began: time.Now()}
	return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
		db, err := startDatabase(ctx)
		if err != nil {
			return err
		}
		service := newService(db.addr, log)
		sup, err := supervisor.New(service.children(), supervisor.Options{
			Name:      "service",
			Strategy:  supervisor.RestForOne,
			OnFailure: service.failed,
		})
		if err != nil {
			return err
		}
		service.supervisor = sup
		// Returns when all children are ready.
		if _, err := s.Start(ctx, "supervisor", sup.Start); err != nil {
			return err
		}
		if err := play(ctx, log, db, service, outage); err != nil {
			return err
		}
		log.say("stopping")
		s.Cancel(nil) // ends the service, last child first, and the database
		return nil
	})
}

// play takes the database away and brings it back.
func play(
	ctx context.Context, log *story, db *database, v *service, outage time.Duration,
) error {
	if err := v.awaitWork(ctx); err != nil {
		return err
	}
	log.say("all work")
	log.say("THE DATABASE GOES AWAY for %v", outage)
	if err := db.goAway(ctx); err != nil {
		return err
	}
	select {
	case <-time.After(outage):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	log.say("state during the outage: %s", v.states())
	if err := db.comeBack(ctx); err != nil {
		return err
	}
	log.say("THE DATABASE IS BACK")
	if err := v.awaitWork(ctx); err != nil {
		return err
	}
	log.say("all work again: %s", v.states())
	return nil
}
