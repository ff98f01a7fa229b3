package scope

import "sync/atomic"

// An Observer is told what happens in a scope; see [Observe]. Each field may be
// nil.
//
// The functions run outside all locks and hold up what they tell of: they should
// be quick. Calls may be concurrent. One that panics or calls runtime.Goexit is
// reported on standard error and the observer is not called again. One that waits
// for its own scope is not found out, as a task would be, and waits for ever.
type Observer struct {
	// TaskStarted is called before the task's function.
	TaskStarted func(TaskInfo)
	// TaskEnded is called before the task counts as ended, after the handler.
	// The State of the info is how the task ends.
	TaskEnded func(TaskInfo)
	// ScopeOpened, ScopeCancelled and ScopeEnded are called once per scope; the
	// second one only if it was cancelled, and then in this order.
	ScopeOpened, ScopeCancelled, ScopeEnded func(ScopeInfo)
	// Straggling is called when the Grace of a cancelled scope is over.
	Straggling func(*StragglersError)
}

// Observe has o told what happens in the scope and in those nested in it. A
// task then costs some microseconds more; without Observe nothing.
func Observe(o Observer) Option {
	return optionFunc(func(s *Scope) { s.ownReports().observer = &observer{Observer: o} })
}

// An observer calls an Observer until that fails.
type observer struct {
	Observer

	off atomic.Bool
}

func (o *observer) taskStarted(t *Task) {
	if o.TaskStarted != nil {
		o.call(t.scope, func() { o.TaskStarted(t.Info()) })
	}
}

func (o *observer) taskEnded(t *Task, out outcome) {
	if o.TaskEnded != nil {
		info := t.Info()
		info.State, info.Err = out.String(), t.peekErr(out)
		o.call(t.scope, func() { o.TaskEnded(info) })
	}
}

func (o *observer) scopeOpened(s *Scope)    { o.scopeEvent(s, o.ScopeOpened) }
func (o *observer) scopeCancelled(s *Scope) { o.scopeEvent(s, o.ScopeCancelled) }

func (o *observer) scopeEnded(s *Scope) {
	if o.ScopeEnded != nil {
		info := s.Info()
		info.State = phaseEnded.String()
		o.call(s, func() { o.ScopeEnded(info) })
	}
}

func (o *observer) scopeEvent(s *Scope, f func(ScopeInfo)) {
	if f != nil {
		o.call(s, func() { f(s.Info()) })
	}
}

func (o *observer) straggling(s *Scope, err *StragglersError) {
	if o.Straggling != nil {
		o.call(s, func() { o.Straggling(err) })
	}
}

// call calls f and outlives it.
func (o *observer) call(s *Scope, f func()) {
	if o.off.Load() {
		return
	}
	apart(func() {
		returned := false
		defer func() {
			v := recover()
			if returned {
				return
			}
			o.off.Store(true)
			err := ErrGoexit
			if v != nil {
				err = newPanicError(v).traced()
			}
			printFailure(s.body.failure(err), nil)
		}()
		f()
		returned = true
	})
}
