package supervisor

import "fmt"

// A state is where a child stands. The states with a live incarnation are
// starting, ready, stopping and stuck; there is never more than one incarnation,
// because only a child without one can be started.
//
//	                ┌────────── turn ◀──────────┐
//	                ▼                           │
//	queued ──start──▶ starting ──ready──▶ ready │
//	   ▲                 │  ╲               │   │
//	   │                 │   ╲─────ask──────┤   │
//	   │                 ▼                  ▼   │
//	   │              backoff            stopping ──overrun──▶ stuck
//	   │                 │                  │                    │
//	   └─── queue ───────┴──────────────────┴────────────────────┘
//	                     any ──rest──▶ stopped, ──park──▶ parked, ──drop──▶ gone
//
//	state     start     ready  ask       overrun  delay    queue   rest     park    drop
//	queued    starting  -      -         -        -        queued  stopped  -       gone
//	starting  -         ready  stopping  stuck    backoff  queued  stopped  parked  gone
//	ready     -         -      stopping  stuck    backoff  queued  stopped  parked  gone
//	stopping  -         -      -         stuck    backoff  queued  stopped  parked  gone
//	stuck     -         -      -         -        backoff  queued  stopped  parked  gone
//	backoff   starting  -      -         -        -        queued  stopped  parked  gone
//	stopped   -         -      -         -        -        queued  stopped  -       gone
//	parked    -         -      -         -        -        queued  stopped  -       gone
//	gone      -         -      -         -        -        -       -        -       -
//
// From a live state, delay, queue, rest, park and drop mean that the
// incarnation has returned. A child whose function has returned, but not all it
// started, is starting or ready still, and may overrun from there.
//
// All transitions go through next, under the machine's lock.
type state int

const (
	noState       state = iota
	stateQueued         // waits for its turn in an ordered start
	stateStarting       // an incarnation is live and not yet ready
	stateReady          // an incarnation is live and ready
	stateStopping       // it was asked to end and has grace
	stateStuck          // it was asked to end, its grace is over, it has not returned
	stateBackoff        // no incarnation; the next start waits for the delay
	stateStopped        // no incarnation, none due: ended, declined, or stopped by hand
	stateParked         // no incarnation, because the budget is exceeded
	stateGone           // removed
	states              // one more than the last
)

// String returns the word for s that [ChildInfo] uses.
func (s state) String() string {
	switch s {
	case stateQueued:
		return "queued"
	case stateStarting:
		return "starting"
	case stateReady:
		return "ready"
	case stateStopping:
		return "stopping"
	case stateStuck:
		return "stuck"
	case stateBackoff:
		return "backoff"
	case stateStopped:
		return "stopped"
	case stateParked:
		return "parked"
	case stateGone:
		return "gone"
	case noState:
		fallthrough
	default:
		panic(fmt.Sprintf("supervisor: unknown state %d", int(s)))
	}
}

// live reports whether a child in state s has an incarnation.
func (s state) live() bool {
	return s == stateStarting || s == stateReady || s == stateStopping || s == stateStuck
}

// An event moves a child from one state to another.
type event int

const (
	eventStart   event = iota // its turn has come, or its delay is over
	eventReady                // the incarnation is ready
	eventAsk                  // the incarnation is asked to end
	eventOverrun              // its grace is over
	eventDelay                // a restart is due after a delay
	eventQueue                // a start is due when its turn comes
	eventRest                 // no start is due
	eventPark                 // the budget is exceeded
	eventDrop                 // the child is removed
	events                    // how many there are
)

// transitions is the row of the table above for s. What is missing is noState.
func (s state) transitions() [events]state {
	to := [events]state{eventQueue: stateQueued, eventRest: stateStopped, eventDrop: stateGone}
	switch s {
	case stateQueued:
		to[eventStart] = stateStarting
	case stateStarting:
		to[eventReady] = stateReady
		to[eventAsk], to[eventOverrun] = stateStopping, stateStuck
		to[eventDelay], to[eventPark] = stateBackoff, stateParked
	case stateReady:
		to[eventAsk], to[eventOverrun] = stateStopping, stateStuck
		to[eventDelay], to[eventPark] = stateBackoff, stateParked
	case stateStopping:
		to[eventOverrun] = stateStuck
		to[eventDelay], to[eventPark] = stateBackoff, stateParked
	case stateStuck:
		to[eventDelay], to[eventPark] = stateBackoff, stateParked
	case stateBackoff:
		to[eventStart], to[eventPark] = stateStarting, stateParked
	case stateStopped, stateParked:
	case stateGone:
		return [events]state{}
	case noState:
		fallthrough
	default:
		panic(fmt.Sprintf("supervisor: unknown state %d", int(s)))
	}
	return to
}

// next returns the state after event e in state s. It panics where the table
// has none: the machine must know better than to ask.
func (s state) next(e event) state {
	to := s.transitions()[e]
	if to == noState {
		panic(fmt.Sprintf("supervisor: event %d in state %s; a bug of the package", int(e), s))
	}
	return to
}
