package scope

import (
	"runtime"
	"slices"
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
// a scope nested in one, or, if wanted, nested in the body. It is asked only when
// something is about to block or to be refused, and reads its own traceback only
// on a task's goroutine.
func (s *Scope) runsHere(belowBody bool) bool {
	if !inTask() {
		return false
	}
	here := traceback.Parse(traceback.Current(), runFrame, inlineFrame)
	return len(here) > 0 && len(here[0].Receivers) > 0 && s.hasTask(here[0].Receivers, belowBody)
}

// inTask reports whether the calling goroutine is running any task or body.
func inTask() bool { return onStack(entry((*Task).run), entry((*Task).inline)) }

// inHandler reports whether the calling goroutine is in a call of a handler.
func inHandler() bool { return onStack(entry((*reports).handle)) }

// onStack reports whether one of the functions with these entries has been
// called and has not returned. It costs a walk over the stack, some 20 ns per
// frame.
func onStack(entries ...uintptr) bool {
	var pcs [32]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		for _, pc := range pcs[:n] {
			if f := runtime.FuncForPC(pc - 1); f != nil && slices.Contains(entries, f.Entry()) {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}

// hasTask reports whether one of the addresses is that of a live task of s or
// below. They are compared and never dereferenced.
func (s *Scope) hasTask(addrs []uintptr, belowBody bool) bool {
	found := false
	s.eachTask(func(t *Task) {
		if found {
			return
		}
		for _, a := range addrs {
			found = found || uintptr(unsafe.Pointer(t)) == a
		}
		for _, n := range s.nestedOf(t) {
			found = found || n.hasTask(addrs, true)
		}
	})
	if !found && belowBody {
		for _, n := range s.nestedOf(&s.body) {
			found = found || n.hasTask(addrs, true)
		}
	}
	return found
}
