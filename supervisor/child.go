package supervisor

import "time"

// A child is a spec and what has become of it. All fields but those above the
// line are guarded by the machine's lock.
type child struct {
	m     *machine
	pos   uint64        // its place in the start order
	name  string        // spec.Name, which does not change
	wake  chan struct{} // capacity 1: there is news for the keeper
	flood *flood        // bounds its reports; a pool's children share one

	prev, next *child // in start order

	spec  Spec
	state state
	why   reason       // why it is to end, or has been asked to
	by    error        // the cause for the context, with why
	inc   *incarnation // nil while none is live
	hand  byHand       // who waits for its start

	once    bool // has been ready before
	free    bool // the next restart does not count
	step    int  // which delay of the backoff is next
	nextAt  time.Duration
	counter counter

	incarnations, restarts uint64
	last                   error  // the last failure
	lastText               string // its text
	lastAt                 time.Time
	note                   string // why it is stopped or parked

	waiters []chan error    // of Add and Restart: capacity 1, for the outcome of the start
	joiners []chan struct{} // of Terminate and Remove: closed when no incarnation is live
}

// A reason is why a child is to end. A stronger one replaces a weaker one.
type reason int

const (
	whyNone    reason = iota
	whyTimeout        // its start took too long: a failed start
	whyGroup          // a sibling has failed
	whyHand           // Terminate
	whyRemove         // Remove
	whyFinal          // the supervisor stops
)

// byHand says whether somebody waits for the child's start, who then gets the
// error of a failed start.
type byHand int

const (
	byNobody  byHand = iota
	byAdd            // a start that fails leaves nothing behind
	byRestart        // a start that fails leaves the child stopped
)

// move takes the child to another state.
func (c *child) move(e event) {
	c.state = c.state.next(e)
	if e == eventStart {
		c.m.incarnate(c)
	}
	if e == eventDrop {
		c.m.forget(c)
	}
	if !c.state.live() {
		c.release()
	}
	c.rouse()
	if e == eventStart && c.inc.owed {
		c.inc.becomeReady()
	}
}

// release lets those go on who wait for the child to be over.
func (c *child) release() {
	for _, ch := range c.joiners {
		c.m.later(func() { close(ch) })
	}
	c.joiners = nil
}

// rouse has the keeper look for news.
func (c *child) rouse() {
	c.m.later(func() {
		select {
		case c.wake <- struct{}{}:
		default: // it has not yet seen the news before
		}
	})
}

// resolve tells those who wait for the child's start how it went.
func (c *child) resolve(err error) {
	c.hand = byNobody
	for _, ch := range c.waiters {
		c.m.later(func() { ch <- err })
	}
	c.waiters = nil
}

// mark gives the child a reason to end.
func (c *child) mark(why reason, by error) {
	if why > c.why {
		c.why, c.by = why, by
	}
}

// ask asks the incarnation to end, if that has not been done.
func (c *child) ask() {
	inc := c.inc
	if inc == nil || inc.asked {
		return
	}
	inc.asked = true
	inc.cause = &stopError{child: c.name, err: c.by}
	inc.grace = c.grace()
	if c.state == stateStarting || c.state == stateReady {
		c.move(eventAsk)
	}
	c.m.later(func() { close(inc.stop) })
}

// grace returns what an incarnation that is asked to end now gets.
func (c *child) grace() time.Duration {
	switch {
	case !c.m.hurried:
		return c.spec.Grace
	case c.spec.Grace == NoGrace:
		return hurriedGrace // it holds up nobody any more, and is to be named
	default:
		return min(c.spec.Grace, hurriedGrace)
	}
}

// quiet returns after how long without a failure the next one is news again.
func (c *child) quiet() time.Duration {
	c.m.mu.Lock()
	defer c.m.unlock()
	return c.spec.Backoff.ResetAfter
}

func (c *child) classifier() func(error) Action {
	c.m.mu.Lock()
	defer c.m.unlock()
	return c.spec.Classify
}
