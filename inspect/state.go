package inspect

import (
	"slices"
	"time"
)

// The states that Node has of its own making, or decides on.
const (
	stateRunning    = "running"
	stateClosing    = "closing" // of a scope, in the core's words
	stateCompleting = "completing"
	stateCancelling = "cancelling"
	stateStraggling = "straggling"
	stateFailed     = "failed"
	statePanicked   = "panicked"
)

// isOver reports whether state is one of those that a scope or a task ends in.
func isOver(state string) bool {
	ends := []string{"ok", stateFailed, statePanicked, "cancelled", "refused", "ended"}
	return slices.Contains(ends, state)
}

// defaultGrace is how long what was asked to end may take, if nobody has said.
const defaultGrace = 10 * time.Second

// settle gives n, which lives, its state, with the grace that it has when it is
// asked to end. Of what is being cancelled and completes, or describes itself,
// the cancellation is told: it is what somebody waits for.
func (n *Node) settle(grace time.Duration) {
	switch asked := n.asked(); {
	case len(n.Causes) == 0 && n.State == stateClosing:
		n.State = stateCompleting
	case len(n.Causes) == 0:
	case asked > grace:
		n.State = stateStraggling
	default:
		n.State = stateCancelling
	}
}

// asked is how long ago n was asked to end: zero if it was not, or if nobody
// knows when.
func (n *Node) asked() time.Duration {
	if n.Cancelled.IsZero() {
		return 0
	}
	return n.Started.Add(n.Age).Sub(n.Cancelled)
}
