package scope

import (
	"context"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A TaskInfo describes a task at one moment.
type TaskInfo struct {
	// ID is unique in the process and not used again: "3.17" is the 17th task
	// of scope "3". A task that was refused has number 0.
	ID string
	// Name is the name the task was started with.
	Name string
	// Path leads from the outermost scope to the task, separated by slashes.
	// It is for people: names need not be unique.
	Path string
	// Kind says by which call it was started: task (Go, TryGo), daemon, start,
	// do, async, defer. In the failure of a scope itself it is body.
	Kind string
	// State is starting, running or cancelling while the task lives; then ok,
	// failed, panicked, cancelled or refused.
	State string
	// Site is the line that started it, as "/path/file.go:42". Of a call through
	// a method value, such as f := s.Go, it is not known.
	Site string
	// Started is when it was started; Age is how long ago that was, or, in a
	// Failure, how long the task ran.
	Started time.Time
	Age     time.Duration
	// Err is what Task.Err returns, nil while the task runs.
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
	// State is open, draining, closing or ended.
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
	now := time.Since(t.scope.opened)
	info := TaskInfo{
		ID:      strconv.FormatUint(t.scope.id, 10) + "." + strconv.FormatUint(t.number(), 10),
		Name:    t.name,
		Path:    t.path(),
		Kind:    t.kind.String(),
		Site:    site(t.pc),
		Started: t.scope.opened.Add(t.start),
		Age:     now - t.start,
		Cause:   t.cause(),
	}
	out := t.result()
	info.State = t.stateWord(out, info.Cause)
	if out != outcomeNone {
		info.Err = t.peekErr()
		if t.outcome.Load()&wasLive != 0 {
			info.Cause = nil // its context is done because it has ended
		}
	}
	if info.Cause != nil {
		info.Cancelled = t.cancelledAt()
	}
	if tail := t.tail.Load(); tail != nil {
		if detail := tail.detail.Load(); detail != nil {
			info.Detail = callDetail(*detail)
		}
	}
	return info
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

// callDetail returns what detail does, or its panic.
func callDetail(detail func() any) (d any) {
	defer func() {
		if v := recover(); v != nil {
			d = newPanicError(v)
		}
	}()
	return detail()
}

// peekErr is Err without the note that somebody has seen the failure.
func (t *Task) peekErr() error {
	tail := t.tail.Load()
	if tail == nil {
		return nil
	}
	if err := tail.err.Load(); err != nil {
		return *err
	}
	return nil
}

// number returns the task's number in its scope.
//
//go:norace
func (t *Task) number() uint64 { return t.seq }

func (t *Task) stateWord(out outcome, cause error) string {
	switch {
	case out != outcomeNone:
		return out.String()
	case cause != nil:
		return "cancelling"
	case t.startFailed():
		return "starting"
	default:
		return out.String()
	}
}

// Info describes the scope as it is now. It may be called at any time.
func (s *Scope) Info() ScopeInfo {
	s.mustBeOpened()
	info := ScopeInfo{
		ID:     strconv.FormatUint(s.id, 10),
		Name:   s.name,
		Path:   s.path(),
		Policy: "supervised",
		Site:   site(s.pc),
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
	var p phase
	p, info.Counts = s.counts()
	info.State = p.String()
	return info
}

//go:norace
func (s *Scope) counts() (phase, Counts) {
	s.mu.lock()
	defer s.mu.unlock()
	return s.phase, Counts{
		Live:      int(s.live),
		Daemons:   int(s.others),
		Started:   s.started,
		OK:        s.ends[outcomeOK],
		Failed:    s.ends[outcomeFailed],
		Panicked:  s.ends[outcomePanicked],
		Cancelled: s.ends[outcomeCancelled],
		Refused:   s.ends[outcomeRefused],
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
func (t *Task) path() string { return t.shortPath(math.MaxInt) }

// shortPath is path without what is more than some n names above.
func (t *Task) shortPath(n int) string {
	var names []string // innermost first
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
		if s.name != "" {
			names = append(names, s.name)
		} else if t == nil {
			names = append(names, funcName(s.pc-1))
		}
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// path names the scope from the root down.
func (s *Scope) path() string { return s.body.path() }

// label names the scope in errors.
func (s *Scope) label() string {
	if s.name != "" {
		return s.name
	}
	return s.path()
}

// site returns the line at which the call that returns to pc stands.
func site(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return f.File + ":" + strconv.Itoa(f.Line)
}

// funcName returns the name of the function at pc without its import path:
// "http.(*Server).Serve".
func funcName(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	name := f.Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}

// entry returns the program counter of the function f, which must be of a
// function type: its value points to a closure, whose first word is the code.
func entry[F any](f F) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }
