package scope

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A TaskInfo describes a task at one moment.
type TaskInfo struct {
	// ID is unique in the process and not used again: "3.17" is the 17th task
	// of scope "3". A task that was refused has number 0, and so has one by which
	// the scope itself reports failures.
	ID string
	// Name is the name the task was started with.
	Name string
	// Path leads from the outermost scope to the task, separated by slashes.
	// It is for people: names need not be unique, and of a path of more than 64
	// names the first ones are left out, for an ellipsis.
	Path string
	// Kind says by which call it was started: task (Go, TryGo), daemon, start,
	// do, async, defer. In the failure of a scope itself it is body.
	Kind string
	// State is starting, running, cancelling or completing (its function is over
	// and scopes that were opened with its context are not) while the task lives;
	// then ok, failed, panicked, cancelled or refused.
	State string
	// Site is the line that started it, as "/path/file.go:42". Of a call through
	// a method value, such as f := s.Go, it is not known.
	Site string
	// Started is when it was started; Age is how long ago that was, or, in a
	// Failure, how long the task ran.
	Started time.Time
	Age     time.Duration
	// Err is what Task.Err returns, nil while the task runs; in a Failure it is the
	// Err of that.
	Err error
	// Cause is why its context was cancelled before its end, or nil; Cancelled
	// is when. It is zero without a Cause, and if a task of Do was cancelled by
	// its caller's context, which keeps no time.
	Cause     error
	Cancelled time.Time
	// Detail is what the task tells of itself; see Describe.
	Detail any
}

// A ScopeInfo describes a scope at one moment.
type ScopeInfo struct {
	// ID is unique in the process and not used again.
	ID string
	// Name is what the option Name gave, or "".
	Name string
	// Path leads to the scope, as that of a task does.
	Path string
	// Policy is fail-fast or supervised.
	Policy string
	// State is open, completing (the body is over and tasks are left), draining,
	// closing or ended.
	State string
	// Site is the line that opened it, as "/path/file.go:42".
	Site string
	// Opened is when it was opened, Age how long ago that was.
	Opened time.Time
	Age    time.Duration
	// Cause is why it was cancelled, or nil; Cancelled is when, and zero without
	// a Cause.
	Cause     error
	Cancelled time.Time
	// Grace is the time after which a cancelled scope reports its stragglers, or
	// 0 without that option.
	Grace time.Duration
	// Limit is the number of slots, or 0 without a Limit.
	Limit int
	// Counts are the numbers of its tasks, all of the same moment.
	Counts Counts
}

// Counts are the numbers of a scope's tasks. Started is the sum of the live
// ones and of the four ends; refused tasks were never started.
type Counts struct {
	Live      int    // that hold the scope open
	Daemons   int    // and deferred functions
	Started   uint64 // since the scope was opened
	OK        uint64 // returned nil
	Failed    uint64 // returned an error, or called runtime.Goexit
	Panicked  uint64
	Cancelled uint64 // returned no more than that they were cancelled
	Refused   uint64
}

// Info describes the task as it is now. It may be called at any time.
func (t *Task) Info() TaskInfo {
	var info TaskInfo
	t.describe(&info)
	return info
}

// describe fills in info, which is empty. It does so in place, since a TaskInfo
// is large for the stack of a goroutine that has just started.
func (t *Task) describe(info *TaskInfo) {
	now := time.Since(t.scope.opened)
	info.ID = t.id()
	info.Name = t.name
	info.Path = t.path()
	info.Kind = t.kind.String()
	info.Site = site(t.pc)
	info.Started = t.scope.opened.Add(t.start)
	info.Age = now - t.start
	t.describeState(info)
	if tail := t.tail.Load(); tail != nil {
		if detail := tail.detail.Load(); detail != nil {
			info.Detail = callDetail(*detail)
		}
	}
}

// describeState fills in how t is, or how it ended, and why.
func (t *Task) describeState(info *TaskInfo) {
	word := t.outcome.Load()
	out := t.result()
	cause := t.cause()
	switch {
	case out != outcomeNone:
		info.State, info.Err = out.String(), t.peekErr(out)
		if word&wasLive != 0 {
			cause = nil // the context is done because the task has ended
		}
	case word&isCompleting != 0:
		info.State = "completing"
		if !t.wasCancelled() {
			cause = nil // alike
		}
	case cause != nil:
		info.State = "cancelling"
	case t.startFailed():
		info.State = "starting"
	default:
		info.State = out.String()
	}
	if cause != nil {
		info.Cause, info.Cancelled = cause, t.cancelledAt()
	}
}

// wasCancelled reports whether t itself, or its scope, has been cancelled.
func (t *Task) wasCancelled() bool {
	own := t.own.Load()
	return own != nil && own.alone.Load() != nil ||
		!t.kind.shielded() && t.scope.cancelled() != nil
}

// cancelledAt returns when t was cancelled, as far as that is known.
func (t *Task) cancelledAt() time.Time {
	if own := t.own.Load(); own != nil {
		if k := own.alone.Load(); k != nil {
			return k.at
		}
	}
	if k := t.scope.loadCancellation(); k != nil && !t.kind.shielded() {
		return k.at
	}
	return time.Time{}
}

// callDetail returns what detail does, its panic, or [ErrGoexit].
func callDetail(detail func() any) (d any) {
	d = ErrGoexit
	apart(func() {
		defer func() {
			if v := recover(); v != nil {
				d = newPanicError(v).sinceFirst()
			}
		}()
		d = detail()
	})
	return d
}

// peekErr is Err, of a task that ends with out, without the note that somebody has
// seen the failure.
func (t *Task) peekErr(out outcome) error {
	tail := t.tail.Load()
	if tail == nil {
		return nil
	}
	switch err := tail.err.Load(); {
	case err == nil:
		return nil
	case out == outcomeCancelled:
		return &cancelledError{task: t.path(), cause: t.cause(), err: *err}
	default:
		return *err
	}
}

// number returns the task's number in its scope.
//
//go:norace
func (t *Task) number() uint64 { return t.seq }

// id returns the task's number in the process.
func (t *Task) id() string {
	var buf [2*20 + 1]byte // of two numbers in 20 digits
	b := strconv.AppendUint(buf[:0], t.scope.number(), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, t.number(), 10)
	return string(b)
}

// Info describes the scope as it is now. It may be called at any time.
func (s *Scope) Info() ScopeInfo {
	s.mustBeOpened()
	info := ScopeInfo{
		ID:     strconv.FormatUint(s.number(), 10),
		Name:   s.body.name,
		Path:   s.path(),
		Policy: "supervised",
		Site:   site(s.body.pc),
		Opened: s.opened,
		Age:    time.Since(s.opened),
	}
	if s.failFast {
		info.Policy = "fail-fast"
	}
	if l := s.slots(); l != nil {
		info.Limit = cap(l.taken)
	}
	if s.setup != nil {
		info.Grace = s.setup.grace
	}
	if k := s.cancelled(); k != nil {
		info.Cause, info.Cancelled = k.cause, k.at
	}
	info.State, info.Counts = s.counts()
	return info
}

//go:norace
func (s *Scope) counts() (state string, c Counts) {
	s.mu.lock()
	defer s.mu.unlock()
	state = s.phase.String()
	if s.phase == phaseOpen && s.lexical && !s.inBody {
		state = "completing"
	}
	ends := s.ended()
	return state, Counts{
		Live:      int(s.live),
		Daemons:   int(s.others - s.reporters),
		Started:   s.started,
		OK:        ends[outcomeOK],
		Failed:    ends[outcomeFailed],
		Panicked:  ends[outcomePanicked],
		Cancelled: ends[outcomeCancelled],
		Refused:   ends[outcomeRefused],
	}
}

// Describe sets what [TaskInfo].Detail returns for the task ctx belongs to: what
// detail returns at the moment somebody looks. Package supervisor tells of
// restarts in this way. detail may be called at any time, also after the task
// has ended, from any goroutine and several at once; it must not block. Describe
// does nothing if ctx belongs to no task, and panics if detail is nil.
func Describe(ctx context.Context, detail func() any) {
	if detail == nil {
		panic("scope: Describe with a nil function; pass one that returns the detail")
	}
	if t := TaskFrom(ctx); t != nil {
		t.needTail().detail.Store(&detail)
	}
}

// path names the task, or a body's scope, from the root down.
func (t *Task) path() string {
	if s := t.scope; s.parent() == nil && t.kind != kindBody && (s.lexical || s.lastPath() == "") {
		return s.ownName() + "/" + t.name // as shortPath would have it
	}
	return t.shortPath(maxPath)
}

// maxPath bounds the names of a path: in a recursion each task has one more, and
// a report of all of them would grow with the square of the depth.
const maxPath = 64

// shortPath is path without what is more than some n names above.
func (t *Task) shortPath(n int) string {
	names := make([]string, 0, 8) // innermost first
	for t != nil {
		if len(names) >= n {
			names = append(names, "…")
			break
		}
		if t.kind != kindBody {
			names = append(names, t.name)
		}
		s := t.scope
		t = s.parent() // before the look at lastPath, which is set before parent goes
		if path := s.lastPath(); path != "" {
			names = append(names, path)
			break
		}
		if s.body.name != "" || t == nil {
			names = append(names, s.ownName())
		}
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// ownName is the name of s, or the function that opened it.
func (s *Scope) ownName() string {
	if s.body.name != "" {
		return s.body.name
	}
	return funcName(s.body.pc - 1)
}

// path names the scope from the root down.
func (s *Scope) path() string { return s.body.path() }

// String returns the scope's path in the form of error texts: scope "server/conn".
func (s *Scope) String() string {
	s.mustBeOpened()
	return fmt.Sprintf("scope %q", s.path())
}

// String returns the task's path in the form of error texts: task "server/accept".
// So printing a handle looks into no memory that the task writes to.
func (t *Task) String() string { return fmt.Sprintf("task %q", t.path()) }

// label names the scope in errors.
func (s *Scope) label() string {
	if s.body.name != "" {
		return s.body.name
	}
	return s.path()
}
