package supmodel

import (
	"slices"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// A World is a supervisor, or a pool, at rest. Its methods are the steps of a
// program; each is to be followed by Settle.
type World struct {
	Opts sup.Options
	Pool bool
	Now  time.Duration // since Run was called

	Phase    Phase
	Children []*Child // in start order
	Restarts int
	Stamps   []time.Duration // of counted restarts
	Result   Result

	// Plans are for the next incarnations of each child, by name.
	Plans map[string][]Plan
	// Log holds "+a" and "-a" for each incarnation that began or ended since it
	// was last emptied, and "~a" for one that was ready when it was called, so that
	// the next may have been faster. Loose says that the whole order is left open.
	Log   []string
	Loose bool
	// Tie says that two things happened at once and it matters which was first,
	// which is nobody's promise: the program must end here.
	Tie bool
	// Failures counts those to be told, by child; Overran and Exceeded the reports
	// of children that are stuck and parked.
	Failures, Overran, Exceeded map[string]int

	trigger   *Child // whose delay a group waits for
	room      []*Call
	stopBy    time.Duration // when Total is over
	hurried   bool          // it is
	cancelled bool
	clean     bool    // it ended by itself, before that
	calls     []*Call // that have a deadline
}

// New returns a supervisor that begins to start the children.
func New(opts sup.Options, pool bool, children ...*Child) *World {
	w := &World{
		Opts: opts, Pool: pool, Children: children, Plans: map[string][]Plan{},
		Failures: map[string]int{}, Overran: map[string]int{}, Exceeded: map[string]int{},
	}
	for _, c := range children {
		c.State = Queued
	}
	return w
}

// Find returns the child of that name, or nil.
func (w *World) Find(name string) *Child {
	i := slices.IndexFunc(w.Children, func(c *Child) bool { return c.Spec.Name == name })
	if i < 0 {
		return nil
	}
	return w.Children[i]
}

func (w *World) grouped() bool { return !w.Pool && w.Opts.Strategy != sup.OneForOne }

// isIn reports whether s restarts when c fails, in its group.
func (w *World) isIn(s, c *Child) bool {
	return w.Opts.Strategy == sup.OneForAll ||
		slices.Index(w.Children, s) >= slices.Index(w.Children, c)
}

// Settle lets everything happen that follows from the last step. Those come first
// who wait for a place, then stops, then starts.
func (w *World) Settle() {
	for w.admitNext() || w.dueNow() || w.stopNext() || w.startNext() {
	}
	if w.Phase == Begins && !w.orderly() {
		w.Phase = Runs
	}
	if w.Phase == Stops && !slices.ContainsFunc(w.Children, (*Child).Live) {
		w.Phase = Over
	}
}

// orderly reports whether an ordered start or stop is under way.
func (w *World) orderly() bool {
	return w.trigger != nil || slices.ContainsFunc(w.Children, func(c *Child) bool {
		return c.State == Queued || c.stop || c.waited()
	})
}

// waited reports whether an ordered start waits for c: to be ready, or, with its
// group, to have ended. A start that took too long is one that has not ended.
func (c *Child) waited() bool {
	return c.Live() && (c.inOrder && !c.ready && c.why <= tooLate || c.why == withGroup)
}

// dueNow restarts the first child whose delay is over.
func (w *World) dueNow() bool {
	for _, c := range w.Children {
		if c.State == Backoff && c.DueTo <= w.Now && !w.cancelled {
			w.due(c)
			return true
		}
	}
	return false
}

// stopNext asks the last child of the ordered stop to end, and the one before it
// when that has ended or is stuck (S4). A pool asks all at once.
func (w *World) stopNext() bool {
	for _, c := range slices.Backward(w.Children) {
		switch waits := c.Live() && c.State != Stuck; {
		case !c.stop:
		case waits && !c.asked:
			w.ask(c)
			return true
		case waits && !w.Pool && !w.hurried:
			return false
		case !waits:
			c.stop = false
		}
	}
	return false
}

// startNext starts the first child of the ordered start that waits for its turn,
// unless one before it is not yet ready, or not yet gone (S4).
func (w *World) startNext() bool {
	if w.trigger != nil || w.Phase >= Stops || w.cancelled ||
		slices.ContainsFunc(w.Children, func(c *Child) bool { return c.stop }) {
		return false
	}
	for _, c := range w.Children {
		switch {
		case c.State == Queued:
			c.inOrder = true
			w.start(c)
			return true
		case c.waited():
			return false
		}
	}
	return false
}

// start begins an incarnation.
func (w *World) start(c *Child) {
	c.State = Starting
	c.Incarnation++
	c.asked, c.ready, c.returned, c.why = false, false, false, byItself
	c.plan = Plan{}
	if plans := w.Plans[c.Spec.Name]; len(plans) > 0 {
		c.plan, w.Plans[c.Spec.Name] = plans[0], plans[1:]
	}
	if !c.Slow {
		w.Log = append(w.Log, "~"+c.Spec.Name)
		w.becomeReady(c)
		return
	}
	w.Log = append(w.Log, "+"+c.Spec.Name)
	if c.Spec.StartTimeout != sup.Infinity {
		c.readyBy = w.Now + c.Spec.StartTimeout
	}
	switch {
	case c.plan.Fails:
		w.end(c, c.plan.End)
	case c.plan.Ready == AtOnce:
		w.becomeReady(c)
	case c.plan.Ready == Later:
		c.readyOn = w.Now + c.plan.ReadyIn
	}
}

func (w *World) becomeReady(c *Child) {
	c.readyOn = 0
	if c.State != Starting {
		return // asked to end already, or said before
	}
	c.State, c.ready, c.once, c.inOrder = Ready, true, true, false
	c.ReadyAt = w.Now
	c.readyBy = 0
	w.answerStart(c, Done)
}

// ask asks the live incarnation of c to end, and has it do what it does then.
func (w *World) ask(c *Child) {
	if !c.Live() || c.asked {
		return
	}
	c.asked, c.readyBy = true, 0
	if c.State != Stuck {
		c.State = Stopping
	}
	if c.returned {
		return // what is left was asked then
	}
	w.giveGrace(c)
	switch c.plan.Obeys {
	case AtOnce:
		w.end(c, c.plan.Last)
	case Later:
		c.obeysOn = w.Now + c.plan.ObeysIn
	case WhenTold:
	}
}

// giveGrace begins the time in which c is to end.
func (w *World) giveGrace(c *Child) {
	grace := c.Spec.Grace
	switch {
	case !w.hurried:
	case grace == sup.NoGrace: // nobody waits for it, and it is to be named
		grace = 5 * time.Second
	default:
		grace = min(grace, 5*time.Second)
	}
	if grace == sup.NoGrace { // nobody waits for it
		w.Loose = true
		c.State = Stuck
		return
	}
	if grace != sup.Infinity {
		c.graceBy = w.Now + grace
	}
}

// Ready has the function of c say that it is ready.
func (w *World) Ready(c *Child) { w.becomeReady(c) }

// End has the function of c return, or if it has, what it left.
func (w *World) End(c *Child, how End) {
	if c.returned {
		w.ended(c, c.how)
		return
	}
	w.end(c, how)
}

// Cancel cancels the context of Run.
func (w *World) Cancel() {
	if w.cancelled {
		return
	}
	w.cancelled = true
	w.stopAll(Result{Kind: Canceled})
	if w.Result.Kind == Clean && w.Phase == Stops {
		w.Result.Kind, w.clean = Canceled, true // a supervisor is a task like others
	}
}

// stopAll ends the supervisor. The first result stays.
func (w *World) stopAll(r Result) {
	if w.Phase >= Stops {
		return
	}
	w.Phase, w.Result, w.trigger = Stops, r, nil
	if w.Opts.Total != sup.Infinity {
		w.stopBy = w.Now + w.Opts.Total
	}
	for _, c := range w.Children {
		w.answerStart(c, NotRunning)
		if c.State == Queued || c.State == Backoff {
			c.State = Stopped
		}
		c.inOrder, c.stop = false, c.Live()
		if c.Live() {
			c.why = finally
		}
	}
	w.Loose = w.Loose || w.Pool
	for _, call := range w.room {
		w.answer(call, NotRunning)
	}
	w.room = nil
}

// WasClean reports whether the supervisor was ending by itself, with nil, when
// its context was cancelled.
func (w *World) WasClean() bool { return w.clean }
