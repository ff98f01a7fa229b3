package scope

import (
	"context"
	"sync"
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
	// Immutable after newScope.

	id       uint64
	name     string
	pc       uintptr         // where it was opened
	failFast bool            // the first failure ends the scope
	lexical  bool            // made by Run or Supervise
	opened   time.Time       // tasks are stamped relative to it
	outer    context.Context // what it was opened with
	values   context.Context // where a task's values come from
	watch    context.Context // cancels this scope, or is polled for one further out; nil if nothing can
	reports  *reports        // never nil
	timing   *timing         // nil without a deadline
	slots    *slots          // nil without a Limit
	conf     config          // the other options
	extra    *extra          // what must be stopped at the end, or nil

	branch
	ledger

	cancellation atomic.Pointer[cancellation]

	// ended is a latch: Done once, when the scope has ended. It costs no
	// allocation, unlike a channel; who must be able to give up waiting uses
	// ledger.over.
	ended sync.WaitGroup

	fixed error // the result, written before ended

	body Task // stands for the body where a task is asked for
}

// scopeIDs numbers the scopes of this process.
var scopeIDs atomic.Uint64

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
func Run(
	ctx context.Context, body func(ctx context.Context, s *Scope) error, opts ...Option,
) error {
	return runLexical(newScope(ctx, true, true, callerPC(), opts), body)
}

// Supervise is [Run] with a supervised scope: a task that fails, or panics,
// goes to the handler (see [OnFailure]) and leaves its siblings and the body
// alone. The result does not contain it. What ends a supervised scope from
// inside is an error of body or a [Fatal] failure.
func Supervise(
	ctx context.Context, body func(ctx context.Context, s *Scope) error, opts ...Option,
) error {
	return runLexical(newScope(ctx, false, true, callerPC(), opts), body)
}

// Open opens a fail-fast scope that lives until something ends it: its first
// failure, [Scope.Shutdown], [Scope.Drain], [Scope.Cancel], or the end of ctx,
// which is also the end of the task that ctx belongs to. It is the form for a
// field of a server. That no task is live does not end it.
//
// Whoever opens a scope shuts it down; one that is collected without is
// reported to the handler. Open does not block and starts no goroutine. It
// panics if ctx is nil.
func Open(ctx context.Context, opts ...Option) *Scope {
	return newScope(ctx, true, false, callerPC(), opts)
}

// OpenSupervised is [Open] with a supervised scope: a task that fails, or
// panics, goes to the handler (see [OnFailure]) and leaves its siblings alone.
// The scope keeps no more than a count of it. Only a [Fatal] failure ends the
// scope.
func OpenSupervised(ctx context.Context, opts ...Option) *Scope {
	return newScope(ctx, false, false, callerPC(), opts)
}

func newScope(ctx context.Context, failFast, lexical bool, pc uintptr, opts []Option) *Scope {
	parent := current(ctx) // panics if ctx is nil
	s := &Scope{
		id: scopeIDs.Add(1), pc: pc, failFast: failFast, lexical: lexical,
		opened: time.Now(), outer: ctx, values: ctx, reports: &defaultReports,
	}
	s.phase, s.inBody = phaseOpen, lexical
	s.ended.Add(1)
	s.body.scope, s.body.kind = s, kindBody
	if parent != nil {
		s.reports = parent.scope.reports
	}
	for _, o := range opts {
		if o == nil {
			panic("scope: nil Option; leave it out")
		}
		o.apply(s)
	}
	s.hang(parent)
	if !lexical {
		s.watchForgotten()
	}
	if o := s.reports.observer; o != nil {
		o.scopeOpened(s)
	}
	return s
}

// hang gives s its place in the tree and makes it hear of cancellations.
func (s *Scope) hang(parent *Task) {
	ctx := s.outer
	if parent != nil && s.attachTo(parent) {
		_, direct := ctx.(*taskContext)
		s.linked = parent.kind != kindDo && (direct || ctx.Done() == parent.context().Done())
	} else {
		roots.add(s)
	}
	if c, direct := ctx.(*taskContext); direct && c.kind != kindDo {
		s.values = c.scope.values
	}
	s.setTiming()
	if s.linked {
		s.watch = parent.scope.watch
		if parent.kind.shielded() {
			s.watch = nil
		}
		if s.timing == nil || !s.timing.own {
			if cause := parent.cause(); cause != nil {
				s.cancel(&cancellation{cause: cause, err: parent.context().Err()})
			}
			return
		}
	}
	s.listen()
}

func (s *Scope) attachTo(parent *Task) bool {
	s.parent = parent
	if s.attach(parent) {
		return true
	}
	s.parent = nil
	return false
}

// runLexical is Run and Supervise.
func runLexical(s *Scope, body func(ctx context.Context, s *Scope) error) (err error) {
	if body == nil {
		s.leaveBodyNow()
		panic("scope: nil body; pass a function that starts the scope's tasks")
	}
	returned := false
	defer func() {
		err = s.leave(returned, err, recover())
	}()
	s.body.body = lexicalBody(body)
	err = s.body.inline()
	returned = true
	return err
}

type lexicalBody func(context.Context, *Scope) error

func (f lexicalBody) exec(ctx context.Context) error { return f(ctx, From(ctx)) }

// leaveBodyNow ends a scope whose body was never called.
func (s *Scope) leaveBodyNow() {
	s.perform(s.leaveBody())
	s.ended.Wait()
}

// leave ends a lexical scope after its body, waits for all that is in it and
// returns the result. It goes on with a panic v of the body; a Goexit goes on by
// itself.
func (s *Scope) leave(returned bool, err error, v any) error {
	s.closeBody(returned, err, v)
	s.perform(s.leaveBody())
	s.ended.Wait()
	raceJoin(unsafe.Pointer(s))
	if (v != nil || !returned) && s.fatal == nil {
		s.handleClaimed()
	}
	if v != nil && s.fatal == nil {
		panic(v)
	}
	return s.fixed
}

// closeBody records how the body ended, and cancels the scope if it failed.
func (s *Scope) closeBody(returned bool, err error, v any) {
	switch {
	case v != nil:
		f := s.body.failure(newPanicError(v))
		s.claimBody(f)
		s.cancel(&cancellation{cause: f, err: context.Canceled})
		// A stuck task must not hide the panic until it ends.
		if ch, _ := s.waitOver(); ch != nil {
			s.handle(&s.body, f)
		}
	case !returned:
		s.cancel(&cancellation{cause: ErrGoexit, err: context.Canceled})
	case err != nil && !isEcho(err, s.body.context().Err(), s.body.cause()):
		s.claimBody(err)
		s.cancel(&cancellation{cause: err, err: context.Canceled})
	}
}

// handleClaimed gives the failures of tasks that were to be the result to the
// handler, since a panic or Goexit of the body takes the result's place.
func (s *Scope) handleClaimed() {
	errs, _ := s.failures()
	for _, err := range errs {
		if f, ok := err.(*Failure); ok && f.Task.Kind != kindBody.String() {
			s.handle(&s.body, f)
		}
	}
}

// end ends s: nothing of it runs any more.
func (s *Scope) end() {
	for !s.sealBody() {
		s.endNested(&s.body)
	}
	s.detach()
	s.extra.stop()
	if s.timing != nil {
		s.timing.release()
	}
	if o := s.reports.observer; o != nil {
		o.scopeEnded(s)
	}
	s.fixed = s.verdict()
	s.leaveTrace()
	if own := s.body.own.Load(); own != nil {
		own.cancel(nil)
	}
	idle, over, done := s.finish()
	for _, ch := range []chan struct{}{idle, over, done} {
		if ch != nil {
			close(ch)
		}
	}
	s.ended.Done()
}

// mustBeOpened stops the use of a scope that no constructor made.
func (s *Scope) mustBeOpened() {
	if s == nil || s.body.scope == nil {
		panic("scope: nil or zero Scope; get one from Run, Supervise, Open or OpenSupervised")
	}
}
