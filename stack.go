package scope

import (
	"unsafe"

	"github.com/supervisorscope/scope/internal/traceback"
)

// These two frames name a task in a traceback by their receiver: the root of
// a task's goroutine, and a task or body on its caller's goroutine. Nothing is
// paid for it when a task starts. TestStackFrames pins the runtime's format.
const (
	runFrame    = "github.com/supervisorscope/scope.(*Task).run"
	inlineFrame = "github.com/supervisorscope/scope.(*Task).inline"
)

// runsHere reports whether the calling goroutine is running a task of s, or of
// a scope nested in one. It reads its own traceback, which takes microseconds,
// and is asked only when something is about to block or to be refused.
func (s *Scope) runsHere() bool {
	here := traceback.Parse(traceback.Current(), runFrame, inlineFrame)
	return len(here) > 0 && len(here[0].Receivers) > 0 && s.hasTask(here[0].Receivers)
}

// hasTask reports whether one of the addresses is that of a live task of s or
// below. They are compared and never dereferenced.
func (s *Scope) hasTask(addrs []uintptr) bool {
	found := false
	s.eachTask(func(t *Task) {
		if found {
			return
		}
		for _, a := range addrs {
			found = found || uintptr(unsafe.Pointer(t)) == a
		}
		for _, n := range s.nestedOf(t) {
			found = found || n.hasTask(addrs)
		}
	})
	if !found {
		for _, n := range s.nestedOf(&s.body) {
			found = found || n.hasTask(addrs)
		}
	}
	return found
}
