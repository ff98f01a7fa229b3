package supervisor

import (
	"context"
	"fmt"
	"slices"

	"github.com/supervisorscope/scope"
)

// add inserts a child and waits for its start.
func (m *machine) add(ctx context.Context, spec Spec, granted bool) error {
	c, ch, err := m.insertByHand(spec, granted)
	if err != nil {
		return err
	}
	return m.awaitStart(ctx, c, ch)
}

// insertByHand inserts a child whose keeper is there already, so that what is
// accepted is certain to be run.
func (m *machine) insertByHand(spec Spec, granted bool) (*child, chan error, error) {
	c := m.newChild(spec)
	err := m.mayAdd(c, granted)
	if err == nil && m.employ(c) != nil {
		err = ErrNotRunning
	}
	m.mu.Lock()
	defer m.unlock()
	if granted {
		m.granted--
		defer m.grantRoom() // to another, if this one cannot use it
	}
	if err == nil {
		err = m.whyNot(c)
	}
	if err != nil {
		c.state = stateGone
		c.rouse()
		return nil, nil, err
	}
	m.insert(c)
	return c, m.startByHand(c, byAdd), nil
}

// mayAdd is whyNot, without the place that is granted.
func (m *machine) mayAdd(c *child, granted bool) error {
	m.mu.Lock()
	defer m.unlock()
	if granted {
		m.granted--
		defer func() { m.granted++ }()
	}
	return m.whyNot(c)
}

// whyNot returns why c cannot be added, or nil.
func (m *machine) whyNot(c *child) error {
	switch old := m.children[c.name]; {
	case m.phase >= phaseStopping:
		return ErrNotRunning
	case old != nil:
		return old.present()
	case m.full():
		return scope.ErrLimit
	default:
		return nil
	}
}

// present is why a child cannot be added a second time.
func (c *child) present() error {
	if err := c.busy(); err != nil {
		return fmt.Errorf("%w: %w", ErrAlreadyPresent, err)
	}
	return fmt.Errorf("%w: %q is %s; use Restart", ErrAlreadyPresent, c.name, c.state)
}

// busy is why a child cannot be started by hand, or nil.
func (c *child) busy() error {
	switch {
	case c.state == stateStopped || c.state == stateParked:
		return nil
	case c.state.live() && c.state != stateStarting:
		return fmt.Errorf("%w: child %q is %s", ErrRunning, c.name, c.state)
	default:
		return fmt.Errorf("%w: child %q is %s", ErrRestarting, c.name, c.state)
	}
}

// startByHand starts a queued child, or has it wait for its turn in a start
// that is under way. The channel gets the outcome.
func (m *machine) startByHand(c *child, hand byHand) chan error {
	ch := make(chan error, 1)
	c.hand, c.waiters = hand, append(c.waiters, ch)
	switch {
	case m.pool || !m.orderly() && m.phase == phaseRunning:
		c.move(eventStart)
	default:
		m.requeue(c)
	}
	m.settle()
	return ch
}

// awaitStart waits for the outcome of a start.
func (m *machine) awaitStart(ctx context.Context, c *child, ch chan error) error {
	if inside(ctx, func(in *child) bool { return m.holdsUp(in, c) }) {
		if m.unheard(c, ch) {
			return nil
		}
		return <-ch
	}
	select {
	case err := <-ch:
		return err
	case <-ctx.Done():
	}
	m.giveUp(c, ch, context.Cause(ctx))
	return <-ch
}

// holdsUp reports whether c cannot become ready before in has gone on: its
// function, or a handler that is told of it.
func (m *machine) holdsUp(in, c *child) bool {
	if in.m != m {
		return false
	}
	m.mu.Lock()
	defer m.unlock()
	switch {
	case in.state == stateStarting:
		return true
	case c.state != stateQueued:
		return false
	case in.state == stateBackoff:
		return m.trigger == in
	default: // in is of the group that c waits for
		return in.state == stateQueued || in.state.live() && in.why == whyGroup
	}
}

// unheard takes ch from those that are told of the start of c. It reports false
// if the start is decided.
func (m *machine) unheard(c *child, ch chan error) bool {
	m.mu.Lock()
	defer m.unlock()
	return c.withdraw(ch)
}

func (c *child) withdraw(ch chan error) bool {
	i := slices.Index(c.waiters, ch)
	if i >= 0 {
		c.waiters = slices.Delete(c.waiters, i, i+1)
	}
	return i >= 0
}

// giveUp ends a start that its caller does not wait for any longer: an added
// child is removed, another is stopped.
func (m *machine) giveUp(c *child, ch chan error, cause error) {
	m.mu.Lock()
	defer m.unlock()
	if !c.withdraw(ch) {
		return // decided just now
	}
	why := whyHand
	if c.hand == byAdd {
		why = whyRemove
	}
	m.conclude(c, why)
	m.later(func() { ch <- cause }) // has room: nothing was sent before it was withdrawn
}

// restart starts a child by hand.
func (m *machine) restart(ctx context.Context, name string) error {
	c, ch, err := m.queueByHand(name)
	if err != nil {
		return err
	}
	return m.awaitStart(ctx, c, ch)
}

func (m *machine) queueByHand(name string) (*child, chan error, error) {
	m.mu.Lock()
	defer m.unlock()
	c := m.children[name]
	switch {
	case m.phase >= phaseStopping:
		return nil, nil, ErrNotRunning
	case c == nil:
		return nil, nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	case c.busy() != nil:
		return nil, nil, c.busy()
	}
	c.step = 0
	c.counter.reset()
	c.move(eventQueue)
	return c, m.startByHand(c, byRestart), nil
}

// end stops a child by hand and waits for it.
func (m *machine) end(ctx context.Context, name string, why reason) error {
	c, done, err := m.endByHand(name, why)
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	default:
	}
	if inside(ctx, func(in *child) bool { return in == c }) {
		return scope.ErrSelfWait
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("supervisor: child %q has not ended: %w", name, context.Cause(ctx))
	}
}

func (m *machine) endByHand(name string, why reason) (*child, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.unlock()
	c := m.children[name]
	if c == nil {
		return nil, nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	done := make(chan struct{})
	c.joiners = append(c.joiners, done)
	m.conclude(c, why)
	return c, done, nil
}

// conclude has a child end for why, at once if it has no incarnation.
func (m *machine) conclude(c *child, why reason) {
	c.resolve(fmt.Errorf("%w: %q", errStoppedByHand, c.name))
	switch {
	case c.state.live():
		c.mark(why, errStoppedByHand)
		c.ask()
	case c.state == stateGone:
	default:
		if m.trigger == c {
			m.trigger = nil
		}
		if c.state != stateStopped || why == whyRemove {
			c.endAsked(why)
		}
		c.release()
	}
	m.settle()
}
