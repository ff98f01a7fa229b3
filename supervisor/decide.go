package supervisor

import (
	"fmt"

	"github.com/supervisorscope/scope"
)

// An end is one of the five ways in which a child's incarnation ends.
type end int

const (
	endOK        end = iota // returned nil
	endError                // returned an error
	endPanic                // panicked
	endGoexit               // called runtime.Goexit
	endCancelled            // was asked to end by its supervisor, whatever it returned then
	ends                    // how many there are
)

// String returns the word for e.
func (e end) String() string {
	switch e {
	case endOK:
		return "ok"
	case endError:
		return "error"
	case endPanic:
		return "panic"
	case endGoexit:
		return "goexit"
	case endCancelled:
		return "cancelled"
	default:
		panic(fmt.Sprintf("supervisor: unknown end %d", int(e)))
	}
}

// endOf tells how an incarnation ended that nobody asked to end.
func endOf(err error) end {
	if err == nil {
		return endOK
	}
	if f, ok := err.(*scope.Failure); ok {
		err = f.Err
	}
	// Its own end, not one of a task further down that it tells of.
	if _, ok := err.(*scope.PanicError); ok {
		return endPanic
	}
	if err == scope.ErrGoexit {
		return endGoexit
	}
	return endError
}

// A verdict is what becomes of a child after an incarnation of it has ended.
type verdict struct {
	restart bool // start it again, and count that
	keep    bool // keep its spec
	failure bool // tell the handler
	last    bool // see whether the supervisor has come to its end; see AutoShutdown
}

// verdicts is the decision table: restart type × end.
//
// Source: OTP supervisor, do_restart. There a permanent child that ends
// normally is reported, too: it was not meant to end.
func verdicts() [Temporary + 1][ends]verdict {
	return [...][ends]verdict{
		Permanent: {
			endOK:        {restart: true, keep: true, failure: true},
			endError:     {restart: true, keep: true, failure: true},
			endPanic:     {restart: true, keep: true, failure: true},
			endGoexit:    {restart: true, keep: true, failure: true},
			endCancelled: {keep: true},
		},
		Transient: {
			endOK:        {keep: true, last: true},
			endError:     {restart: true, keep: true, failure: true},
			endPanic:     {restart: true, keep: true, failure: true},
			endGoexit:    {restart: true, keep: true, failure: true},
			endCancelled: {keep: true},
		},
		Temporary: {
			endOK:        {last: true},
			endError:     {failure: true, last: true},
			endPanic:     {failure: true, last: true},
			endGoexit:    {failure: true, last: true},
			endCancelled: {},
		},
	}
}

// decide returns the verdict on a child with restart type r after the end e.
func decide(r RestartType, e end) verdict { return verdicts()[r][e] }
