package scope

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
)

// errForgotten is reported of a long-lived scope that was collected open.
var errForgotten = errors.New(
	"scope: collected without having been ended; call Shutdown when its owner is done")

// A trace is what is left of a long-lived scope when it has been collected. It
// must not lead back to the scope.
type trace struct {
	id      uint64
	failure *Failure
	reports *reports
	ended   atomic.Bool           // the scope has ended
	result  atomic.Pointer[error] // its failure, until somebody asks for it
}

// keep stores a copy: the trace must not point into the scope.
func (tr *trace) keep(err error) { tr.result.Store(&err) }

// watchForgotten has it reported if s is collected without having been ended,
// or with a failure that nobody has asked for.
func (s *Scope) watchForgotten() {
	tr := &trace{id: s.id, failure: s.body.failure(errForgotten), reports: s.reports}
	s.needSetup().trace = tr
	runtime.AddCleanup(s, (*trace).collected, tr)
}

// collected runs on a goroutine that must not be held up, so it does no more
// than print or, if there is a handler, start it as a root scope of its own.
func (tr *trace) collected() {
	roots.forget(tr.id)
	f := tr.failure
	if tr.ended.Load() {
		err := tr.result.Load()
		if err == nil {
			return
		}
		f = &Failure{Task: f.Task, Err: *err}
	}
	s := OpenSupervised(context.Background(), Name("collected"))
	s.Go("report", func(ctx context.Context) error {
		tr.reports.handle(context.WithoutCancel(ctx), f)
		return nil
	})
	s.perform(s.drain())
}
