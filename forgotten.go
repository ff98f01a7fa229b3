package scope

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
	"weak"
)

// errForgotten is reported of a long-lived scope that was collected open.
var errForgotten = errors.New(
	"scope: collected without having been ended; call Shutdown when its owner is done")

// A trace is what is left of a long-lived scope when it has been collected. It
// must not lead back to the scope.
type trace struct {
	self    weak.Pointer[Scope]
	id      uint64
	name    string
	pc      uintptr
	opened  time.Time
	reports *reports              // until nothing can be left to report; see close
	ended   atomic.Bool           // the scope has ended
	result  atomic.Pointer[error] // its failure, until somebody asks for it
	waiters atomic.Int32          // who is about to ask
}

// keep stores a copy: the trace must not point into the scope.
func (tr *trace) keep(err error) { tr.result.Store(&err) }

// fetch returns what was kept, to one caller only. With that nothing is left to
// report, and the handler is let go of: the runtime keeps the trace until the scope
// is collected, and a handler that leads back to the scope, as a method of the
// scope's owner does, would see to it that it never is.
func (tr *trace) fetch() error {
	err := tr.result.Swap(nil)
	if err == nil {
		return nil
	}
	tr.reports = nil // which nobody reads without a result
	return *err
}

// close notes that the scope has ended.
func (tr *trace) close() {
	if tr.result.Load() == nil {
		tr.reports = nil // as in fetch
	}
	tr.ended.Store(true)
}

// bubbleYears is a year that no clock shows but those of bubbles, which begin with
// 2000, and wrong ones. So only these pay for inBubble, which costs as much as Open.
const bubbleYears = 2026

// watchForgotten has it reported if s is collected without having been ended,
// or with a failure that nobody has asked for. The handler of a scope in a bubble of
// testing/synctest is not called: it would run outside, where a send on a channel of
// the bubble ends the process.
func (s *Scope) watchForgotten() {
	tr := &trace{
		self: weak.Make(s), id: s.number(),
		name: s.body.name, pc: s.body.pc, opened: s.opened, reports: s.reports,
	}
	if s.opened.Year() < bubbleYears && inBubble() {
		tr.reports = nil // on standard error: a handler may be of the bubble
	}
	s.needSetup().trace = tr
	runtime.AddCleanup(s, (*trace).collected, tr)
}

// failure returns err as a failure of the scope. The path is not the whole one,
// since what the scope hung below may be gone.
func (tr *trace) failure(err error) *Failure {
	path := tr.name
	if path == "" {
		path = funcName(tr.pc - 1)
	}
	return &Failure{Err: err, Task: TaskInfo{
		ID: strconv.FormatUint(tr.id, 10) + ".0", Path: path, Kind: kindBody.String(),
		State: outcomeFailed.String(), Site: site(tr.pc), Started: tr.opened,
		Age: time.Since(tr.opened), Err: err,
	}}
}

// collected runs on a goroutine that must not be held up, so it does no more
// than print or, if there is a handler, start it as a root scope of its own.
func (tr *trace) collected() {
	roots.forget(tr.self)
	err := errForgotten
	if tr.ended.Load() {
		result := tr.result.Swap(nil) // who may be asking in this moment gets nothing
		if result == nil {
			return
		}
		err = *result
	}
	f := tr.failure(err)
	s := OpenSupervised(context.Background(), Name("collected"))
	s.Go("report", func(ctx context.Context) error {
		tr.reports.handle(context.WithoutCancel(ctx), f)
		return nil
	})
	s.beginDrain()
}
