package supmodel

import (
	"math"
	"slices"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// end is the return of a child's function. If that leaves something running, the
// incarnation goes on, and has its grace.
func (w *World) end(c *Child, how End) {
	w.Log = append(w.Log, "-"+c.Spec.Name)
	c.overAt = w.Now
	if !c.plan.Leaves {
		w.ended(c, how)
		return
	}
	c.returned, c.how = true, how
	c.readyBy, c.readyOn, c.obeysOn = 0, 0, 0
	if !c.asked {
		w.giveGrace(c)
	}
	if c.plan.Left != WhenTold {
		c.obeysOn = w.Now + c.plan.LeftIn
	}
}

// ended is the end of an incarnation, for whatever reason.
func (w *World) ended(c *Child, how End) {
	why := c.why
	c.State, c.why, c.stop, c.inOrder = Stopped, byItself, false, false
	c.readyBy, c.readyOn, c.graceBy, c.obeysOn = 0, 0, 0, 0
	declined := how.Kind == Decline && !c.ready
	if how.fails() || !c.ready && why <= tooLate {
		w.blame(c)
	}
	switch {
	case why > tooLate: // S6: what was asked to end never counts
		if how.fails() && !declined {
			w.Failures[c.Spec.Name]++
		}
		w.endAsked(c, why)
	case !c.ready:
		w.failStart(c, how, declined)
	default:
		if c.overAt-c.ReadyAt >= c.Spec.Backoff.ResetAfter {
			c.step = 0
		}
		w.endByItself(c, how)
	}
	if !c.Live() {
		w.answerEnd(c)
	}
}

// blame records a failure of c.
func (w *World) blame(c *Child) { c.Blamed, c.LastAt = true, w.Now }

// endAsked is the end of a child that was asked to end.
func (w *World) endAsked(c *Child, why reason) {
	switch {
	case why == finally:
	case why == removed || c.Spec.Restart == sup.Temporary:
		w.drop(c)
	case why == withGroup:
		c.State = Queued
	}
}

// failStart is the end of an incarnation that was never ready.
func (w *World) failStart(c *Child, how End, declined bool) {
	by, heard := c.hand, len(c.starters) > 0
	w.Tie = w.Tie || w.Loose // others were still ending
	answer := Failed
	if declined {
		answer = Declined
	}
	w.answerStart(c, answer)
	switch {
	case declined:
		c.Blamed = false
		w.rest(c)
	case by == adder, by == restarter:
		if !heard {
			w.Failures[c.Spec.Name]++
		}
		if by == adder {
			w.drop(c)
		}
	case w.Phase == Begins && !c.once && !w.Pool:
		w.stopAll(Result{Kind: ByChild, Child: c.Spec.Name, Start: true})
	default:
		if !how.fails() {
			how = End{Kind: Error}
		}
		w.endByItself(c, how)
	}
}

// endByItself is the end of an incarnation that nobody asked to end: the table
// of restart type and end, and the classifier.
func (w *World) endByItself(c *Child, how End) {
	failed := how.fails()
	again := c.Spec.Restart == sup.Permanent || c.Spec.Restart == sup.Transient && failed
	tell := failed || c.Spec.Restart == sup.Permanent
	c.free = w.Pool && !failed
	if c.free {
		tell = false
	}
	action := how.Action
	switch {
	case how.Kind == Fatal:
		action = sup.Escalate
	case !failed || how.Kind == Goexit:
		action = sup.ByType
	case c.Spec.Restart == sup.Temporary && action != sup.Escalate:
		action = sup.Stop // never restarted, whatever the classifier says
	}
	switch action {
	case sup.ByType:
	case sup.Restart:
		again = true
	case sup.Stop:
		again = false
	case sup.Park:
		w.Failures[c.Spec.Name]++
		c.State = Parked
		return
	case sup.Escalate: // S5: it is returned, so it is not told
		w.rest(c)
		w.stopAll(Result{Kind: ByChild, Child: c.Spec.Name})
		return
	}
	if tell {
		w.blame(c)
		w.Failures[c.Spec.Name]++
	}
	if again {
		w.delay(c)
		return
	}
	w.rest(c)
	w.lastOne(c)
}

// rest leaves c stopped, or forgets it.
func (w *World) rest(c *Child) {
	c.State = Stopped
	if c.Spec.Restart == sup.Temporary && w.Phase < Stops {
		w.drop(c)
	}
}

// drop forgets c.
func (w *World) drop(c *Child) {
	c.State = Stopped
	w.answerStart(c, Failed)
	w.answerEnd(c)
	i := slices.Index(w.Children, c)
	w.Children = slices.Delete(slices.Clone(w.Children), i, i+1)
	if w.trigger == c {
		w.trigger = nil
	}
}

// lastOne ends the supervisor if c was the significant child to do so.
func (w *World) lastOne(c *Child) {
	left := slices.ContainsFunc(w.Children, func(s *Child) bool {
		return s.Spec.Significant && s.State != Stopped && s.State != Parked
	})
	switch {
	case !c.Spec.Significant, w.Opts.AutoShutdown == sup.Never:
	case w.Opts.AutoShutdown == sup.AnySignificant || !left:
		w.stopAll(Result{Kind: Clean})
	}
}

// delay begins the delay before the restart of c, and in a group strategy stops
// the siblings.
func (w *World) delay(c *Child) {
	d := full(c.Spec.Backoff, c.step)
	c.step++
	c.DueFrom, c.DueTo = w.Now+d-d/2, w.Now+d
	c.State = Backoff
	if !w.grouped() {
		return
	}
	if old := w.trigger; old != nil && old != c && old.State == Backoff {
		old.State = Queued // its restart becomes part of this one
	}
	w.trigger = c
	for _, s := range w.Children {
		s.stop = s.Live() && w.isIn(s, c)
		if s.stop {
			s.why = max(s.why, withGroup)
		}
	}
}

// full is the n-th delay without jitter.
func full(b sup.Backoff, n int) time.Duration {
	if b.Off {
		return 0
	}
	return time.Duration(min(float64(b.Cap), float64(b.Base)*math.Pow(b.Factor, float64(n))))
}

// due counts a restart whose delay is over, and makes it, if the budgets allow.
func (w *World) due(c *Child) {
	if exceeded := w.count(c); exceeded != nil {
		action := c.Spec.OnExceed
		if exceeded.All {
			action = w.Opts.OnExceed
		}
		if action == sup.Escalate {
			w.Tie = w.Tie || w.grouped() && c.LastAt == w.Now && w.dropsInGroup()
			w.stopAll(*exceeded)
			return
		}
		w.Exceeded[c.Spec.Name]++
		w.Stamps = w.Stamps[:len(w.Stamps)-1] // it was not made
		c.State = Parked
		if w.trigger == c {
			w.trigger = nil
		}
		return
	}
	if w.trigger != c {
		w.start(c)
		return
	}
	w.trigger, c.State = nil, Queued
}

// dropsInGroup reports whether a temporary child is being stopped with its group:
// if the supervisor stops at the same moment, it is forgotten or not.
func (w *World) dropsInGroup() bool {
	return slices.ContainsFunc(w.Children, func(c *Child) bool {
		return c.Live() && c.why == withGroup && c.Spec.Restart == sup.Temporary
	})
}

// count takes one restart from the budgets. S6: in no window of either are there
// more than its limit.
func (w *World) count(c *Child) *Result {
	if c.free {
		return nil
	}
	c.Stamps = append(c.Stamps, w.Now)
	w.Stamps = append(w.Stamps, w.Now)
	for _, b := range []struct {
		budget sup.Budget
		stamps []time.Duration
		all    bool
	}{{c.Spec.Budget, c.Stamps, false}, {w.Opts.Budget, w.Stamps, true}} {
		for _, limit := range []sup.Intensity{b.budget.Burst, b.budget.Sustained} {
			within := inWindow(b.stamps, limit, w.Now)
			if limit.Period > 0 && len(within) > limit.Restarts {
				span := w.Now - within[len(within)-1-limit.Restarts]
				return &Result{
					Kind: Exceeded, Child: c.Spec.Name, All: b.all, Limit: limit, Span: span,
				}
			}
		}
	}
	c.Restarts++
	w.Restarts++
	return nil
}

// inWindow returns the stamps inside the window that ends now. Two that are
// exactly one period apart are both in it.
func inWindow(stamps []time.Duration, limit sup.Intensity, now time.Duration) []time.Duration {
	i := slices.IndexFunc(stamps, func(at time.Duration) bool { return now-at <= limit.Period })
	if i < 0 {
		return nil
	}
	return stamps[i:]
}

// Used returns how many of the stamps are in a window now, at most one more than
// its limit, and how many restarts are left, -1 for any number.
func (w *World) Used(stamps []time.Duration, limit sup.Intensity) (used, left int) {
	if limit.Period <= 0 {
		return 0, -1
	}
	used = min(limit.Restarts+1, len(inWindow(stamps, limit, w.Now)))
	return used, max(0, limit.Restarts-used)
}
