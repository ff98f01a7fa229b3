package scope

import "context"

// A cleanup is what Defer left: a task that is to run after the others.
type cleanup struct {
	task *Task
	next *cleanup
}

// Defer has f called when the scope ends: after the body and every task,
// daemons included, have returned. Deferred functions run one after the other,
// last in first out, each exactly once, whatever became of those before, as
// tasks that a straggler report can name. Their context has the scope's values
// but is not cancelled with it, so that clean-up can work. They cannot start
// tasks in s. An error or panic in one is a failure of the scope like a task's.
//
// In a lexical scope they are over when [Run] or [Supervise] returns, in a
// long-lived one when Shutdown, Drain or Wait does. Defer panics if f is nil,
// or if the scope has ended and nothing would call f.
//
//go:noinline
func (s *Scope) Defer(name string, f func(context.Context) error) {
	t := s.newTask(kindDefer, name, f, callerPC())
	s.mustBeOpened()
	if !s.pushCleanup(&cleanup{task: t}) {
		panic("scope: Defer on a scope that has ended; call it before the end")
	}
}
