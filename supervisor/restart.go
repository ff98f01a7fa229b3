package supervisor

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// schedule has c started again after its delay, and with a group strategy its
// siblings with it.
func (m *machine) schedule(c *child) {
	delay := c.spec.Backoff.delay(c.step, rand.Float64())
	if c.step < math.MaxInt32 {
		c.step++
	}
	c.nextAt = m.now() + delay
	c.move(eventDelay)
	if !m.pool && m.opts.Strategy != OneForOne {
		m.regroup(c)
	}
}

// regroup makes c the trigger of a restart of its group: the siblings are
// stopped in reverse order at once, and when that is done and the delay of c is
// over, all are started in order. It extends a restart that is under way.
func (m *machine) regroup(c *child) {
	if old := m.trigger; old != nil && old != c && old.state == stateBackoff {
		old.move(eventQueue)
	}
	m.trigger = c
	cause := &siblingError{child: c.name, err: c.last}
	m.stopQ = nil
	for s := m.lastly; s != nil; s = s.prev {
		if m.opts.Strategy == RestForOne && s.pos < c.pos {
			break
		}
		if s.state.live() {
			s.mark(whyGroup, cause)
			m.stopQ = append(m.stopQ, s)
		}
	}
	m.requeue(c)
}

// requeue puts everything into the startQ, in order, that waits to be started
// or will when it has been stopped.
func (m *machine) requeue(also *child) {
	m.startQ = slices.DeleteFunc(m.startQ, func(c *child) bool { return c.why > whyGroup })
	queued := map[*child]bool{}
	for _, c := range m.startQ {
		queued[c] = true
	}
	for c := m.first; c != nil; c = c.next {
		due := c == also || c.state == stateQueued || c.state.live() && c.why == whyGroup
		if due && !queued[c] {
			m.startQ = append(m.startQ, c)
		}
	}
	slices.SortFunc(m.startQ, func(a, b *child) int { return cmp.Compare(a.pos, b.pos) })
}

// due counts the restart of c whose delay is over, and starts c, or its group.
// It returns an error to be told if c is parked instead.
func (m *machine) due(c *child) error {
	if m.ctx.Err() != nil {
		return nil // about to stop: not one more
	}
	if err := m.count(c); err != nil {
		onExceed := c.spec.OnExceed
		if err.All {
			onExceed = m.opts.OnExceed
		}
		if onExceed == Escalate {
			m.stop(err, err)
			m.settle()
			return nil
		}
		c.note = err.numbers()
		m.counter.takeBack() // it is not restarted, which is no matter of the others
		if m.trigger == c {
			m.trigger = nil
		}
		c.move(eventPark)
		m.settle()
		return err
	}
	if m.trigger == c {
		m.trigger = nil
		c.move(eventQueue)
	} else {
		c.move(eventStart)
	}
	m.settle()
	return nil
}

// count takes one restart of c from the budgets.
func (m *machine) count(c *child) *IntensityError {
	if c.free {
		return nil
	}
	now := m.now()
	err := c.counter.add(now)
	if all := m.counter.add(now); all != nil && err == nil {
		err, all.All = all, true
	}
	if err != nil {
		err.Child, err.Err = c.name, c.last
		return err
	}
	c.restarts++
	m.restarts++
	return nil
}
