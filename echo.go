package scope

import (
	"context"
	"errors"
	"unsafe"
)

// echoes reports whether err, which t returned, says no more than that t was
// cancelled. A deadline counts from the moment it is over: a timer further in,
// as that of Do, may have run before the scope's.
func (t *Task) echoes(err error) bool {
	k := t.whyDone()
	if k == nil && !t.kind.shielded() {
		k = t.scope.due()
	}
	return k != nil && isEcho(err, k.err, k.cause)
}

// isEcho reports whether err, returned by a task whose context is done with
// ctxErr and cause, says no more than that it was cancelled: every leaf of its
// tree is the cause, or the context's error, or context.Canceled. A search such as
// errors.Is would not do: it finds the cancellation in Join(context.Canceled,
// realError), too, and the real error would be lost.
//
// With a live context (ctxErr is nil) nothing is an echo: a context.Canceled
// then comes from somebody else's context and is a failure like any other.
func isEcho(err, ctxErr, cause error) (echo bool) {
	if ctxErr == nil {
		return false
	}
	// The methods of err are the user's: one that panics, as on a nil pointer
	// in an error, makes it a failure, not an end of the process.
	defer func() {
		if recover() != nil {
			echo = false
		}
	}()
	return onlyLeaves(err, func(node error, leaf bool) bool {
		if same(node, cause) || same(node, ctxErr) {
			return true
		}
		return leaf && (errors.Is(node, context.Canceled) || errors.Is(node, ctxErr))
	})
}

// onlyLeaves reports whether ok holds for every leaf of the tree of err, or for
// a node above it.
func onlyLeaves(err error, ok func(node error, leaf bool) bool) bool {
	var below []error
	switch e := err.(type) {
	case *StragglersError:
		return false // it wraps why the waiting ended, and says more than that
	case *Failure:
		return ok(err, false) // the cause itself, or that of another: never half of it
	case interface{ Unwrap() error }:
		if sub := e.Unwrap(); sub != nil {
			below = []error{sub}
		}
	case interface{ Unwrap() []error }:
		below = e.Unwrap()
	}
	if ok(err, len(below) == 0) {
		return true
	}
	for _, sub := range below {
		if !onlyLeaves(sub, ok) {
			return false
		}
	}
	return len(below) > 0
}

// same reports whether two errors are identical. Those of a type that cannot be
// compared are if they are one and the same interface value, handed around.
func same(a, b error) (eq bool) {
	defer func() {
		if recover() != nil {
			eq = *(*[2]uintptr)(unsafe.Pointer(&a)) == *(*[2]uintptr)(unsafe.Pointer(&b))
		}
	}()
	return a == b
}
