package scope

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
)

// A PanicError is a panic of a task, as an error.
type PanicError struct {
	// Value is what panic was called with. For panic(nil) it is a
	// [*runtime.PanicNilError].
	Value any

	pcs []uintptr // of the panicking goroutine, innermost first
}

// maxPanicFrames bounds the stack that a PanicError keeps; most are not deeper
// than fewPanicFrames.
const (
	maxPanicFrames = 64
	fewPanicFrames = 24
)

// newPanicError records the panic v. It must be called while the panic's stack
// is still there: from a deferred call.
//
//go:noinline
func newPanicError(v any) *PanicError {
	pcs := make([]uintptr, fewPanicFrames)
	n := runtime.Callers(2, pcs)
	if n == fewPanicFrames {
		pcs = make([]uintptr, maxPanicFrames)
		n = runtime.Callers(2, pcs)
	}
	return &PanicError{Value: v, pcs: pcs[:n]}
}

// sinceFirst returns e with the stack of the first panic, if it is one that was
// panicked with again.
func (e *PanicError) sinceFirst() *PanicError {
	if err, ok := e.Value.(error); ok {
		if first := earlierPanic(err); first != nil {
			e.pcs = first.pcs
		}
	}
	return e
}

// traced is sinceFirst for who has to go on: a method of the user's error may call
// runtime.Goexit.
func (e *PanicError) traced() *PanicError {
	apart(func() { _ = e.sinceFirst() })
	return e
}

// earlierPanic returns the PanicError in the tree of err, or nil. The methods of
// err are the user's; one that panics finds none.
func earlierPanic(err error) (first *PanicError) {
	defer func() {
		if recover() != nil {
			first = nil
		}
	}()
	errors.As(err, &first)
	return first
}

// Error returns "panic: " and the value, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error, so that errors.Is and errors.As
// reach it.
func (e *PanicError) Unwrap() error {
	if e == nil { // a typed nil in an error
		return nil
	}
	err, _ := e.Value.(error)
	return err
}

// Stack returns the stack of the goroutine at the panic, in the layout of the
// runtime's own tracebacks, from the function that panicked outwards. At most
// 64 frames are kept. The frames are looked up at each call.
func (e *PanicError) Stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(e.pcs)
	// On top are our deferred call, the panic, and for a fault, such as a nil
	// dereference, the runtime's way from there to the panic.
	above, fault := true, false
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "":
		case above:
			above = f.Function != "runtime.gopanic"
			fault = !above
		case fault && strings.HasPrefix(f.Function, "runtime."):
		case fault && goesOn(f.Function):
			above = true
		default:
			fault = false
			fmt.Fprintf(&b, "%s(...)\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
	}
	return b.String()
}

// goesOn reports whether the function is one in which Run, Supervise or Do goes
// on with a panic after the join: the panic itself is further out.
func goesOn(function string) bool {
	name := strings.TrimPrefix(function, "github.com/supervisorscope/scope.")
	return name == "(*Scope).leave" || name == "(*Scope).Do.func1" || name == "runLexical.func1"
}

// Format writes the error; with %+v also the stack.
func (e *PanicError) Format(w fmt.State, verb rune) {
	text := e.Error()
	if verb == 'v' && w.Flag('+') {
		text += "\n\n" + e.Stack()
	}
	fmt.Fprintf(w, directive(verb), text)
}

// directive returns the format for the text of an error under verb.
func directive(verb rune) string {
	switch verb {
	case 'q':
		return "%q"
	case 'x', 'X':
		return "%" + string(verb)
	case 'v', 's':
		return "%s"
	default:
		return "%%!" + string(verb) + "(%s)"
	}
}
