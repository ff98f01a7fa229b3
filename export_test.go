package scope

import (
	"runtime"
	"unsafe"
)

// TaskSize is the size of a task in bytes, which no exported name tells.
const TaskSize = unsafe.Sizeof(Task{})

// ScopeSize is the size of a scope in bytes, LedgerAt where in it begins what each
// task writes, and LedgerEnd where that ends.
const (
	ScopeSize = unsafe.Sizeof(Scope{})
	LedgerAt  = unsafe.Offsetof(Scope{}.ledger)
	LedgerEnd = unsafe.Offsetof(Scope{}.late)
)

// A Caller has a method that asks for its caller as the verbs of a Scope do,
// and asks package runtime, too. Nobody outside can ask callerPC.
type Caller struct{ Fast, Slow uintptr }

// Call sets what callerPC and runtime.Callers say of who calls it.
//
//go:noinline
func (c *Caller) Call() {
	c.Fast = callerPC()
	var pcs [1]uintptr
	runtime.Callers(2, pcs[:])
	c.Slow = pcs[0]
}

// Site is the line of the call that returns to pc.
func Site(pc uintptr) string { return site(pc) }

// Walk reads the list of live tasks as Cancel does. It returns in how many steps
// it did so, and how many tasks there were.
func (s *Scope) Walk() (steps, tasks int) {
	var buf []*Task
	for cursor := (*Task)(nil); steps == 0 || cursor != nil; steps++ {
		buf, cursor = s.nextTasks(buf[:0], cursor)
		tasks += len(buf)
	}
	return steps, tasks
}

// WalkAnd reads the list of live tasks as Cancel does, and calls between with all
// that it has read whenever it has to take up the list again.
func (s *Scope) WalkAnd(between func(read []*Task)) []*Task {
	all, cursor := s.nextTasks(nil, nil)
	for cursor != nil {
		between(all)
		var more []*Task
		more, cursor = s.nextTasks(nil, cursor)
		all = append(all, more...)
	}
	return all
}

// ForgetCancelKey has the package work as with a package context whose key it
// could not learn, until restore is called.
func ForgetCancelKey() (restore func()) {
	key := cancelKey
	cancelKey = nil
	return func() { cancelKey = key }
}

// Armed returns how many live tasks have a context of their own, by the count
// that says whether Cancel has to walk the list.
func (s *Scope) Armed() int {
	s.mu.lock()
	defer s.mu.unlock()
	return int(s.armed)
}
