package scope

import (
	"context"
	"fmt"
	"os"
	"time"
)

// A Failure is the failed end of one task: what a [Handler] gets, and the error
// by which a fail-fast scope ends. errors.Is and errors.As reach the task's own
// error through it. A Failure is not changed after it was handed out.
type Failure struct {
	// Task is the task that failed, as it was at its end.
	Task TaskInfo
	// Err is what the task returned; a [*PanicError] if it panicked;
	// [ErrGoexit] if it called [runtime.Goexit]; the reason, such as
	// [ErrClosed], if it was refused; a [*StragglersError] if it is the scope
	// that has something to report (see [Grace]).
	Err error
	// Cause is why the task's context was cancelled, or nil if it was live:
	// failures under a cancellation come from cleaning up.
	Cause error
}

var _ error = (*Failure)(nil)

// Error returns the task's path and its error. A failure that came up from a
// task further down names that one alone, and a report of stragglers its scope.
func (f *Failure) Error() string {
	switch err := f.Err.(type) {
	case *Failure:
		if err != nil {
			return err.Error()
		}
	case *StragglersError:
		return err.Error()
	}
	return fmt.Sprintf("%s: %v", f.subject(), f.Err)
}

// subject says what has failed: a task, or a scope itself.
func (f *Failure) subject() string {
	if f.Task.Kind == kindBody.String() {
		return fmt.Sprintf("scope %q", f.Task.Path)
	}
	return fmt.Sprintf("task %q", f.Task.Path)
}

// Unwrap returns f.Err.
func (f *Failure) Unwrap() error {
	if f == nil { // a typed nil in an error
		return nil
	}
	return f.Err
}

// Format writes the error; with %+v also where the task was started, how long
// it ran, and the stack of a panic.
func (f *Failure) Format(w fmt.State, verb rune) {
	text := f.Error()
	if verb == 'v' && w.Flag('+') {
		text = fmt.Sprintf("%s, started at %s, ran %s: %+v",
			f.subject(), f.Task.Site, f.Task.Age.Round(time.Microsecond), f.Err)
	}
	fmt.Fprintf(w, directive(verb), text)
}

func (t *Task) failure(err error) *Failure {
	f := &Failure{Err: err, Cause: t.cause()}
	t.describe(&f.Task)
	f.Task.Err = err
	switch {
	case err == nil:
	case isPanic(err):
		f.Task.State = outcomePanicked.String()
	default:
		f.Task.State = outcomeFailed.String()
	}
	return f
}

func isPanic(err error) bool {
	_, ok := err.(*PanicError)
	return ok
}

// A Handler is told of failures; see [OnFailure]. It runs on the goroutine of
// the task that failed, before the task counts as ended, and so holds up that
// task's end and nothing else. Told of a refusal, it runs on the goroutine that
// called Go, Daemon or Async, which waits for it. Calls for different tasks may be
// concurrent.
//
// The context carries the task and its values and is never cancelled by the
// scope. A handler may start tasks, as to try again; a refusal is then in the
// handle and not reported once more. It may cancel the scope; waiting for it with
// this context fails with [ErrSelfWait]. If a
// handler panics or calls runtime.Goexit, the panic and the failure are
// reported on standard error, and the scope goes on.
type Handler func(ctx context.Context, f *Failure)

// Ignore is the handler that is silent on purpose.
func Ignore(context.Context, *Failure) {}

// Report hands f to the nearest handler: that of the scope ctx belongs to, or
// of those around it, or at last the report on standard error. It is for code
// that runs tasks for others and has a failure of theirs, or of its own, to tell.
// Report returns when the handler is over. It panics if f is nil.
func Report(ctx context.Context, f *Failure) {
	if f == nil {
		panic("scope: Report of a nil Failure; pass one with its Err set")
	}
	var r *reports
	t := current(ctx)
	if t != nil {
		r = t.scope.reports
	}
	for t != nil && t.kind == kindBody { // whose goroutine is a task's, if any's
		t = t.scope.parent()
	}
	apart(func() {
		t.lend(func() { r.handle(context.WithoutCancel(ctx), f) })
	})
}

// handle gives f, a failure of t, to the handler.
func (s *Scope) handle(t *Task, f *Failure) {
	s.reports.handle(context.WithoutCancel(t.context()), f)
}

// reports is how a scope tells of what happens in it. Nested scopes share it
// until one has an option of its own. Nil stands for the default.
type reports struct {
	handler  Handler // nil for the report on standard error
	observer *observer
	crash    bool // see CrashOnPanic
}

// watcher returns the observer, or nil.
func (r *reports) watcher() *observer {
	if r == nil {
		return nil
	}
	return r.observer
}

// crashes reports whether panics are left alone.
func (r *reports) crashes() bool { return r != nil && r.crash }

// handle calls the handler, and outlives it.
//
//go:noinline
func (r *reports) handle(ctx context.Context, f *Failure) {
	if r == nil || r.handler == nil {
		printFailure(f, nil)
		return
	}
	returned := false
	defer func() {
		if v := recover(); v != nil {
			printFailure(f, newPanicError(v).traced())
		} else if !returned {
			printFailure(f, ErrGoexit)
		}
	}()
	r.handler(ctx, f)
	returned = true
}

// printFailure writes f to standard error, with what became of the handler if
// that failed, too. It is the last resort, so whatever goes wrong in it, such
// as an Error method that calls runtime.Goexit, ends here.
func printFailure(f *Failure, handler error) {
	text := fmt.Sprintf("scope: task %q failed, and its error cannot be printed\n", f.Task.Path)
	apart(func() {
		defer func() { _ = recover() }()
		full := fmt.Sprintf("scope: %+v\n", f)
		if handler != nil {
			full += fmt.Sprintf("scope: the handler of this failure failed itself: %+v\n", handler)
		}
		text = full
	})
	_, _ = os.Stderr.WriteString(text)
}
