package scope

// A phase is where a scope stands between its opening and its end. It only
// moves forward. Beside it a scope is live or cancelled; a cancelled scope is
// at least closed.
//
//	            Drain            nothing live        nothing left     no cleanups
//	   open ──────────▶ draining ───────────▶ closed ─────────▶ cleaning ─────────▶ ended
//	     │                  │                   ▲
//	     └──────────────────┴── Cancel, ────────┘
//	                            or (Run, Supervise) the body is over
//	                            and no ordinary task is live
//
//	phase     Go from inside  Go from outside  waits for
//	open      admitted        admitted         the body, and ordinary tasks
//	draining  admitted        refused          ordinary tasks
//	closed    refused         refused          all tasks, daemons too, and the body
//	cleaning  refused         refused          the deferred functions, one by one
//	ended     refused         refused          nothing
//
// "Inside" is a live task of the scope or of a scope nested in it. An ordinary
// task is any but a daemon or a deferred function. Daemons are cancelled on
// the way from open or draining to closed. In a scope without a body (Open,
// OpenSupervised) nothing live does not close an open scope.
//
// All moves are made in settle.go, under the scope's lock.
type phase uint8

const (
	phaseNone phase = iota // the zero Scope, which nothing can use
	phaseOpen
	phaseDraining
	phaseClosed
	phaseCleaning
	phaseEnded
)

// String returns the word for p that [ScopeInfo] uses.
func (p phase) String() string {
	switch p {
	case phaseNone:
		return "unusable"
	case phaseOpen:
		return "open"
	case phaseDraining:
		return "draining"
	case phaseClosed, phaseCleaning:
		return "closing"
	case phaseEnded:
		return "ended"
	default:
		panic("scope: unknown phase")
	}
}

// An outcome is how a task ended. The five ends are told apart: a panic and
// a Goexit are failures with an error of their own.
type outcome uint8

const (
	outcomeNone      outcome = iota // still running
	outcomeOK                       // returned nil
	outcomeFailed                   // returned an error, or called runtime.Goexit
	outcomePanicked                 // panicked
	outcomeCancelled                // was cancelled, and returned just that
	outcomeRefused                  // was never admitted
	outcomes                        // how many there are
)

// String returns the word for o that [TaskInfo] uses.
func (o outcome) String() string {
	switch o {
	case outcomeNone:
		return "running"
	case outcomeOK:
		return "ok"
	case outcomeFailed:
		return "failed"
	case outcomePanicked:
		return "panicked"
	case outcomeCancelled:
		return "cancelled"
	case outcomeRefused:
		return "refused"
	default:
		panic("scope: unknown outcome")
	}
}

// A kind says by which call a task was started.
type kind uint8

const (
	kindTask   kind = iota // Go, TryGo
	kindDaemon             // Daemon
	kindStart              // Start
	kindDo                 // Do
	kindAsync              // Async
	kindDefer              // Defer
	kindBody               // the body of Run or Supervise; not counted as a task
	kindReport             // the scope's own: hands over failures nobody fetched
	kindCursor             // no task, but a reader's bookmark in the list
)

// String returns the word for k that [TaskInfo] uses.
func (k kind) String() string {
	switch k {
	case kindTask:
		return "task"
	case kindDaemon:
		return "daemon"
	case kindStart:
		return "start"
	case kindDo:
		return "do"
	case kindAsync:
		return "async"
	case kindDefer, kindReport:
		return "defer"
	case kindBody:
		return "body"
	case kindCursor:
		return "cursor"
	default:
		panic("scope: unknown kind")
	}
}

// ordinary reports whether a task of kind k holds its scope open.
func (k kind) ordinary() bool {
	return k != kindDaemon && k != kindDefer && k != kindBody && k != kindReport
}

// shielded reports whether a task of kind k goes on when its scope is
// cancelled: clean-up must be able to work.
func (k kind) shielded() bool { return k == kindDefer || k == kindReport }
