package supmodel

import (
	"slices"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
)

// Call makes a call by hand.
func (w *World) Call(call *Call) {
	if call.Deadline > 0 {
		w.calls = append(w.calls, call)
	}
	c := w.Find(call.Name)
	switch {
	case w.Phase == Over:
		w.answer(call, NotRunning)
	case call.Verb == Add || call.Verb == TryAdd:
		w.add(call)
	case call.Verb == Restart:
		w.restart(call, c)
	case c == nil:
		w.answer(call, NotFound)
	default:
		w.stopByHand(call, c)
	}
}

func (w *World) answer(call *Call, a Answer) {
	if !call.Over {
		call.Over, call.Want = true, a
	}
}

// answerStart tells those who wait for the start of c how it went.
func (w *World) answerStart(c *Child, a Answer) {
	for _, call := range c.starters {
		w.answer(call, a)
	}
	c.starters, c.hand = nil, nobody
}

// answerEnd tells those who wait for the end of c that it has come.
func (w *World) answerEnd(c *Child) {
	for _, call := range c.enders {
		w.answer(call, Done)
	}
	c.enders = nil
}

func (w *World) full() bool { return w.Opts.Limit > 0 && len(w.Children) >= w.Opts.Limit }

func (w *World) add(call *Call) {
	c := w.Find(call.Name)
	switch {
	case w.Phase >= Stops:
		w.answer(call, NotRunning)
	case c != nil:
		w.answer(call, Present)
	case w.full() && w.Pool && call.Verb == Add:
		w.room = append(w.room, call)
	case w.full():
		w.answer(call, Limited)
	default:
		if call.Inside { // it would wait for itself
			w.answer(call, Done)
		}
		call.New.State = Stopped
		w.Children = append(w.Children, call.New)
		w.startByHand(call, call.New, adder)
	}
}

// admitNext lets the next one in who waits for a place, first come first served. It
// comes after all that the end which made the place has brought about: if that
// stops the pool, nobody is let in.
func (w *World) admitNext() bool {
	if len(w.room) == 0 || w.full() || w.Phase >= Stops {
		return false
	}
	call := w.room[0]
	w.room = w.room[1:]
	w.Loose = true
	w.add(call)
	return true
}

func (w *World) restart(call *Call, c *Child) {
	switch {
	case w.Phase >= Stops:
		w.answer(call, NotRunning)
	case c == nil:
		w.answer(call, NotFound)
	case c.State == Stopped || c.State == Parked:
		c.step, c.Stamps, c.free = 0, nil, false
		w.startByHand(call, c, restarter)
	case c.Live() && c.State != Starting:
		w.answer(call, Running)
	default:
		w.answer(call, Restarting)
	}
}

// startByHand starts c, or has it wait for its turn in an ordered start that is
// under way.
func (w *World) startByHand(call *Call, c *Child, by hand) {
	direct := w.Pool || w.Phase == Runs && !w.orderly()
	call.child, c.hand = c, by
	if !call.Over {
		c.starters = append(c.starters, call)
	}
	c.State = Queued
	if direct {
		w.start(c)
	}
}

// stopByHand is Terminate and Remove: a child without an incarnation ends at
// once, also in backoff (L2), another one is asked.
func (w *World) stopByHand(call *Call, c *Child) {
	why := terminated
	if call.Verb == Remove {
		why = removed
	}
	if call.Inside { // it has not returned yet, whatever it does then
		w.answer(call, SelfWait)
	}
	c.enders = append(c.enders, call)
	w.conclude(c, why)
}

func (w *World) conclude(c *Child, why reason) {
	w.answerStart(c, ByHand)
	if c.Live() {
		w.Loose = w.Loose || c.inOrder // the next one need not wait for it
		c.why = max(c.why, why)
		w.ask(c)
		return
	}
	if w.trigger == c {
		w.trigger = nil
	}
	if why == removed || c.Spec.Restart == sup.Temporary && c.State != Stopped {
		w.drop(c)
		return
	}
	c.State = Stopped
	w.answerEnd(c)
}

// expire is a call whose context is done. A start that nobody waits for any
// longer is taken back.
func (w *World) expire(call *Call) {
	w.answer(call, OutOfTime)
	c := call.child
	if i := slices.Index(w.room, call); i >= 0 {
		w.room = slices.Delete(w.room, i, i+1)
	}
	if c == nil || !slices.Contains(c.starters, call) {
		return
	}
	why := terminated
	if c.hand == adder {
		why = removed
	}
	w.conclude(c, why)
}

// timers returns what is to happen, and when.
func (w *World) timers() (all []timer) {
	add := func(at time.Duration, do func()) {
		if at > 0 {
			all = append(all, timer{at, do, false})
		}
	}
	if w.Phase == Stops && !w.hurried {
		add(w.stopBy, w.hurry)
	}
	for _, c := range w.Children {
		if c.State == Backoff {
			add(c.DueTo, func() {}) // Settle looks at the time
		}
		add(c.readyBy, func() { c.why = max(c.why, tooLate); w.ask(c) })
		add(c.readyOn, func() { w.becomeReady(c) })
		add(c.obeysOn, func() { w.End(c, c.plan.Last) })
		if c.graceBy > 0 {
			all = append(all, timer{c.graceBy, func() { w.overrun(c) }, w.hurried})
		}
	}
	for _, call := range w.calls {
		if !call.Over {
			add(call.Deadline, func() { w.expire(call) })
		}
	}
	return all
}

type timer struct {
	at       time.Duration
	do       func()
	commutes bool // with others of the same moment
}

// Next returns when something happens by itself, at most limit.
func (w *World) Next(limit time.Duration) time.Duration {
	for _, t := range w.timers() {
		limit = min(limit, t.at)
	}
	return limit
}

// Pass moves the clock, not beyond Next.
func (w *World) Pass(to time.Duration) {
	w.Now = to
	due := slices.DeleteFunc(w.timers(), func(t timer) bool { return t.at > to })
	for _, t := range due {
		t.do()
		w.Tie = w.Tie || len(due) > 1 && !t.commutes
	}
}

// overrun is the end of the grace of c: it is stuck, and reported (L1).
func (w *World) overrun(c *Child) {
	c.graceBy = 0
	c.State = Stuck
	w.blame(c)
	w.Overran[c.Spec.Name]++
	if w.Phase == Stops {
		w.Result.Stuck = append(w.Result.Stuck, c.Spec.Name)
	}
}

// hurry is the end of Total: what is being waited for is reported, and all that
// is left is asked.
func (w *World) hurry() {
	w.hurried, w.Loose = true, true
	for _, c := range slices.Clone(w.Children) {
		waited := c.State != Stuck || c.Spec.Grace == sup.NoGrace
		if c.Live() && (c.asked || c.returned) && waited {
			w.overrun(c)
		}
	}
}
