package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalError is why the commands are stopped.
type signalError struct{ signal syscall.Signal }

func (e signalError) Error() string { return "scope got signal: " + e.signal.String() }

// catchSignals returns a channel that receives the signals that stop scope, and
// a function that gives them back their usual effect. A signal that scope was
// started with ignored stays so: nohup means it.
//
// SIGPIPE is caught as well, for good and with nobody to receive it. A write to
// a pipe without a reader is an error then, and not the sudden end of a program
// that others depend on. To ignore it would be inherited by the commands.
func catchSignals() (signals <-chan os.Signal, release func()) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)

	// Two count: a third one is not to be kept for later.
	caught := make(chan os.Signal, 2)
	for _, sig := range []os.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
	} {
		if !signal.Ignored(sig) {
			signal.Notify(caught, sig)
		}
	}
	return caught, func() { signal.Stop(caught) }
}

// watchSignals is a task that carries out what signals say, until ctx is done:
// the first one stops the commands, the second one kills them, and a third one
// has its usual effect on scope.
func (r *runner) watchSignals(
	ctx context.Context, signals <-chan os.Signal, release func(), stop context.CancelCauseFunc,
) error {
	next := func() (syscall.Signal, bool) {
		select {
		case <-ctx.Done():
			return 0, false
		case sig := <-signals:
			number, ok := sig.(syscall.Signal)
			return number, ok
		}
	}
	if sig, ok := next(); ok {
		r.verdict.note(signalStatus(sig))
		r.out.tellf("%v: stopping; once more to kill", sig)
		stop(signalError{signal: sig})
	}
	if sig, ok := next(); ok {
		r.out.tellf("%v: killing", sig)
		close(r.kill)
		release()
	}
	return nil
}
