package supmodel_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
	sup "github.com/supervisorscope/scope/supervisor"
	"github.com/supervisorscope/scope/verify/supmodel"
)

// An actual is the program run for real. The goroutine of the test makes a step
// and waits until all have come to rest. What children and callbacks touch, mu
// guards.
type actual struct {
	s      *sup.Supervisor // nil for a pool
	p      *sup.Pool
	began  time.Time
	cancel context.CancelCauseFunc
	runs   chan struct{} // closed when Run has returned
	result error
	ready  bool

	release chan struct{} // closed when the test is over: all return
	yields  int           // before the first line of a child that is ready at once

	mu     sync.Mutex
	lives  map[string]*life
	log    []string
	plans  map[string][]supmodel.Plan
	told   map[string]int // failures that the handler was told of, by child
	stuck  map[string]int
	parked map[string]int
	faults []string
}

// A life is one incarnation.
type life struct {
	name     string
	plan     supmodel.Plan
	commands chan func(ctx context.Context, ready func()) (stop bool, how supmodel.End)
	returned chan struct{} // closed when the function has
}

// A boom is the failure of a child. It carries what the classifier answers.
type boom struct {
	child  string
	action sup.Action
	ignore bool
}

func (b *boom) Error() string { return "boom " + b.child }

func (b *boom) Is(target error) bool { return b.ignore && target == sup.ErrIgnore }

func (r *actual) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// enter begins an incarnation. S2: there is no other of the same child.
func (r *actual) enter(sign, name string) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lives[name] != nil {
		r.faults = append(r.faults, "two incarnations of "+name)
	}
	me := &life{
		name: name, returned: make(chan struct{}),
		commands: make(chan func(context.Context, func()) (bool, supmodel.End)),
	}
	if plans := r.plans[name]; len(plans) > 0 {
		me.plan, r.plans[name] = plans[0], plans[1:]
	}
	r.lives[name] = me
	r.log = append(r.log, sign+name)
	return me
}

// leave is the return of a child's function, which may leave something running.
func (r *actual) leave(me *life) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, "-"+me.name)
	close(me.returned)
	if !me.plan.Leaves {
		r.over(me)
	}
}

// remain is a task of the child's own, which ends some time after the child's
// function has returned.
func (r *actual) remain(me *life) error {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.over(me)
	}()
	<-me.returned
	var ends <-chan time.Time
	if me.plan.Left != supmodel.WhenTold {
		ends = time.After(me.plan.LeftIn)
	}
	select {
	case <-me.commands:
	case <-ends:
	case <-r.release:
	}
	return nil
}

func (r *actual) over(me *life) {
	if r.lives[me.name] == me {
		delete(r.lives, me.name)
	}
}

// prepare is what every child does first.
func (r *actual) prepare(ctx context.Context, me *life) {
	scope.Describe(ctx, func() any { return "life of " + me.name })
	if me.plan.Leaves {
		r.leaveBehind(scope.From(ctx), me)
	}
}

// leaveBehind has something go on after the child's function. A child that is ready
// at once may be asked to end, because a later one fails, before the first line of
// its function. Then its scope takes no tasks any more, but a clean-up it does.
func (r *actual) leaveBehind(s *scope.Scope, me *life) {
	remain := func(context.Context) error { return r.remain(me) }
	if _, err := s.TryGo("left", remain); err != nil {
		s.Defer("left", remain)
	}
}

func (r *actual) life(name string) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lives[name]
}

// start is the function of a child that says when it is ready.
func (r *actual) start(name string) func(ctx context.Context, ready func()) error {
	return func(ctx context.Context, ready func()) error {
		me := r.enter("+", name)
		defer r.leave(me)
		r.prepare(ctx, me)
		var isReady <-chan time.Time
		switch {
		case me.plan.Fails:
			return me.end(ctx, me.plan.End)
		case me.plan.Ready == supmodel.AtOnce:
			ready()
		case me.plan.Ready == supmodel.Later:
			isReady = time.After(me.plan.ReadyIn)
		}
		return r.live(ctx, me, ready, isReady)
	}
}

// run is the function of a child that is ready at once.
func (r *actual) run(name string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		r.dawdle(ctx)
		me := r.enter("~", name)
		defer r.leave(me)
		r.prepare(ctx, me)
		return r.live(ctx, me, func() {}, nil)
	}
}

// dawdle lets others go first: the supervisor has the child for ready, and goes on,
// before its function has done anything.
func (r *actual) dawdle(ctx context.Context) {
	for n := r.yields; n > 0 && ctx.Err() == nil; n-- {
		runtime.Gosched()
	}
}

// live does what it is told, until it is told to end or obeys.
func (r *actual) live(
	ctx context.Context, me *life, ready func(), isReady <-chan time.Time,
) error {
	asked := ctx.Done()
	var obeys <-chan time.Time
	for {
		select {
		case command := <-me.commands:
			if stop, how := command(ctx, ready); stop {
				return me.end(ctx, how)
			}
		case <-isReady:
			ready()
		case <-asked:
			switch me.plan.Obeys {
			case supmodel.AtOnce:
				return me.end(ctx, me.plan.Last)
			case supmodel.Later:
				obeys = time.After(me.plan.ObeysIn)
			case supmodel.WhenTold:
			}
			asked = nil
		case <-obeys:
			return me.end(ctx, me.plan.Last)
		case <-r.release:
			return nil
		}
	}
}

func (me *life) end(ctx context.Context, how supmodel.End) error {
	b := &boom{child: me.name, action: how.Action}
	switch how.Kind {
	case supmodel.OK:
		return nil
	case supmodel.Error:
		return b
	case supmodel.Panic:
		panic(b)
	case supmodel.Goexit:
		runtime.Goexit()
	case supmodel.Fatal:
		return scope.Fatal(b)
	case supmodel.Decline:
		b.ignore = true
		return b
	case supmodel.Echo:
	}
	if len(me.name)%2 == 0 {
		return context.Cause(ctx)
	}
	return ctx.Err()
}

// classify is the classifier of every child. S9: it may call the supervisor.
func (r *actual) classify(err error) sup.Action {
	_ = r.children()
	if b, ok := errors.AsType[*boom](err); ok {
		return b.action
	}
	return sup.ByType
}

// handler takes note of failures. S9: it may call the supervisor.
func (r *actual) handler(ctx context.Context, f *scope.Failure) {
	_ = r.children()
	if ctx.Err() != nil {
		r.fault("the handler of %v has a context that is done", f)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if late, ok := f.Err.(*sup.StuckError); ok {
		r.stuck[late.Child]++
		return
	}
	if exceeded, ok := f.Err.(*sup.IntensityError); ok {
		r.parked[exceeded.Child]++
		return
	}
	n := 1
	if many, ok := f.Err.(*sup.RepeatedError); ok {
		n = int(many.New)
	}
	r.told[r.teller(f)] += n
}

// teller returns which child a failure is of: the child's task is above that of
// its incarnation. What many children of a pool say in one goes to nobody.
func (r *actual) teller(f *scope.Failure) string {
	if r.p != nil {
		return ""
	}
	parts := strings.Split(f.Task.Path, "/")
	return parts[1]
}

func (r *actual) children() []sup.ChildInfo {
	if r.p != nil {
		return r.p.Children()
	}
	return r.s.Children()
}

func (r *actual) info() sup.Info {
	if r.p != nil {
		return r.p.Info()
	}
	return r.s.Info()
}

// call makes a call by hand.
func (r *actual) call(ctx context.Context, c *supmodel.Call) error {
	name := c.Name
	switch {
	case c.Verb == supmodel.Terminate:
		return r.s.Terminate(ctx, name)
	case c.Verb == supmodel.Remove && r.p != nil:
		return r.p.Remove(ctx, name)
	case c.Verb == supmodel.Remove:
		return r.s.Remove(ctx, name)
	case c.Verb == supmodel.Restart && r.p != nil:
		return r.p.Restart(ctx, name)
	case c.Verb == supmodel.Restart:
		return r.s.Restart(ctx, name)
	case r.s != nil:
		return r.s.Add(ctx, r.spec(c.New))
	case c.Verb == supmodel.TryAdd:
		return r.p.TryAdd(ctx, name, r.run(name))
	case c.New.Slow:
		return r.p.AddStart(ctx, name, r.start(name))
	default:
		return r.p.Add(ctx, name, r.run(name))
	}
}

// spec returns the spec of a child with its function.
func (r *actual) spec(c *supmodel.Child) sup.Spec {
	spec := c.Spec
	spec.Classify = r.classify
	if c.Slow {
		spec.Start = r.start(spec.Name)
	} else {
		spec.Run = r.run(spec.Name)
	}
	return spec
}

// answer tells what a call has returned.
func answer(err error) supmodel.Answer {
	_, failed := errors.AsType[*sup.ChildError](err)
	switch {
	case err == nil:
		return supmodel.Done
	case err == scope.ErrSelfWait:
		return supmodel.SelfWait
	case err == scope.ErrLimit:
		return supmodel.Limited
	case errors.Is(err, sup.ErrNotFound):
		return supmodel.NotFound
	case errors.Is(err, sup.ErrAlreadyPresent):
		return supmodel.Present
	case errors.Is(err, sup.ErrNotRunning):
		return supmodel.NotRunning
	case errors.Is(err, sup.ErrRunning):
		return supmodel.Running
	case errors.Is(err, sup.ErrRestarting):
		return supmodel.Restarting
	case errors.Is(err, sup.ErrIgnore):
		return supmodel.Declined
	case failed:
		return supmodel.Failed
	case errors.Is(err, context.DeadlineExceeded):
		return supmodel.OutOfTime
	case strings.Contains(err.Error(), "stopped by hand"):
		return supmodel.ByHand
	default:
		return supmodel.Answer(err.Error())
	}
}
