package scope

import (
	"context"
	"sync/atomic"
	"time"
	"unsafe"
)

// A Scope owns a changing set of tasks. It ends only when all of them have
// returned, on every path.
//
// [Run] and [Supervise] make a scope that lives as long as a call; [Open] and
// [OpenSupervised] make one that lives until it is shut down. The zero Scope is
// of no use, and its methods panic. All methods are safe for concurrent use.
type Scope struct {
	// What each task reads, and nobody writes, comes first, and then what each task
	// writes: see ledger.

	id atomic.Uint64 // given out late; see number

	// Immutable after newScope.

	failFast bool            // the first failure ends the scope
	lexical  bool            // made by Run or Supervise
	opened   time.Time       // tasks are stamped relative to it
	values   context.Context // where a task's values come from
	reports  *reports        // nil for the default

	ledger

	setup        *setup                 // what few scopes have, or nil; immutable, too
	origin       atomic.Pointer[origin] // never nil; let go of at the end
	cancellation atomic.Pointer[cancellation]

	branch

	// left tells Run and Supervise, once, that nothing of the scope runs. It
	// costs no allocation, unlike a channel; who must be able to give up waiting
	// uses the channels of the ledger.
	left latch

	place origin // what origin points to in a lexical scope

	// body stands for the body where a task is asked for. It has the scope's name,
	// and the line where that was opened.
	body Task
}

// Run opens a fail-fast scope, calls body on this goroutine and returns when
// body and every task have ended: on return, error, panic and Goexit alike. It
// needs no call of Wait.
//
// The context that body gets is the scope's: it is cancelled by the first
// failure, by [Scope.Cancel] and with ctx, and carries the scope, so that a
// scope opened with it, or with a task's, is nested in this one.
//
// The first failure, of body or of a task, cancels everything else and is
// returned: body's error as it is, a task's as a [*Failure]. Failures that come
// later go to the handler; see [OnFailure]. If nothing failed, Run returns what
// Cancel was given, or the cause of ctx's cancellation if that was cancelled
// before the end, or the scope's own [Timeout], or nil. A panic or Goexit in body
// goes on in the caller after the join; only a [Fatal] failure of a task takes
// its place.
//
// If ctx is done already, body is called all the same, with a context that is
// done, and starts nothing. Run does not cancel ctx. It panics if ctx or body is
// nil.
//
//go:noinline
func Run(
	ctx context.Context, body func(ctx context.Context, s *Scope) error, opts ...Option,
) error {
	return runLexical(newScope(ctx, true, true, callerPC(), opts), body)
}

// Supervise is [Run] with a supervised scope: a task that fails, or panics,
// goes to the handler (see [OnFailure]) and leaves its siblings and the body
// alone. The result does not contain it. What ends a supervised scope from
// inside is an error of body or a [Fatal] failure.
//
//go:noinline
func Supervise(
	ctx context.Context, body func(ctx context.Context, s *Scope) error, opts ...Option,
) error {
	return runLexical(newScope(ctx, false, true, callerPC(), opts), body)
}

// Open opens a fail-fast scope that lives until something ends it: its first
// failure, [Scope.Shutdown], [Scope.Drain], [Scope.Cancel], or the end of ctx,
// which is also the end of the task that ctx belongs to, or, if that is a body, the
// end of the body and of all tasks of its scope. It is the form for a
// field of a server. That no task is live does not end it.
//
// Whoever opens a scope shuts it down; one that is collected without is
// reported to the handler, and so is one whose failure nobody has asked for. A
// handler that leads back to the scope keeps it from being collected until then.
// Open does not block and starts no goroutine. It panics if ctx is nil.
//
//go:noinline
func Open(ctx context.Context, opts ...Option) *Scope {
	return newScope(ctx, true, false, callerPC(), opts)
}

// OpenSupervised is [Open] with a supervised scope: a task that fails, or
// panics, goes to the handler (see [OnFailure]) and leaves its siblings alone.
// The scope keeps no more than a count of it. Only a [Fatal] failure ends the
// scope.
//
//go:noinline
func OpenSupervised(ctx context.Context, opts ...Option) *Scope {
	return newScope(ctx, false, false, callerPC(), opts)
}

func newScope(ctx context.Context, failFast, lexical bool, pc uintptr, opts []Option) *Scope {
	parent := current(ctx) // panics if ctx is nil
	s := &Scope{
		failFast: failFast, lexical: lexical, opened: time.Now(), values: ctx,
	}
	o := &s.place
	if !lexical {
		o = &origin{}
	}
	o.outer = ctx
	s.origin.Store(o)
	s.phase, s.inBody = phaseOpen, lexical
	s.left.init()
	s.body.scope, s.body.kind, s.body.pc = s, kindBody, pc
	if parent != nil {
		s.reports = parent.scope.reports
	}
	for _, o := range opts {
		if o == nil {
			panic("scope: nil Option; leave it out")
		}
		o.apply(s)
	}
	s.setOrigin(o, parent)
	if o := s.reports.watcher(); o != nil {
		o.scopeOpened(s) // before anybody can cancel s, and the observer is told of that
	}
	s.hang(o)
	s.listen()
	return s
}

// setOrigin sets what follows from the context and the parent of s.
func (s *Scope) setOrigin(o *origin, parent *Task) {
	o.parent = parent
	direct, _ := o.outer.(*taskContext)
	if direct != nil && direct.kind != kindDo {
		s.values = direct.scope.values
	}
	s.setTiming(o, direct != nil)
	if parent != nil && parent.kind != kindDo {
		o.linked = direct != nil || o.outer.Done() == parent.context().Done()
	}
	o.held = o.linked || parent != nil && o.outer.Done() != nil
	s.setWatch(o)
	if !s.lexical {
		s.watchForgotten()
	}
	if parent != nil && parent.isOver() {
		s.uproot(o)
	}
}

// uproot makes s a root, whose parent has ended.
func (s *Scope) uproot(o *origin) {
	o.parent, o.linked, o.held = nil, false, false
	s.setWatch(o)
}

// hang gives s its place in the tree. From its last line on s can be seen, and
// cancelled, by others; so all else must have been set before.
func (s *Scope) hang(o *origin) {
	if o.parent != nil && s.attach(o.parent) {
		return
	}
	if o.parent != nil {
		s.uproot(o)
	}
	roots.add(s)
}

// runLexical is Run and Supervise.
func runLexical(s *Scope, body func(ctx context.Context, s *Scope) error) (err error) {
	if body == nil {
		_ = s.join()
		panic("scope: nil body; pass a function that starts the scope's tasks")
	}
	returned := false
	defer func() {
		if !returned {
			err = s.leave(recover())
		}
	}()
	s.body.body = lexicalBody(body)
	err = s.body.inline()
	returned = true
	s.catchUp()
	if err != nil {
		s.failBody(err)
	}
	return s.join()
}

type lexicalBody func(context.Context, *Scope) error

func (f lexicalBody) exec(ctx context.Context) error { return f(ctx, ctx.(*taskContext).scope) }

// join waits until nothing of a lexical scope is left, ends it and returns the
// result. The end is
// made here, on the goroutine of the body, and not on that of the last task,
// whose small stack would have to grow for it.
func (s *Scope) join() error {
	var do todo
	s.leaveBody(&do)
	s.perform(&do)
	s.left.wait()
	raceJoin(unsafe.Pointer(s))
	return s.end()
}

// leave cancels a lexical scope whose body did not return, waits for all that is in
// it and returns the result. It goes on with a panic v of the body; a Goexit goes on
// by itself.
func (s *Scope) leave(v any) error {
	s.catchUp()
	if v != nil {
		s.panicBody(v)
	} else {
		s.cancel(because(ErrGoexit))
	}
	err := s.join()
	if v != nil && s.hasFatal() {
		return err
	}
	s.handleClaimed()
	if v != nil {
		panic(v)
	}
	return ErrGoexit // seen by nobody, but behind a panic(nil) under GODEBUG=panicnil=1
}

// failBody cancels s, whose body returned err, if that is a failure.
func (s *Scope) failBody(err error) {
	failed, fatal := true, false
	s.consult(func() {
		failed = !s.body.echoes(err)
		fatal = failed && IsFatal(err)
	}, func() {
		if failed {
			s.claimBody(err, fatal)
			s.cancel(because(err))
		}
	})
}

// panicBody cancels s, whose body panicked with v.
func (s *Scope) panicBody(v any) {
	p := newPanicError(v)
	s.consult(func() { p = p.sinceFirst() }, func() { s.announce(p) })
}

// consult calls ask, which calls methods of the user's error, and then act. If a
// method calls runtime.Goexit, which goes on in the caller, act goes by what is
// known, and the join is here.
func (s *Scope) consult(ask, act func()) {
	asked := false
	defer func() {
		act()
		if !asked {
			_ = s.join()
			s.handleClaimed()
		}
	}()
	ask()
	asked = true
}

// announce cancels s with the body's panic.
func (s *Scope) announce(p *PanicError) {
	f := s.body.failure(p)
	s.claimBody(f, false)
	s.cancel(because(f))
	if s.hasWork() {
		s.report(f) // what is stuck must not hide the panic until it ends
	}
}

// handleClaimed gives the failures of tasks that were to be the result to the
// handler, since a panic or Goexit of the body takes the result's place.
func (s *Scope) handleClaimed() {
	errs, _ := s.failures()
	for _, err := range errs {
		if f, ok := err.(*Failure); ok && f.Task.Kind != kindBody.String() {
			apart(func() { s.handle(&s.body, f) }) // what it does is not to displace v
		}
	}
}

// end ends s, of which nothing runs any more, and returns its result. It leaves the
// tree only when its observer has been told and the result stands, so that whoever
// waits for the parent has waited for that. What calls methods of the user's
// context to let go of it comes last: they may panic.
func (s *Scope) end() error {
	parent, timing := s.parent(), s.timing()
	if o := s.reports.watcher(); o != nil {
		o.scopeEnded(s)
	}
	s.fix()
	s.letGo()
	s.body.endContext()
	last := s.finish()
	s.detach(parent)
	if last.idle != nil {
		close(last.idle)
	}
	if last.over != nil {
		close(last.over)
	}
	s.setup.stop(timing)
	return last.result
}

// mustBeOpened stops the use of a scope that no constructor made.
func (s *Scope) mustBeOpened() {
	if s == nil || s.body.scope == nil {
		panic("scope: nil or zero Scope; get one from Run, Supervise, Open or OpenSupervised")
	}
}
