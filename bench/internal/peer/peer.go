package peer

import (
	"context"

	"github.com/supervisorscope/scope"
)

// A Peer is one library, or one way to use it.
type Peer struct {
	// Name is the row of the report and the argument of -peers.
	Name string

	// Doc says in a sentence what the adapter does.
	Doc string

	// Form is the shape of task function the library takes.
	Form Form

	// Catches reports whether a panicking task is caught by the library. If
	// not, the workload gives its tasks a bare recover.
	Catches bool

	// ClosesFirst reports whether the join closes the group first, so that tasks
	// which start tasks must be counted by hand before it.
	ClosesFirst bool

	// Open makes what users of the library keep for a whole program, and
	// returns how to run one group of tasks and how to let go of it all.
	Open func() (Run, func())

	// Results runs f once per element of out, each in a task of its own, and
	// stores what it returned there. Optional: nil means that users write each
	// result into a slice.
	Results func(ctx context.Context, out []int, f func() int)

	// Cannot gives, for each workload the peer is left out of, the reason.
	Cannot map[string]string
}

// Run opens a group under ctx, calls body with it, and returns when every task
// of the group has returned.
type Run func(ctx context.Context, body Body)

// A Body is what fills a group with tasks, made once for the same reason as a
// [Task]: libraries that take it as a function get it in their own shape.
type Body struct {
	Fill    func(Group)
	inScope func(context.Context, *scope.Scope) error
}

// Fill returns a body that calls f.
func Fill(f func(Group)) Body { return Body{Fill: f, inScope: inScope(f)} }

// A Group starts tasks that one Run joins.
type Group interface {
	// Go starts t. It may be called from several goroutines, and from tasks.
	Go(t Task)

	// Context is what a task without a context parameter waits on.
	Context() context.Context
}

// A Waiter is a Group that can be joined and used again. With the others, users
// count by hand: see [Task].
type Waiter interface {
	// Wait blocks until every task started so far has returned.
	Wait()
}

// Form is a shape of task function.
type Form int

// The shapes of task function among the peers.
const (
	Plain      Form = iota + 1 // func()
	Failing                    // func() error
	Contextual                 // func(context.Context) error
)

// A Task is one function in every shape, so that each peer gets its own without
// a closure per task. Only the shape of the peer it is given to must be set.
type Task struct {
	Plain      func()
	Failing    func() error
	Contextual func(context.Context) error
}

// Of returns a task that calls f.
func Of(f func()) Task {
	return Task{
		Plain:      f,
		Failing:    func() error { f(); return nil },
		Contextual: func(context.Context) error { f(); return nil },
	}
}

// With returns a task that calls f with the task's own context, or with ctx
// where the peer gives its tasks none.
func With(ctx context.Context, f func(context.Context)) Task {
	return Task{
		Plain:      func() { f(ctx) },
		Failing:    func() error { f(ctx); return nil },
		Contextual: func(ctx context.Context) error { f(ctx); return nil },
	}
}

// Only returns a task that calls f, in one shape. It costs the closure that a
// user of the library would write at the call.
func Only(form Form, f func()) Task {
	switch form {
	case Plain:
		return Task{Plain: f}
	case Failing:
		return Task{Failing: func() error { f(); return nil }}
	case Contextual:
		return Task{Contextual: func(context.Context) error { f(); return nil }}
	default:
		panic("peer: Only called with an unknown Form")
	}
}

// ready is the Open of a library that keeps nothing for a whole program.
func ready(run Run) func() (Run, func()) {
	return func() (Run, func()) { return run, func() {} }
}
