package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/supervisorscope/scope"
)

// An outcome is how an incarnation ended. What its error says is found out by
// the keeper, before the machine decides: methods of errors are the user's code,
// which must not run under the lock.
type outcome struct {
	task *scope.Task // nil if it was asked to end before it began
	err  error       // its failure, or nil

	text     string  // of err
	declined bool    // err Is ErrIgnore
	late     []error // the StuckErrors of supervisors below
	real     bool    // err says more than that, and than that it was cancelled

	action Action // what the classifier says about err
	fatal  bool   // err is marked by scope.Fatal
}

// examine finds out what the error says. What has not been found out when a
// method of it panics, or exits, stays as it is.
func (o *outcome) examine() {
	if o.err == nil {
		return
	}
	o.text, o.real = textOf(o.err), true
	aside(func() {
		o.fatal = scope.IsFatal(o.err)
		o.declined = errors.Is(o.err, ErrIgnore)
		late, other := sortOut(o.err)
		if len(late) > 0 {
			o.late, o.real = late, other
		}
	})
}

// failure returns the outcome as the handler gets it. The end of a permanent
// child is one, too.
func (o *outcome) failure() *scope.Failure {
	if f, ok := o.err.(*scope.Failure); ok {
		return f
	}
	f := &scope.Failure{Task: o.task.Info(), Err: o.err}
	if o.err == nil {
		f.Err = errUnexpectedEnd
	}
	return f
}

// sortOut returns the StuckErrors in the tree of err, and whether it has leaves
// that are neither that nor a cancellation.
func sortOut(err error) (late []error, other bool) {
	var below []error
	switch e := err.(type) {
	case nil:
		return nil, false
	case *StuckError:
		return []error{e}, false
	case *stopError:
		return nil, false
	case interface{ Unwrap() error }:
		below = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		below = slices.Clone(e.Unwrap())
	}
	below = slices.DeleteFunc(below, func(err error) bool { return err == nil })
	if len(below) == 0 { // a leaf, or one with nothing below it
		return nil, err != context.Canceled && err != context.DeadlineExceeded
	}
	for _, sub := range below {
		l, o := sortOut(sub)
		late, other = append(late, l...), other || o
	}
	return late, other
}

// textOf returns the text of err, or its type if the method fails.
func textOf(err error) string {
	text := fmt.Sprintf("%T", err)
	aside(func() { text = err.Error() })
	return text
}

// aside calls f, which calls methods of an error, on a goroutine of its own: they
// are the user's, and may panic or call runtime.Goexit.
func aside(f func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer func() { _ = recover() }()
		f()
	}()
	<-over
}
