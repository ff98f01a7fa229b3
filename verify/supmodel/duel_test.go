package supmodel_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	sup "github.com/supervisorscope/scope/supervisor"
	"github.com/supervisorscope/scope/verify/supmodel"
)

// A duel makes each step twice, in the model and for real.
type duel struct {
	*rapid.T
	m         *supmodel.World
	r         *actual
	calls     map[*supmodel.Call]*call
	template  *supmodel.Child   // of a pool
	initial   []*supmodel.Child // as given to New
	start     starter           // Run, in the form of Start
	durations int
}

// A call is the real side of a supmodel.Call.
type call struct {
	over bool
	err  error
}

const names = "abcdef"

var errParent = errors.New("parent")

// run makes the steps of a program, in a bubble, and compares after each.
func run(t *rapid.T, p program, pool bool) {
	x := &duel{T: t, calls: map[*supmodel.Call]*call{}}
	x.begin(p, pool)
	defer x.finish()
	x.settle("the start")
	for i, o := range p.Steps {
		if x.m.Tie {
			return
		}
		x.step(o)
		x.settle(fmt.Sprintf("step %d, %v", i, o))
		if x.m.Phase == supmodel.Over && !x.m.Tie {
			x.again(o.D%5 == 4)
		}
	}
	if !x.m.Tie {
		x.wrapUp()
	}
}

// begin makes the supervisor and runs it.
func (x *duel) begin(p program, pool bool) {
	x.m = supmodel.New(options(p.Setup), pool)
	x.r = &actual{
		release: make(chan struct{}), yields: p.Yields,
		lives: map[string]*life{}, plans: map[string][]supmodel.Plan{},
		told: map[string]int{}, stuck: map[string]int{}, parked: map[string]int{},
	}
	build := x.makeSupervisor
	if pool {
		build = x.makePool
	}
	x.start = build(p)
	x.launch(false)
}

// launch calls Run.
func (x *duel) launch(stopped bool) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if stopped {
		cancel(errParent)
	}
	runs := make(chan struct{})
	x.r.cancel, x.r.began, x.r.ready, x.r.runs = cancel, time.Now(), false, runs
	clear(x.r.told)
	clear(x.r.stuck)
	clear(x.r.parked)
	go func() {
		defer close(runs)
		x.r.result = x.start(ctx, func() { x.r.ready = true })
	}()
}

// again counts what was told, and calls Run once more. With stopped its context is
// done already: then nothing is started (L5).
func (x *duel) again(stopped bool) {
	x.compareTold()
	old := x.m
	var children []*supmodel.Child
	for _, c := range x.initial {
		children = append(children, &supmodel.Child{Spec: c.Spec, Slow: c.Slow})
	}
	x.m = supmodel.New(old.Opts, old.Pool, children...)
	x.m.Plans = old.Plans
	if stopped {
		x.m.Cancel()
	}
	x.launch(stopped)
	x.settle("the next start")
}

type starter func(ctx context.Context, ready func()) error

func (x *duel) makeSupervisor(p program) starter {
	var children []*supmodel.Child
	var specs []sup.Spec
	for i, o := range p.Children {
		c := x.child(names[i:i+1], o)
		children, specs = append(children, c), append(specs, x.r.spec(c))
	}
	opts := x.m.Opts
	x.initial = children
	x.m = supmodel.New(opts, false, children...)
	for i, o := range p.Plans {
		x.addPlan(children[i%len(children)].Spec.Name, x.plan(o))
	}
	opts.Name, opts.OnFailure = "top", x.r.handler
	s, err := sup.New(specs, opts)
	if err != nil {
		x.Fatalf("New() = %v", err)
	}
	x.r.s = s
	return s.Start
}

func (x *duel) makePool(p program) starter {
	x.template = x.child("", p.Children[0])
	opts := x.m.Opts
	opts.Name, opts.OnFailure, opts.Strategy = "top", x.r.handler, sup.OneForOne
	spec := x.template.Spec
	spec.Classify = x.r.classify
	pool, err := sup.NewPool(spec, opts)
	if err != nil {
		x.Fatalf("NewPool() = %v", err)
	}
	x.r.p = pool
	return pool.Start
}

func (x *duel) addPlan(name string, p supmodel.Plan) {
	x.m.Plans[name] = append(x.m.Plans[name], p)
	x.r.mu.Lock()
	defer x.r.mu.Unlock()
	x.r.plans[name] = append(x.r.plans[name], p)
}

// finish lets everything go, so that the bubble ends whatever was found.
func (x *duel) finish() {
	close(x.r.release)
	x.r.cancel(nil)
}

func (x *duel) settle(what string) {
	x.m.Settle()
	synctest.Wait()
	if !x.m.Tie {
		x.compare(what)
	}
}

func (x *duel) step(o op) {
	name := names[o.A%len(names):][:1]
	switch o.Do { //nolint:exhaustive // the rest needs nothing
	case finish, finishToo:
		if c := pick(o.A, x.live()...); c != nil {
			x.end(c, x.ending(o.B))
		}
	case storm:
		x.storm(o)
	case advance, advanceToo:
		x.advance(o)
	case plan, planToo:
		x.addPlan(name, x.plan(op{A: o.B, B: o.C, C: o.D, D: o.A}))
	case ready:
		slow := slices.DeleteFunc(x.live(), func(c *supmodel.Child) bool {
			return !c.Slow || c.Returned()
		})
		if c := pick(o.A, slow...); c != nil {
			x.m.Ready(c)
			x.tell(c, func(_ context.Context, ready func()) (bool, supmodel.End) {
				ready()
				return false, supmodel.End{}
			})
		}
	case add:
		x.add(name, o)
	case remove:
		x.call(&supmodel.Call{Verb: supmodel.Remove, Name: name}, o.B)
	case terminate:
		if x.m.Pool { // has no such call
			x.add(name, o)
			return
		}
		x.call(&supmodel.Call{Verb: supmodel.Terminate, Name: name}, o.B)
	case restart:
		x.call(&supmodel.Call{Verb: supmodel.Restart, Name: name}, o.B)
	case endInside:
		x.endInside(o)
	case addInside:
		x.addInside(name, o)
	case cancelAll:
		if o.B%4 == 0 || x.m.Phase == supmodel.Stops {
			x.m.Cancel()
			x.r.cancel(errParent)
		}
	}
}

// live returns the children that have an incarnation, in a fixed order.
func (x *duel) live() []*supmodel.Child {
	all := slices.DeleteFunc(slices.Clone(x.m.Children), func(c *supmodel.Child) bool {
		return !c.Live()
	})
	slices.SortFunc(all, func(a, b *supmodel.Child) int {
		return int(a.Spec.Name[0]) - int(b.Spec.Name[0])
	})
	return all
}

// tell has the live incarnation of c do something.
func (x *duel) tell(
	c *supmodel.Child, f func(ctx context.Context, ready func()) (bool, supmodel.End),
) {
	me := x.r.life(c.Spec.Name)
	if me == nil {
		x.Fatalf("%s has no incarnation", c.Spec.Name)
	}
	me.commands <- f
}

func (x *duel) end(c *supmodel.Child, how supmodel.End) {
	x.m.End(c, how)
	x.tell(c, func(context.Context, func()) (bool, supmodel.End) { return true, how })
}

// storm has a child fail again and again, as long as it is restarted at once:
// such failures are summed up.
func (x *duel) storm(o op) {
	c := pick(o.A, x.live()...)
	for n := o.B % 20; n > 0 && c != nil && c.IsReady() && !x.m.Tie; n-- {
		x.end(c, supmodel.End{Kind: supmodel.Error})
		x.settle(fmt.Sprintf("%v, %d to go", o, n))
		c = x.m.Find(c.Spec.Name)
	}
}

// advance lets time pass: some seconds, or until something is due. It stops at
// each thing that happens on the way.
func (x *duel) advance(o op) {
	end := x.m.Now + time.Duration(1+o.A%12)*time.Second
	if o.B%2 == 1 {
		end = x.m.Next(x.m.Now + time.Minute)
	}
	for x.m.Now < end && !x.m.Tie {
		next := x.m.Next(end)
		time.Sleep(next - x.m.Now)
		x.m.Pass(next)
		x.settle(fmt.Sprintf("%v at %v", o, next))
	}
}

func (x *duel) add(name string, o op) { x.call(x.newChild(name, o), o.B) }

// newChild describes a call of Add.
func (x *duel) newChild(name string, o op) *supmodel.Call {
	c := &supmodel.Call{Verb: supmodel.Add, Name: name}
	if x.template == nil {
		c.New = x.child(name, op{A: o.C, B: o.D, C: o.B, D: o.C / 3})
	} else {
		one := *x.template
		one.Spec.Name, one.Slow = name, o.C%3 == 0
		c.New = &one
		if o.C%3 == 1 {
			c.Verb = supmodel.TryAdd
		}
	}
	return c
}

// call makes a call from outside, with a time limit or without.
func (x *duel) call(c *supmodel.Call, n int) {
	ctx := context.Background()
	if n%4 == 0 {
		limit := x.duration(1 + n/4%8)
		c.Deadline = x.m.Now + limit
		timed, cancel := context.WithTimeout(ctx, limit)
		x.Cleanup(cancel)
		ctx = timed
	}
	x.m.Call(c)
	r := &call{}
	x.calls[c] = r
	go func() {
		err := x.r.call(ctx, c)
		x.r.mu.Lock()
		defer x.r.mu.Unlock()
		r.over, r.err = true, err
	}()
}

// endInside has a child end itself by a call, which then cannot wait.
func (x *duel) endInside(o op) {
	c := pick(o.A, x.live()...)
	if c == nil || c.Returned() {
		return
	}
	verb := pick(o.B, supmodel.Terminate, supmodel.Remove)
	if x.template != nil {
		verb = supmodel.Remove
	}
	x.inside(c, &supmodel.Call{Verb: verb, Name: c.Spec.Name})
}

// addInside has a child add another before it is ready itself, which then cannot
// wait.
func (x *duel) addInside(name string, o op) {
	c := pick(o.B, x.live()...)
	plans := x.m.Plans[name]
	full := x.m.Opts.Limit > 0 && len(x.m.Children) >= x.m.Opts.Limit
	if c == nil || c.State != supmodel.Starting || c.Returned() ||
		len(plans) > 0 && plans[0].Fails || x.m.Pool && full {
		return
	}
	x.inside(c, x.newChild(name, o))
}

// inside has c make a call that is answered at once.
func (x *duel) inside(c *supmodel.Child, made *supmodel.Call) {
	made.Inside = true
	r := &call{over: true}
	x.calls[made] = r
	x.m.Call(made)
	x.tell(c, func(ctx context.Context, _ func()) (bool, supmodel.End) {
		err := x.r.call(ctx, made)
		x.r.mu.Lock()
		defer x.r.mu.Unlock()
		r.err = err
		return false, supmodel.End{}
	})
}

// wrapUp stops the supervisor, ends what does not obey, and counts once more.
func (x *duel) wrapUp() {
	x.m.Cancel()
	x.r.cancel(errParent)
	x.settle("the stop")
	for c := pick(0, x.live()...); c != nil; c = pick(0, x.live()...) {
		x.end(c, supmodel.End{})
		x.settle("the end of " + c.Spec.Name)
	}
	x.compareTold()
	if left := slices.Collect(maps.Keys(x.r.lives)); len(left) > 0 {
		x.Fatalf("S1: left after the end: %v", left)
	}
}
