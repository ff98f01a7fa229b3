package supmodel_test

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	sup "github.com/supervisorscope/scope/supervisor"
	"github.com/supervisorscope/scope/verify/supmodel"
)

// An op is one step of a program. What A, B, C and D choose depends on the step;
// each is taken modulo what there is to choose from, so every program makes
// sense and stays sensible when rapid cuts pieces out of it.
type op struct {
	Do         verb
	A, B, C, D int
}

type verb int

const (
	finish verb = iota
	finishToo
	storm
	advance
	advanceToo
	plan
	planToo
	ready
	add
	remove
	terminate
	restart
	endInside
	addInside
	cancelAll
	verbs
)

var verbNames = [...]string{
	"finish", "finish", "storm", "advance", "advance", "plan", "plan", "ready", "add", "remove",
	"terminate", "restart", "endInside", "addInside", "cancelAll",
}

func (o op) String() string {
	return fmt.Sprintf("%s(%d,%d,%d,%d)", verbNames[o.Do], o.A, o.B, o.C, o.D)
}

// GoString keeps what rapid prints short.
func (o op) GoString() string { return o.String() }

// A program is a supervisor, its first children, and the steps.
type program struct {
	Setup    op // of the options
	Children []op
	Plans    []op // for their first incarnations, in turn
	Steps    []op
	Yields   int // of a child that is ready at once, before it does anything
}

func (p program) String() string {
	return fmt.Sprintf("setup %v, children %v, plans %v, steps %v, yields %d",
		p.Setup, p.Children, p.Plans, p.Steps, p.Yields)
}

const choices = 60 // divisible by most of what is chosen from

func genOp(last verb) *rapid.Generator[op] {
	return rapid.Custom(func(t *rapid.T) op {
		n := rapid.IntRange(0, choices-1)
		return op{
			Do: verb(rapid.IntRange(0, int(last)).Draw(t, "do")),
			A:  n.Draw(t, "a"), B: n.Draw(t, "b"), C: n.Draw(t, "c"), D: n.Draw(t, "d"),
		}
	})
}

func genProgram() *rapid.Generator[program] {
	// A slice has some six elements, whatever its longest: so a slice of slices.
	some := rapid.SliceOfN(genOp(verbs-1), 1, 10)
	return rapid.Custom(func(t *rapid.T) program {
		return program{
			Setup:    genOp(0).Draw(t, "setup"),
			Children: rapid.SliceOfN(genOp(0), 1, 4).Draw(t, "children"),
			Plans:    rapid.SliceOfN(genOp(0), 0, 8).Draw(t, "plans"),
			Steps:    slices.Concat(rapid.SliceOfN(some, 1, 20).Draw(t, "steps")...),
			Yields:   rapid.SampledFrom([]int{0, 0, 0, 30, 300}).Draw(t, "yields"),
		}
	})
}

// pick returns the one of all that n chooses, or the zero value.
func pick[T any](n int, all ...T) (one T) {
	if len(all) > 0 {
		one = all[n%len(all)]
	}
	return one
}

func options(o op) sup.Options {
	return sup.Options{
		Strategy: pick(o.A, sup.OneForOne, sup.OneForAll, sup.RestForOne),
		AutoShutdown: pick(o.B, sup.Never, sup.Never, sup.AnySignificant,
			sup.AllSignificant, sup.AllSignificant),
		Budget: pick(o.C, sup.Budget{}, sup.Budget{},
			sup.Budget{Burst: sup.Intensity{Restarts: 2, Period: 20 * time.Second}},
			sup.Budget{Burst: sup.Intensity{Restarts: 4, Period: 40 * time.Second}}),
		OnExceed: pick(o.C/4, sup.Escalate, sup.Park),
		Limit:    pick(o.D, 0, 4, 5),
		Total:    pick(o.D/3, sup.Infinity, 7*time.Second+137, 25*time.Second+11),
	}
}

// A pace is a backoff and a budget that go together.
type pace struct {
	backoff sup.Backoff
	budget  sup.Budget
}

func paces() []pace {
	off := sup.Backoff{Off: true, ResetAfter: time.Minute}
	in := func(n, seconds int) sup.Intensity {
		return sup.Intensity{Restarts: n, Period: time.Duration(seconds) * time.Second}
	}
	grows := func(base, factor, most, resetAfter float64) sup.Backoff {
		s := float64(time.Second)
		return sup.Backoff{
			Base: time.Duration(base * s), Factor: factor, Cap: time.Duration(most * s),
			ResetAfter: time.Duration(resetAfter * s),
		}
	}
	return []pace{
		{off, sup.Budget{Burst: in(3, 10)}},
		{off, sup.Budget{Unlimited: true}},
		{off, sup.Budget{Burst: in(1, 5), Sustained: in(3, 60)}},
		{off, sup.Budget{Burst: in(0, 5)}},
		{grows(2, 1, 2, 4), sup.Budget{Burst: in(3, 8)}},
		{grows(1, 2, 8, 6), sup.Budget{Burst: in(2, 1), Sustained: in(3, 30)}},
		{grows(1, 1.5, 4, 8), sup.Budget{Sustained: in(5, 20)}},
	}
}

// child describes a child without its function.
func (x *duel) child(name string, o op) *supmodel.Child {
	rhythm := pick(o.B, paces()...)
	c := &supmodel.Child{
		Slow: o.D%3 != 0,
		Spec: sup.Spec{
			Name:    name,
			Restart: pick(o.A, sup.Permanent, sup.Transient, sup.Temporary),
			Backoff: rhythm.backoff, Budget: rhythm.budget,
			OnExceed:     pick(o.C, sup.Escalate, sup.Park),
			StartTimeout: pick(o.D, x.duration(3), x.duration(6), sup.Infinity),
			Grace:        pick(o.C/2, x.duration(2), x.duration(5), sup.Infinity, sup.NoGrace),
		},
	}
	c.Spec.Significant = o.A/3%2 == 1 && c.Spec.Restart != sup.Permanent &&
		x.m.Opts.AutoShutdown != sup.Never
	return c
}

// plan draws what an incarnation does of itself.
func (x *duel) plan(o op) supmodel.Plan {
	return supmodel.Plan{
		Fails: o.A%5 == 4, End: x.ending(o.B),
		Ready:   pick(o.B, supmodel.AtOnce, supmodel.Later, supmodel.WhenTold),
		ReadyIn: x.duration(1 + o.A%7),
		Obeys: pick(o.C, supmodel.AtOnce, supmodel.Later, supmodel.WhenTold,
			supmodel.AtOnce, supmodel.Later),
		ObeysIn: x.duration(1 + o.C%8),
		Leaves:  o.D%5 == 4, Left: pick(o.B, supmodel.Later, supmodel.WhenTold),
		LeftIn: x.duration(1 + o.B%8),
		Last: pick(o.D, supmodel.End{Kind: supmodel.Echo}, supmodel.End{Kind: supmodel.Echo},
			supmodel.End{}, x.ending(o.D)),
	}
}

func (x *duel) ending(n int) supmodel.End {
	return supmodel.End{
		Kind: pick(n, supmodel.Error, supmodel.Error, supmodel.OK, supmodel.Panic,
			supmodel.Goexit, supmodel.Error, supmodel.OK, supmodel.Error, supmodel.Fatal,
			supmodel.Decline),
		Action: pick(n/10, sup.ByType, sup.ByType, sup.Restart, sup.Stop, sup.Park, sup.Escalate),
	}
}

// duration returns so many seconds and some odd nanoseconds that no other has:
// what is due at the same moment has no order.
func (x *duel) duration(seconds int) time.Duration {
	x.durations++
	odd := x.durations * 2654435761 % 99_999_989
	return time.Duration(seconds)*time.Second + time.Duration(odd)
}
