package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/supervisorscope/scope"
)

// This file is what keepers tell the machine, and what it makes of it.

// attach records the task of an incarnation.
func (m *machine) attach(inc *incarnation, task *scope.Task) {
	m.mu.Lock()
	defer m.unlock()
	inc.task = task
}

// ready takes notice that an incarnation is ready, unless it is to end already.
func (m *machine) ready(inc *incarnation) {
	m.mu.Lock()
	defer m.unlock()
	c := inc.child
	if c.inc != inc || c.state != stateStarting {
		return
	}
	inc.becomeReady()
	m.settle()
}

// becomeReady makes an incarnation that starts one that is ready.
func (inc *incarnation) becomeReady() {
	c := inc.child
	inc.ready, inc.readyAt, c.once = true, c.m.now(), true
	c.move(eventReady)
	c.m.later(func() { close(inc.isReady) })
	c.resolve(nil)
}

// timedOut asks an incarnation to end that is not ready in time.
func (m *machine) timedOut(inc *incarnation) {
	m.mu.Lock()
	defer m.unlock()
	if c := inc.child; c.inc == inc && c.state == stateStarting {
		inc.child.mark(whyTimeout, errNotReadyInTime(inc))
		inc.child.ask()
	}
}

func errNotReadyInTime(inc *incarnation) error {
	return fmt.Errorf("supervisor: not ready within %v", inc.timeout)
}

// farewell returns how an incarnation is to be ended.
func (m *machine) farewell(inc *incarnation) farewell {
	m.mu.Lock()
	defer m.unlock()
	inc.overAt = m.now()
	end := farewell{cause: inc.cause, grace: inc.grace, bound: m.hurry}
	if !inc.asked {
		end.grace = inc.child.grace()
	}
	if m.hurried {
		end.bound = context.Background()
	}
	return end
}

// overrun takes notice that an incarnation has not returned in time. A nil
// stuck is for one that had no grace to begin with.
func (m *machine) overrun(inc *incarnation, stuck *StuckError) {
	m.mu.Lock()
	defer m.unlock()
	c := inc.child
	if c.inc != inc {
		return
	}
	if c.state != stateStuck {
		c.move(eventOverrun)
	}
	if stuck != nil {
		c.blame(stuck, stuck.Error())
		if m.phase == phaseStopping {
			m.overran = append(m.overran, stuck)
		}
	}
	m.settle()
}

// undecided reports whether what becomes of a child is a matter of the error: it
// failed, was not asked to end, and did not decline.
func (m *machine) undecided(inc *incarnation, out outcome) bool {
	m.mu.Lock()
	defer m.unlock()
	return out.err != nil && inc.child.why <= whyTimeout && (inc.ready || !out.declined)
}

// ended takes notice that an incarnation has returned, with all it started, and
// decides what becomes of the child and of its siblings. It reports whether the
// failure, if there is one, is to be told; if not, somebody gets it returned.
func (m *machine) ended(inc *incarnation, out outcome) (tell bool) {
	m.mu.Lock()
	defer m.unlock()
	c := inc.child
	if c.inc != inc {
		return false // the machine has given the keeper up
	}
	m.live--
	c.inc = nil
	why, by := c.why, c.by
	c.why, c.by = whyNone, nil
	if !inc.ready && why <= whyTimeout && out.err == nil {
		if out.err = scope.ErrNotReady; why == whyTimeout {
			out.err = by
		}
		out.text = out.err.Error() // ours
	}
	if out.err != nil {
		c.blame(out.err, out.text)
	}
	switch {
	case why > whyTimeout:
		if why == whyFinal { // told below, and returned here
			m.overran = append(m.overran, out.late...)
		}
		tell = out.real && (inc.ready || !out.declined)
		c.endAsked(why)
		if c.state == stateGone { // perhaps somebody waits for its start still
			c.resolve(&ChildError{Child: c.name, Start: true, Err: errWithGroup})
		}
	case !inc.ready:
		tell = m.failedStart(c, out)
	default:
		if inc.overAt-inc.readyAt >= c.spec.Backoff.ResetAfter {
			c.step = 0
		}
		tell = m.endedByItself(c, out)
	}
	m.settle()
	return tell
}

// endAsked is the end of a child that was asked to end.
func (c *child) endAsked(why reason) {
	v := decide(c.spec.Restart, endCancelled)
	switch {
	case why == whyFinal:
		c.note = "supervisor stopped"
		c.move(eventRest)
	case why == whyRemove || !v.keep:
		c.move(eventDrop)
	case why == whyHand:
		c.note = "stopped by hand"
		c.move(eventRest)
	default:
		c.move(eventQueue)
	}
}

// failedStart is the end of an incarnation that was never ready.
func (m *machine) failedStart(c *child, out outcome) (tell bool) {
	failed := &ChildError{Child: c.name, Start: true, Err: out.err}
	hand, heard := c.hand, len(c.waiters) > 0
	c.resolve(failed)
	switch {
	case out.declined:
		c.last, c.lastText, c.lastAt = nil, "", time.Time{}
		c.keepOrDrop(c.spec.Restart != Temporary, "declined to start")
		return false
	case hand == byAdd:
		c.move(eventDrop)
		return !heard
	case hand == byRestart:
		c.note = "failed to start"
		c.move(eventRest)
		return !heard
	case m.phase == phaseStarting && !c.once && !m.pool:
		c.note = "failed to start"
		c.move(eventRest)
		m.stop(failed, failed)
		return false
	default:
		return m.endedByItself(c, out)
	}
}

// endedByItself is the end of an incarnation that nobody asked to end.
func (m *machine) endedByItself(c *child, out outcome) (tell bool) {
	e := endOf(out.err)
	v := decide(c.spec.Restart, e)
	c.free = false
	if m.pool && e == endOK {
		v.failure, c.free = false, true
	}
	action := out.action
	if out.fatal {
		action = Escalate
	}
	switch action {
	case ByType:
	case Restart:
		v.restart = c.spec.Restart != Temporary
	case Stop:
		v.restart, v.last = false, true
	case Park:
		if c.spec.Restart == Temporary { // what it would be restarted with is gone
			break
		}
		c.note = "parked by its classifier"
		c.move(eventPark)
		return true
	case Escalate:
		failed := &ChildError{Child: c.name, Err: out.err}
		c.keepOrDrop(v.keep, "escalated")
		m.stop(failed, failed)
		return false
	}
	if v.failure && out.err == nil {
		c.blame(errUnexpectedEnd, errUnexpectedEnd.Error())
	}
	if v.restart {
		m.schedule(c)
		return v.failure
	}
	significant := c.spec.Significant
	c.keepOrDrop(v.keep, "ended: "+e.String())
	if v.last && significant {
		m.lastOne(c)
	}
	return v.failure
}

// blame records a failure.
func (c *child) blame(err error, text string) {
	c.last, c.lastText, c.lastAt = err, text, time.Now()
}

func (c *child) keepOrDrop(keep bool, note string) {
	if !keep {
		c.move(eventDrop)
		return
	}
	c.note = note
	c.move(eventRest)
}

// lastOne ends the supervisor if c was the significant child to do so.
func (m *machine) lastOne(c *child) {
	if m.opts.AutoShutdown == Never {
		return
	}
	for s := m.first; s != nil && m.opts.AutoShutdown == AllSignificant; s = s.next {
		if s.spec.Significant && s.state != stateStopped && s.state != stateParked {
			return
		}
	}
	m.stop(nil, fmt.Errorf("supervisor: significant child %q has ended", c.name))
}
