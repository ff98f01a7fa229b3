package supervisor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A machine is one run of a supervisor: its children and what is to be done
// about them. It is a state machine under one lock. Nothing that waits, and no
// code of the user's, runs under the lock, so that every call is answered at
// once, whatever the children do.
//
// Each child has a keeper, a task that runs its incarnations one after the
// other (see keeper.go). Keepers bring the machine what happened and ask it for
// their next turn; decisions are the machine's alone.
type machine struct {
	// Immutable after newMachine.

	ctx   context.Context // when it is done, nothing is started any more
	root  *scope.Scope    // in which the keepers run
	epoch time.Time       // the origin of all stamps
	pool  bool            // no order: children start at once and stop together
	flood *flood          // of a pool

	initial []*child // those of New; begin's alone

	started  chan struct{}   // closed when all children have been started
	stopping chan struct{}   // closed when the supervisor begins to stop
	over     chan struct{}   // closed when it stops and no incarnation is live
	hurry    context.Context // done when Total is over
	hasten   context.CancelCauseFunc

	mu sync.Mutex // guards what follows, and the children

	outbox   []func() // what to do after the lock is released
	opts     Options
	children map[string]*child
	first    *child // in start order
	lastly   *child
	nextPos  uint64
	live     int // incarnations
	counter  counter
	restarts uint64

	phase   phase
	startQ  []*child // to be started one after the other, in order
	stopQ   []*child // to be stopped one after the other, in reverse order
	trigger *child   // the child whose delay the startQ waits for, or nil

	hurried bool
	result  error        // what Run returns
	overran []error      // *StuckError of children that overran during the stop
	room    []chan error // who waits for a place, at the Limit: capacity 1
	granted int          // places given to waiters that have not taken them
	names   uint64       // for children of a pool without a name
}

// A phase is where the supervisor stands. It only moves forward.
type phase int

const (
	phaseStarting phase = iota // the first start, all or nothing
	phaseRunning
	phaseStopping
	phaseOver
)

func newMachine(
	ctx context.Context, root *scope.Scope, specs []Spec, o Options, pool bool,
) *machine {
	hurry, hasten := context.WithCancelCause(context.Background())
	m := &machine{
		ctx: ctx, root: root, epoch: time.Now(), pool: pool, flood: newFlood(""),
		started: make(chan struct{}), stopping: make(chan struct{}),
		over: make(chan struct{}), hurry: hurry, hasten: hasten,
		opts: o, children: map[string]*child{}, counter: newCounter(o.Budget),
	}
	for _, spec := range specs {
		c := m.newChild(spec)
		m.insert(c)
		m.initial = append(m.initial, c)
	}
	m.startQ = slices.Clone(m.initial)
	return m
}

// now is the time since the machine was made, monotonic.
func (m *machine) now() time.Duration { return time.Since(m.epoch) }

// later has f called after the lock is released. f must not block.
func (m *machine) later(f func()) { m.outbox = append(m.outbox, f) }

// unlock releases the lock and does what has become due.
func (m *machine) unlock() {
	due := m.outbox
	m.outbox = nil
	m.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// newChild makes a child that is not yet in the list.
func (m *machine) newChild(spec Spec) *child {
	c := &child{
		m: m, name: spec.Name, spec: spec, state: stateQueued, wake: make(chan struct{}, 1),
		counter: newCounter(spec.Budget), flood: m.flood,
	}
	if !m.pool {
		c.flood = newFlood(c.name)
	}
	return c
}

// insert puts a child at the end of the list.
func (m *machine) insert(c *child) {
	c.pos, c.prev = m.nextPos, m.lastly
	m.nextPos++
	m.children[c.name] = c
	if m.lastly == nil {
		m.first = c
	} else {
		m.lastly.next = c
	}
	m.lastly = c
}

// employ starts the child's keeper. An error means that the scope is closing,
// because ctx is done, which also stops the machine.
func (m *machine) employ(c *child) error {
	_, err := m.root.TryGo(c.name, c.keep)
	return err
}

// forget takes a child that is gone out of the list.
func (m *machine) forget(c *child) {
	delete(m.children, c.name)
	if c.prev == nil {
		m.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		m.lastly = c.prev
	} else {
		c.next.prev = c.prev
	}
	if m.trigger == c {
		m.trigger = nil
	}
	m.grantRoom()
}

// incarnate makes the next incarnation of c, which its keeper then runs.
func (m *machine) incarnate(c *child) {
	m.live++
	c.incarnations++
	c.note = ""
	c.inc = &incarnation{
		child: c, number: c.incarnations, start: c.spec.start(), timeout: Infinity,
		stop: make(chan struct{}), isReady: make(chan struct{}),
	}
	if c.spec.Start != nil {
		c.inc.timeout = c.spec.StartTimeout
	}
	c.inc.owed = m.pool && c.spec.Start == nil && c.hand == byAdd
	if c.spec.Restart == Temporary {
		// It is not started again: what its function holds must not stay.
		c.spec.Run, c.spec.Start = nil, nil
	}
}

// begin starts the children. Calls from elsewhere may have come before it.
func (m *machine) begin() {
	for _, c := range m.initial {
		if m.employ(c) != nil {
			m.lost(c, nil)
		}
	}
	m.initial = nil
	m.mu.Lock()
	defer m.unlock()
	m.settle()
}

// stop ends the supervisor, with the result err, in reverse order. The first
// result stays.
func (m *machine) stop(err, cause error) {
	if m.phase >= phaseStopping {
		return
	}
	m.phase, m.result = phaseStopping, err
	m.trigger, m.startQ, m.stopQ = nil, nil, nil
	m.later(func() { close(m.stopping) })
	for c := m.lastly; c != nil; c = c.prev {
		c.resolve(errors.Join(ErrNotRunning, err))
		switch {
		case c.state == stateQueued || c.state == stateBackoff:
			c.move(eventRest)
		case c.state.live():
			c.mark(whyFinal, cause)
			m.stopQ = append(m.stopQ, c) // one that is stuck holds up nobody there
		}
	}
	for _, ch := range m.room {
		m.later(func() { ch <- ErrNotRunning })
	}
	m.room = nil
}

// finish tells Run that the stop is complete, and the keepers to go.
func (m *machine) finish() {
	m.phase = phaseOver
	m.later(func() { close(m.over) })
	for c := m.first; c != nil; c = c.next {
		c.rouse()
	}
}

// halt stops the supervisor from outside.
func (m *machine) halt(err, cause error) {
	m.mu.Lock()
	defer m.unlock()
	m.stop(err, cause)
	m.settle()
}

// outOfTime gives up the order: Total is over.
func (m *machine) outOfTime() {
	m.mu.Lock()
	defer m.unlock()
	m.hurried = true
	m.later(func() { m.hasten(errOutOfTime) })
	m.settle()
}

// lost takes notice that c has no keeper, or none any more, and stops the
// supervisor with err, if that is not nil.
func (m *machine) lost(c *child, err error) {
	m.mu.Lock()
	defer m.unlock()
	if m.phase == phaseOver || m.children[c.name] != c {
		return
	}
	if c.inc != nil {
		c.inc = nil
		m.live--
	}
	c.state = stateStopped
	c.release()
	if err != nil {
		m.stop(&ChildError{Child: c.name, Err: err}, errStopping)
	}
	m.settle()
}
