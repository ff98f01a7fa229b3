package scope

import (
	"bytes"
	"runtime"
	"slices"
	"unsafe"

	"github.com/supervisorscope/scope/internal/traceback"
)

// taskFrames returns the functions that name a task in a traceback by their
// receiver: what calls a task's function, and what ends the task; and a task or body
// on its caller's goroutine. Nothing is paid for it when a task starts.
// TestStackFrames pins the runtime's format. Package inspect knows them, too, and
// reads four more in the same way, to tell who waits for whom: (*Task).Wait and the
// Wait, Drain and Shutdown of a Scope; so these are not inlined either, and keep
// their receivers alive.
func taskFrames() []string {
	const task = "github.com/supervisorscope/scope.(*Task)."
	return []string{task + "run", task + "exit", task + "inline"}
}

// A handler that Report calls is on a goroutine of its own, and still in the
// task: it must not wait for that either.
const lentFrame = "github.com/supervisorscope/scope.(*Task).lend"

// lend calls f on a goroutine that t waits for, in a frame that names t.
//
//go:noinline
func (t *Task) lend(f func()) {
	f()
	runtime.KeepAlive(t)
}

// A wanted says which tasks of a scope count for runsHere.
type wanted struct {
	belowBody bool // those of scopes nested in the body, too
	bodies    bool // and the bodies of these; a body below a task always counts
	waitedFor bool // only what s waits for: no scope that will leave its task's care
	holders   bool // only those that hold a slot, and what is nested in them
}

// runsHere reports whether the calling goroutine is running a task of s, or of
// a scope nested in one. It is asked only when something is about to block or to
// be refused, and reads its own traceback only where it may find one.
func (s *Scope) runsHere(want wanted) bool {
	if maybe := begunByTask() || s.hasGuests() && isGuest(); !maybe {
		return false
	}
	here := traceback.Parse(traceback.Current(), append(taskFrames(), lentFrame)...)
	return len(here) > 0 && len(here[0].Receivers) > 0 && s.hasTask(here[0].Receivers, want)
}

// begunByTask reports whether the calling goroutine was made for a task.
func begunByTask() bool {
	const first = 6 // lend, which is the deepest, is the fourth frame
	var pcs [32]uintptr
	skip := 2
	n := runtime.Callers(skip, pcs[:])
	for n == len(pcs) { // there is more: read on, and the last ones again
		skip += n - first
		n = runtime.Callers(skip, pcs[:])
	}
	return slices.ContainsFunc(pcs[max(0, n-first):n], isEntered(
		entry((*Task).run), entry((*Task).exit), entry((*Task).lend)))
}

// hasGuests reports whether a task of s, or of a scope nested in one, may be running
// on a goroutine that was not made for it: in a call of Do, whose context is its own
// from the start, or as the body of a nested scope.
//
//go:norace
func (s *Scope) hasGuests() bool {
	s.mu.lock()
	defer s.mu.unlock()
	return s.armed > 0 || s.nested > 0
}

// isGuest reports whether the calling goroutine is running a body, or a task of Do or
// the end of one, which it was not made for.
func isGuest() bool { return onStack(entry((*Task).inline), entry((*Task).exit)) }

// inHandler reports whether the calling goroutine is in a call of a handler.
func inHandler() bool { return onStack(entry((*reports).handle)) }

// onStack reports whether one of the functions with these entries has been
// called and has not returned. It costs a walk over the stack, some 20 ns per
// frame.
func onStack(entries ...uintptr) bool {
	var pcs [32]uintptr
	for skip := 2; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		if slices.ContainsFunc(pcs[:n], isEntered(entries...)) {
			return true
		}
		if n < len(pcs) {
			return false
		}
	}
}

// isEntered returns whether a program counter of a traceback is in one of the
// functions with these entries.
func isEntered(entries ...uintptr) func(pc uintptr) bool {
	return func(pc uintptr) bool {
		f := runtime.FuncForPC(pc - 1)
		return f != nil && slices.Contains(entries, f.Entry())
	}
}

// inBubble reports whether the calling goroutine is in a bubble of
// testing/synctest, which nothing but the header of its traceback tells.
func inBubble() bool {
	var buf [256]byte
	header, _, _ := bytes.Cut(buf[:runtime.Stack(buf[:], false)], []byte("\n"))
	header, _, _ = bytes.Cut(header, []byte(" labels:{"))
	return bytes.Contains(header, []byte(", synctest bubble "))
}

// hasTask reports whether one of the addresses is that of a live task of s that
// is wanted, or of any task or body below one. They are compared and never dereferenced.
// The look must not order the caller behind tasks that have ended, so it joins
// with nothing.
//
//go:norace
func (s *Scope) hasTask(addrs []uintptr, want wanted) bool {
	if want.belowBody && anyHasTask(s.copyNested(&s.body), addrs, want) {
		return true
	}
	below := wanted{belowBody: true, bodies: true, waitedFor: want.waitedFor}
	var cursor *Task
	buf := make([]*Task, 0, walkBatch)
	found := false
	for {
		buf, cursor = s.nextTasks(buf[:0], cursor)
		for _, t := range buf {
			if found || want.holders && !t.kind.ordinary() {
				continue
			}
			found = slices.Contains(addrs, uintptr(unsafe.Pointer(t))) ||
				anyHasTask(s.copyNested(t), addrs, below)
		}
		if cursor == nil {
			return found
		}
	}
}

//go:norace
func anyHasTask(scopes []*Scope, addrs []uintptr, want wanted) bool {
	for _, n := range scopes {
		held := n.origin.Load().held
		if want.waitedFor && !held {
			continue
		}
		inBody := held && want.bodies && slices.Contains(addrs, uintptr(unsafe.Pointer(&n.body)))
		if inBody || n.hasTask(addrs, want) {
			return true
		}
	}
	return false
}
