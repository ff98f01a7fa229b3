package supmodel_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	sup "github.com/supervisorscope/scope/supervisor"
	"github.com/supervisorscope/scope/verify/supmodel"
)

// compare holds what is to be seen from outside against the model. Letters and
// numbers at the checks name the invariants. Safety: S1 nothing runs after the end,
// S2 one incarnation at a time, S3 what is added is started once, S4 start order is
// list order and stop order the reverse, S5 each failure is told once, S6 budgets,
// S7 the result names who is to blame, S8 counts add up, S9 no lock is held while
// foreign code runs. Liveness: L1 Run returns when the graces are over and all
// have returned, L2 a stop during a start or a delay is immediate, L3 who waits goes
// on when it can, L5 a supervisor that is stopped before its start starts nothing.
func (x *duel) compare(what string) {
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	for _, fault := range x.r.faults { // S2, S9
		x.Fatalf("%s: %s", what, fault)
	}
	x.compareLog(what)
	x.compareResult(what)
	x.compareCalls(what)
	x.compareReports(what)
	if x.m.Phase == supmodel.Over {
		return
	}
	x.compareInfo(what)
	x.compareChildren(what)
}

// compareLog: S4, what is started and what ends, and in what order.
func (x *duel) compareLog(what string) {
	got, want := x.r.log, x.m.Log
	inOrder := x.m.Loose || slices.Equal(ordered(got), ordered(want))
	if !inOrder || !slices.Equal(sorted(got), sorted(want)) {
		x.Fatalf("%s: S4: order is %v, want %v", what, got, want)
	}
	x.r.log, x.m.Log, x.m.Loose = nil, nil, false
}

// ordered leaves out those of which another may have been faster.
func ordered(log []string) []string {
	return slices.DeleteFunc(slices.Clone(log), func(s string) bool { return s[0] == '~' })
}

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// compareResult: S1, L1 and L3, when Run returns, and with what.
func (x *duel) compareResult(what string) {
	returned := false
	select {
	case <-x.r.runs:
		returned = true
	default:
	}
	if want := x.m.Phase == supmodel.Over; returned != want {
		x.Fatalf("%s: L1: Run has returned: %v (%v), want %v", what, returned, x.r.result, want)
	}
	if !returned {
		return
	}
	got, want := resultOf(x.r.result), x.m.Result
	if want.Kind == supmodel.Canceled && len(want.Stuck) > 0 && got.Kind == supmodel.Clean &&
		x.m.WasClean() {
		want.Kind = supmodel.Clean
	}
	got.Stuck, want.Stuck = sorted(got.Stuck), sorted(want.Stuck)
	if got.Kind != want.Kind || got.Child != want.Child || got.Start != want.Start ||
		got.All != want.All || got.Limit != want.Limit || got.Span != want.Span ||
		!slices.Equal(got.Stuck, want.Stuck) {
		x.Fatalf("%s: S5, S7: Run() = %v\n%+v, want\n%+v", what, x.r.result, got, want)
	}
}

// resultOf reads what Run returned.
func resultOf(err error) (r supmodel.Result) {
	r.Kind = supmodel.Clean
	var read func(err error)
	read = func(err error) {
		switch e := err.(type) {
		case nil:
		case *sup.StuckError:
			r.Stuck = append(r.Stuck, e.Child)
		case *sup.IntensityError:
			r.Kind, r.Child, r.All = supmodel.Exceeded, e.Child, e.All
			r.Limit, r.Span = e.Limit, e.Span
			if e.Restarts != e.Limit.Restarts+1 {
				r.Kind = supmodel.ResultKind(err.Error())
			}
		case *sup.ChildError:
			r.Kind, r.Child, r.Start = supmodel.ByChild, e.Child, e.Start
		case interface{ Unwrap() []error }:
			for _, sub := range e.Unwrap() {
				read(sub)
			}
		default:
			r.Kind = supmodel.ResultKind(err.Error())
			if errors.Is(err, errParent) {
				r.Kind = supmodel.Canceled
			}
		}
	}
	read(err)
	return r
}

// compareCalls: L2 and L3, which calls have returned, and with what.
func (x *duel) compareCalls(what string) {
	for c, r := range x.calls {
		if r.over != c.Over {
			x.Fatalf("%s: L3: %v(%s) has returned: %v (%v), want %v (%s)",
				what, c.Verb, c.Name, r.over, r.err, c.Over, c.Want)
		}
		if !r.over {
			continue
		}
		if got := answer(r.err); got != c.Want {
			x.Fatalf("%s: %v(%s) = %q (%v), want %q", what, c.Verb, c.Name, got, r.err, c.Want)
		}
		delete(x.calls, c)
	}
}

// compareReports: S5, no failure is told too often. Repeated ones may be held back;
// compareTold counts in the end.
func (x *duel) compareReports(what string) {
	if !maps.Equal(x.r.stuck, x.m.Overran) || !maps.Equal(x.r.parked, x.m.Exceeded) {
		x.Fatalf("%s: S5: reports of stuck children %v, want %v, of parked ones %v, want %v",
			what, x.r.stuck, x.m.Overran, x.r.parked, x.m.Exceeded)
	}
	const alone = 5 // so many are told one by one
	for name, want := range x.wantTold() {
		if got := x.r.told[name]; got > want || got < min(want, alone) {
			x.Fatalf("%s: S5: %d failures of %q were told, want %d", what, got, name, want)
		}
	}
}

// wantTold are the failures to be told, as the real side can tell them apart.
func (x *duel) wantTold() map[string]int {
	if x.template == nil {
		return x.m.Failures
	}
	sum := 0
	for _, n := range x.m.Failures {
		sum += n
	}
	return map[string]int{"": sum}
}

// compareTold: S5, in the end each failure was told exactly once.
func (x *duel) compareTold() {
	got := maps.Clone(x.r.told)
	want := maps.Clone(x.wantTold())
	zero := func(_ string, n int) bool { return n == 0 }
	maps.DeleteFunc(got, zero)
	maps.DeleteFunc(want, zero)
	if !maps.Equal(got, want) {
		x.Fatalf("S5: failures told: %v, want %v", got, want)
	}
}

// compareInfo: S6 and S8, the budget of all and the counts.
func (x *duel) compareInfo(what string) {
	got := x.r.info()
	want := got
	want.State, want.Specs, want.Restarts = x.m.Phase.String(), len(x.m.Children),
		uint64(x.m.Restarts)
	want.Active = len(x.live())
	budget := x.m.Opts.Budget
	want.InBurst, want.BurstLeft = x.m.Used(x.m.Stamps, budget.Burst)
	want.InSustained, want.SustainedLeft = x.m.Used(x.m.Stamps, budget.Sustained)
	if got != want {
		type plain sup.Info
		x.Fatalf("%s: S8: Info() =\n%+v, want\n%+v", what, plain(got), plain(want))
	}
	if x.r.ready && x.m.Phase == supmodel.Begins || !x.r.ready && x.m.Phase == supmodel.Runs {
		x.Fatalf("%s: the supervisor is ready: %v, but it is %v", what, x.r.ready, x.m.Phase)
	}
}

// compareChildren: S3, S6 and S8, each child, its budget and its times.
func (x *duel) compareChildren(what string) {
	got := x.r.children()
	want := slices.Clone(x.m.Children)
	if x.m.Pool { // has no order
		slices.SortFunc(got, func(a, b sup.ChildInfo) int {
			return strings.Compare(a.Name, b.Name)
		})
		slices.SortFunc(want, func(a, b *supmodel.Child) int {
			return strings.Compare(a.Spec.Name, b.Spec.Name)
		})
	}
	if len(got) != len(want) {
		x.Fatalf("%s: S8: children are %v, want %d", what, got, len(want))
	}
	for i, info := range got {
		x.compareChild(what, info, want[i])
	}
}

func (x *duel) compareChild(what string, got sup.ChildInfo, c *supmodel.Child) {
	at := func(d time.Duration, is bool) time.Time {
		if !is {
			return time.Time{}
		}
		return x.r.began.Add(d)
	}
	want := sup.ChildInfo{
		Name: c.Spec.Name, Kind: "worker", Restart: c.Spec.Restart.String(),
		Significant: c.Spec.Significant, State: string(c.State),
		Incarnation: uint64(c.Incarnation), Restarts: uint64(c.Restarts),
		ReadySince: at(c.ReadyAt, c.IsReady()), LastFailureAt: at(c.LastAt, c.Blamed),
		Note: got.Note, LastFailure: got.LastFailure, NextRestart: got.NextRestart,
	}
	want.InBurst, want.BurstLeft = x.m.Used(c.Stamps, c.Spec.Budget.Burst)
	want.InSustained, want.SustainedLeft = x.m.Used(c.Stamps, c.Spec.Budget.Sustained)
	if c.Returned() { // its task is over
		want.Detail = got.Detail
	} else if c.Live() {
		want.Detail = "life of " + c.Spec.Name
	}
	if !same(got, want) {
		x.Fatalf("%s: S3, S6: %s is\n%+v, want\n%+v", what, c.Spec.Name, plain(got), plain(want))
	}
	if c.State == supmodel.Backoff {
		x.adopt(what, got, c)
	}
}

// plain is printed field by field.
type plain sup.ChildInfo

// same compares two descriptions, with times that have lost the monotonic clock.
func same(a, b sup.ChildInfo) bool {
	if !a.ReadySince.Equal(b.ReadySince) || !a.LastFailureAt.Equal(b.LastFailureAt) {
		return false
	}
	a.ReadySince, a.LastFailureAt, a.NextRestart = b.ReadySince, b.LastFailureAt, b.NextRestart
	return a == b
}

// adopt checks a delay against its bounds and goes on with it.
func (x *duel) adopt(what string, got sup.ChildInfo, c *supmodel.Child) {
	at := got.NextRestart.Sub(x.r.began)
	if at < c.DueFrom || at > c.DueTo {
		x.Fatalf("%s: the next restart of %s is at %v, want %v to %v",
			what, c.Spec.Name, at, c.DueFrom, c.DueTo)
	}
	c.DueFrom, c.DueTo = at, at
}
