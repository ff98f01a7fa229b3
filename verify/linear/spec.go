package linear

import "github.com/anishathalye/porcupine"

// A Call is one of the operations.
type Call int

// The operations. EndTask is the end of a task, from the moment it is let go to
// that at which its Done is seen closed.
const (
	TryGo Call = iota
	EndTask
	Cancel
	Drain
	Wait
	Look
)

// A Seen is what an operation returned.
type Seen struct {
	Admitted bool   // of TryGo
	State    string // of Look, as the rest
	Live     int
	Started  uint64
	OK       uint64
}

// A state is the scope as its caller may know it.
type state struct {
	phase   string // that of admission: open, draining or closing
	live    int
	started uint64
	ok      uint64
}

// Spec is the sequential specification of a scope without a body.
func Spec() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{phase: "open"} },
		Step: func(s, in, out any) (bool, any) {
			return step(s.(state), in.(Call), out.(Seen))
		},
	}
}

func step(s state, call Call, seen Seen) (bool, state) {
	switch call { //nolint:exhaustive // default is the rest
	case TryGo:
		if seen.Admitted {
			s.live++
			s.started++
			return s.phase == "open", s
		}
		return s.phase != "open", s
	case EndTask:
		s.live--
		s.ok++
		return s.live >= 0, s
	case Cancel:
		s.phase = "closing"
		return true, s
	case Drain:
		if s.phase == "open" {
			s.phase = "draining"
		}
		return true, s
	case Wait:
		return s.live == 0, s
	default:
		ok := seen.Live == s.live && seen.Started == s.started && seen.OK == s.ok
		return ok && s.looksLike(seen.State), s
	}
}

// looksLike reports whether s may say of itself that it is in phase. The way
// from the last task's end to the scope's takes a moment, and is not a call.
func (s state) looksLike(phase string) bool {
	if s.phase == "open" || s.live > 0 {
		return phase == s.phase
	}
	return phase == s.phase || phase == "closing" || phase == "ended"
}
