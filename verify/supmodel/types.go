package supmodel

import (
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// A State is where a child stands, in the words of [sup.ChildInfo].
type State string

// The states.
const (
	Queued   State = "queued"
	Starting State = "starting"
	Ready    State = "ready"
	Stopping State = "stopping"
	Stuck    State = "stuck"
	Backoff  State = "backoff"
	Stopped  State = "stopped"
	Parked   State = "parked"
)

// A Phase is where the supervisor stands.
type Phase int

// The phases.
const (
	Begins Phase = iota // the first start, all or nothing
	Runs
	Stops
	Over
)

func (p Phase) String() string { return [...]string{"starting", "running", "stopping", "over"}[p] }

// A Kind is a way in which a child's function returns.
type Kind int

// The kinds. Echo is to return the cancellation, or nil if there is none.
const (
	OK Kind = iota
	Error
	Panic
	Goexit
	Fatal
	Decline
	Echo
)

func (k Kind) String() string {
	return [...]string{"ok", "error", "panic", "goexit", "fatal", "decline", "echo"}[k]
}

// An End is how a child's function returns, and what its classifier says then.
type End struct {
	Kind   Kind
	Action sup.Action
}

func (e End) fails() bool { return e.Kind != OK && e.Kind != Echo }

// A When says when a child's function does what it is to do.
type When int

// At once, after a time, or when the program tells it to.
const (
	AtOnce When = iota
	Later
	WhenTold
)

// A Plan is what an incarnation does of itself. The zero Plan is ready at once
// and obeys at once.
type Plan struct {
	Fails   bool // returns, as End says, instead of being ready
	End     End
	Ready   When
	ReadyIn time.Duration
	Obeys   When // returns, as Last says, when it was asked to
	ObeysIn time.Duration
	Last    End
	Leaves  bool // a task of its own, which does not obey at once
	Left    When // that ends; AtOnce stands for Later
	LeftIn  time.Duration
}

// A Child is what the model knows of a child.
type Child struct {
	Spec  sup.Spec // all that counts is set, but for Run and Start
	Slow  bool     // has a Start, not a Run: it is ready when it says so
	State State

	Incarnation, Restarts int
	ReadyAt               time.Duration // of the live incarnation
	Blamed                bool          // there was a failure
	LastAt                time.Duration // the last one
	// DueFrom and DueTo bound when the delay is over. They are the same once the
	// jitter is known.
	DueFrom, DueTo time.Duration
	Stamps         []time.Duration // of counted restarts

	plan             Plan
	asked, ready     bool
	returned         bool          // its function, but not all that it started
	overAt           time.Duration // when that returned
	how              End           // in which way
	why              reason
	stop             bool // in the ordered stop: to be asked, then waited for
	inOrder          bool // in the ordered start: waited for until ready
	once             bool // has been ready before
	free             bool // the next restart does not count
	step             int  // of the backoff
	readyBy, graceBy time.Duration
	readyOn, obeysOn time.Duration // what the function does of itself
	hand             hand
	starters, enders []*Call
}

// Live reports whether the child has an incarnation.
func (c *Child) Live() bool {
	switch c.State { //nolint:exhaustive // the others have none
	case Starting, Ready, Stopping, Stuck:
		return true
	}
	return false
}

// IsReady reports whether the live incarnation has become ready.
func (c *Child) IsReady() bool { return c.Live() && c.ready }

// Asked reports whether the live incarnation was asked to end.
func (c *Child) Asked() bool { return c.Live() && c.asked }

// Returned reports whether the function is over, but not all that it started.
func (c *Child) Returned() bool { return c.Live() && c.returned }

// A reason is why a child is to end. The stronger one counts.
type reason int

const (
	byItself  reason = iota
	tooLate          // to be ready: a failed start
	withGroup        // a sibling has failed
	terminated
	removed
	finally // the supervisor stops
)

// hand says who waits for a start by hand.
type hand int

const (
	nobody hand = iota
	adder
	restarter
)

// A Verb is a call by hand.
type Verb int

// The verbs.
const (
	Add Verb = iota
	TryAdd
	Restart
	Terminate
	Remove
)

func (v Verb) String() string {
	return [...]string{"Add", "TryAdd", "Restart", "Terminate", "Remove"}[v]
}

// A Call is one that may wait.
type Call struct {
	Verb     Verb
	Name     string
	New      *Child        // of Add
	Inside   bool          // made by the child itself
	Deadline time.Duration // 0 for none

	Over  bool
	Want  Answer
	child *Child // that it waits for; nil while it waits for a place
}

// An Answer is what a call returns, told by its error.
type Answer string

// The answers.
const (
	Done       Answer = "ok"
	NotFound   Answer = "not found"
	Present    Answer = "present"
	Running    Answer = "running"
	Restarting Answer = "restarting"
	NotRunning Answer = "not running"
	Limited    Answer = "limit"
	Failed     Answer = "failed to start"
	Declined   Answer = "declined"
	ByHand     Answer = "stopped by hand"
	OutOfTime  Answer = "out of time"
	SelfWait   Answer = "self wait"
)

// A Result is what Run returns.
type Result struct {
	Kind  ResultKind
	Child string        // whose fault it is
	Start bool          // its start failed
	All   bool          // the budget of all children is exceeded
	Limit sup.Intensity // the one that is exceeded
	Span  time.Duration // in which
	Stuck []string      // who overran in the stop
}

// A ResultKind tells results apart.
type ResultKind string

// The kinds of results.
const (
	Clean    ResultKind = "nil"
	Canceled ResultKind = "cause"
	ByChild  ResultKind = "child"
	Exceeded ResultKind = "intensity"
)
