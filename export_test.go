package scope

import (
	"runtime"
	"unsafe"
)

// TaskSize is the size of a task in bytes, which no exported name tells.
const TaskSize = unsafe.Sizeof(Task{})

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

// ForgetCancelKey has the package work as with a package context whose key it
// could not learn, until restore is called.
func ForgetCancelKey() (restore func()) {
	key := cancelKey
	cancelKey = nil
	return func() { cancelKey = key }
}
