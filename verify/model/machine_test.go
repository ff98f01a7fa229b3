package model_test

import (
	"context"
	"fmt"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// A machine makes each step twice, in the model and for real.
type machine struct {
	*rapid.T
	m       *model.World
	r       *actual
	workers []*model.Worker
	ids     int
	busy    map[int]bool // deadlines that are taken
	fetched map[string]bool
}

const maxScopes = 10

// run makes the steps of a program, in a bubble, and compares after each.
func run(t *rapid.T, program []op) {
	x := &machine{
		T: t, m: model.New(), r: newReal(), busy: map[int]bool{}, fetched: map[string]bool{},
	}
	defer x.finish()
	x.open(op{C: program[0].C}, false)
	x.settle("first scope")
	for i, o := range program {
		x.step(o)
		x.settle(fmt.Sprintf("step %d, %v", i, o))
	}
	x.wrapUp()
}

// finish lets everything go, so that the bubble ends whatever was found.
func (x *machine) finish() {
	close(x.r.release)
	x.r.cancel(nil)
	for _, d := range x.r.derived {
		d.cancel(nil)
	}
}

func (x *machine) settle(what string) {
	x.m.Settle()
	synctest.Wait()
	x.compare(what)
	x.r.fence()
}

func (x *machine) id(prefix string) string {
	x.ids++
	return fmt.Sprintf("%s%d", prefix, x.ids)
}

func (x *machine) step(o op) {
	switch o.Do { //nolint:exhaustive // the rest needs nothing
	case spawn, spawnToo:
		x.spawn(o)
	case finish, finishToo:
		if w := pick(x.free(), o.A); w != nil {
			x.end(w, [...]model.End{
				model.OK, model.Error, model.Panic, model.Goexit, model.Fatal, model.Echo,
			}[o.C%6])
		}
	case open:
		x.open(o, false)
	case enter:
		x.open(o, true)
	case cancelTask:
		x.cancelTask(o)
	case cancelScope:
		x.cancelScope(o)
	case drain:
		x.wait(model.Drain, o)
	case shutdown:
		x.wait(model.Shutdown, o)
	case wait:
		x.wait(model.Wait, o)
	case advance:
		d := 2 * (1 + o.A%7)
		x.m.Advance(d)
		time.Sleep(ticks(d))
	case ready:
		x.ready(o)
	case deferred:
		x.deferred(o)
	case waitInside:
		x.waitInside(o)
	case cancelRoot:
		if o.B%4 == 0 && x.m.Root == nil {
			x.m.CancelRoot("root")
			x.r.cancel(&boom{name: "root"})
		}
	case fetch:
		x.fetch(o)
	case doTask:
		x.do(o)
	case derive, deriveToo:
		x.derive(o)
	case cancelDerived:
		x.cancelDerived(o)
	}
}

// ticks converts the model's time.
func ticks(n int) time.Duration { return time.Duration(n) * time.Second / 2 }

// pick returns the one of all that n chooses, or the zero value.
func pick[T any](all []T, n int) (one T) {
	if len(all) > 0 {
		one = all[n%len(all)]
	}
	return one
}

func (x *machine) those(ok func(*model.Worker) bool) (found []*model.Worker) {
	for _, w := range x.workers {
		if ok(w) {
			found = append(found, w)
		}
	}
	return found
}

func (x *machine) free() []*model.Worker { return x.those((*model.Worker).Free) }

// tell has w make a step, on its own goroutine.
func (x *machine) tell(w *model.Worker, c command) { x.r.find(w.Name).commands <- c }

// by is tell, or a goroutine of its own for nobody.
func (x *machine) by(w *model.Worker, f func(ctx context.Context)) {
	if w == nil {
		go f(x.r.root)
		return
	}
	x.tell(w, func(ctx context.Context) (bool, model.End, error) {
		f(ctx)
		return false, 0, nil
	})
}

// caller chooses a free worker, or nil for somebody outside.
func (x *machine) caller(n int) *model.Worker {
	return pick(append([]*model.Worker{nil}, x.free()...), n)
}

func (x *machine) open(o op, lexical bool) {
	if len(x.m.Scopes) == maxScopes {
		return
	}
	s := &model.Scope{
		Name: x.id("s"), Lexical: lexical, FailFast: o.C%2 == 1, MoveOn: o.C%4 == 1,
		Does: model.Action(o.D % model.Actions), Parent: x.caller(o.A),
		Keep: pick([]int{0, 0, 1, 2}, o.C/2), Contain: o.D%4 == 3, Observed: o.B%3 == 0,
		Grace: pick([]int{0, 1, 3, 5}, o.D),
	}
	if s.Keep > 0 {
		// A refusal is kept, too, and takes the room of a failure, which then gets to
		// the handler: what that does would depend on it.
		s.Does = model.Note
	}
	if o.B%4 == 1 {
		s.Limit = 1 + o.B%3
	}
	if o.B%4 == 2 {
		s.Deadline = x.deadline(o.C%12, 1)
	}
	if s.Parent != nil && o.A%3 != 0 {
		s.Via = pick(x.derivedFrom(s.Parent), o.B)
	}
	now := x.m.Now
	if !lexical {
		x.m.Open(s)
		x.by(s.Parent, func(ctx context.Context) { x.r.open(x.r.via(ctx, s), s, now) })
		return
	}
	s.Body = &model.Worker{Name: s.Name + ".body", OnCancel: onCancel(o.D / 6)}
	body := x.r.worker(s.Body)
	x.workers = append(x.workers, s.Body)
	x.m.Open(s)
	if s.Parent == nil {
		go func() {
			defer func() { _ = recover() }() // the body's, which goes on here
			_ = x.r.enter(x.r.root, s, body, now)
		}()
		return
	}
	climbs := s.Parent.Climbs
	x.tell(s.Parent, func(ctx context.Context) (bool, model.End, error) {
		err := x.r.enter(x.r.via(ctx, s), s, body, now)
		return err != nil && climbs, model.Error, err
	})
}

// deadline returns a time at least d seconds from now, odd or even, that nobody
// else has: which of two at once is first is nobody's promise. The half seconds
// are for the graces.
func (x *machine) deadline(d, parity int) int {
	at := x.m.Now + 2 + 2*d
	for at/2%2 != parity || x.busy[at] {
		at += 2
	}
	x.busy[at] = true
	return at
}

func onCancel(n int) model.End {
	return [...]model.End{
		model.Echo, model.Ignore, model.OK, model.Error, model.Panic, model.Goexit, model.Fatal,
		model.Ignore,
	}[n%8]
}

func (x *machine) spawn(o op) {
	s := pick(x.m.Scopes, o.A)
	w := &model.Worker{
		Name: x.id("t"), Kind: model.Kind(o.C % 4), Scope: s, OnCancel: onCancel(o.C / 4),
		Climbs: o.D%2 == 0,
	}
	by := x.caller(o.B)
	full := w.Kind != model.Daemon && s.Full()
	if w.Kind == model.Start && full || by != nil && full {
		w.Kind = model.Task
	}
	try := w.Kind == model.Task && (o.D%3 == 0 || by != nil && full)
	actual := x.r.worker(w)
	x.workers = append(x.workers, w)
	if w.Kind == model.Start {
		x.start(w, o.D)
		return
	}
	x.m.Spawn(w, by, try)
	x.by(by, func(context.Context) { actual.spawn(x.r.scopes[s.Name], w.Kind, try) })
}

func (w *worker) spawn(s *scope.Scope, kind model.Kind, try bool) {
	var task *scope.Task
	var future *scope.Future[string]
	var err error
	switch {
	case try:
		task, err = s.TryGo(w.name, w.loop)
	case kind == model.Daemon:
		task = s.Daemon(w.name, w.loop)
	case kind == model.Async:
		future = scope.Async(s, w.name, func(ctx context.Context) (string, error) {
			return w.name, w.loop(ctx)
		})
	default:
		task = s.Go(w.name, w.loop)
	}
	w.r.fence()
	w.task, w.future, w.refusal = task, future, err
}

// start calls Start from outside, with a time limit or without.
func (x *machine) start(w *model.Worker, n int) {
	c := &model.Waiter{Verb: model.StartVerb, Scope: w.Scope, Worker: w}
	x.m.Spawn(w, nil, true)
	x.m.Waiters = append(x.m.Waiters, c)
	ctx := x.limited(c, n)
	actual, s := x.r.find(w.Name), x.r.scopes[w.Scope.Name]
	x.call(c, func() error {
		task, err := s.Start(ctx, w.Name, func(ctx context.Context, ready func()) error {
			x.r.fence()
			actual.ready = ready
			return actual.loop(ctx)
		})
		x.r.fence()
		actual.task, actual.refusal = task, err
		return err
	})
}

// limited returns a context for the call c: without a limit, with one in the
// future, or with one that is over.
func (x *machine) limited(c *model.Waiter, n int) context.Context {
	ctx := context.Background()
	switch n % 4 {
	case 0, 1:
		return ctx
	case 2:
		c.Deadline = x.deadline(n/4%8, 0)
	case 3:
		c.Deadline, c.Hasty = x.m.Now, true
	}
	ctx, cancel := context.WithTimeout(ctx, ticks(c.Deadline-x.m.Now))
	x.Cleanup(cancel)
	return ctx
}

func (x *machine) call(c *model.Waiter, f func() error) {
	actual := &call{}
	x.r.calls[c] = actual
	go func() {
		err := f()
		x.r.fence()
		actual.err, actual.over = err, true
	}()
}

func (x *machine) end(w *model.Worker, how model.End) {
	x.m.Finish(w, how)
	x.tell(w, func(context.Context) (bool, model.End, error) { return true, how, nil })
}

func (x *machine) cancelTask(o op) {
	w := pick(x.those(func(w *model.Worker) bool {
		return w.Live && !w.Returned && w.Kind != model.Body
	}), o.A)
	if w == nil {
		return
	}
	task := x.task(w)
	if task == nil {
		return // Start has not given it away yet
	}
	tag, cause := x.cause(o.B)
	x.m.CancelWorker(w, tag)
	task.Cancel(cause)
}

// A handle is that of a task or a future.
type handle interface {
	Cancel(cause error)
	Err() error
	Info() scope.TaskInfo
}

// task returns the handle of w.
func (x *machine) task(w *model.Worker) handle {
	switch actual := x.r.find(w.Name); {
	case actual.future != nil:
		return actual.future
	case actual.task != nil:
		return actual.task
	default:
		return nil
	}
}

func (x *machine) cause(n int) (tag string, cause error) {
	if n%2 == 0 {
		return "", nil
	}
	tag = x.id("c")
	return tag, &boom{name: tag}
}

func (x *machine) cancelScope(o op) {
	s := pick(x.m.Scopes, o.A)
	tag, cause := x.cause(o.B)
	x.m.Cancel(s, tag)
	x.by(x.caller(o.C), func(context.Context) { x.r.scopes[s.Name].Cancel(cause) })
}

func (x *machine) wait(v model.Verb, o op) {
	c := &model.Waiter{Verb: v, Scope: pick(x.m.Scopes, o.A)}
	ctx := x.limited(c, o.B)
	x.m.Call(c, false)
	x.call(c, func() error { return do(ctx, v, x.r.scopes[c.Scope.Name]) })
}

func do(ctx context.Context, v model.Verb, s *scope.Scope) error {
	switch v { //nolint:exhaustive // the rest needs nothing
	case model.Drain:
		return s.Drain(ctx)
	case model.Shutdown:
		return s.Shutdown(ctx)
	default:
		return s.Wait(ctx)
	}
}

// waitInside has a task wait for a scope that waits for the task.
func (x *machine) waitInside(o op) {
	w := pick(x.those(func(w *model.Worker) bool {
		return w.Free() && w.Kind != model.Body
	}), o.A)
	var around []*model.Scope
	for t := w; t != nil; t = t.Scope.Parent {
		if t.Kind != model.Body {
			around = append(around, t.Scope)
		}
		if t.Scope.Via != nil && t.Scope.Via.Detached {
			break // what is around does not wait for it
		}
	}
	s := pick(around, o.B)
	if s == nil {
		return
	}
	v := model.Verb(o.C % 3)
	// Where nothing has to be waited for, only the context tells.
	byContext := o.D%2 == 1 || v == model.Wait && s.Phase == model.Open && s.Ordinary() == 0
	x.m.Call(&model.Waiter{Verb: v, Scope: s}, true)
	x.by(w, func(ctx context.Context) {
		if !byContext {
			ctx = context.Background() // then the goroutine tells
		}
		if err := do(ctx, v, x.r.scopes[s.Name]); err != scope.ErrSelfWait {
			x.r.fault("%v of %s in %s = %v, want ErrSelfWait", v, s.Name, w.Name, err)
		}
	})
}

func (x *machine) ready(o op) {
	w := pick(x.those(func(w *model.Worker) bool {
		return w.Free() && w.Kind == model.Start && !w.GaveUp
	}), o.A)
	if w == nil {
		return
	}
	w.Ready = true
	actual := x.r.find(w.Name)
	x.by(w, func(context.Context) { actual.ready() })
}

func (x *machine) deferred(o op) {
	s := pick(x.m.Scopes, o.A)
	if s.Phase == model.Ended {
		return
	}
	d := &model.Deferred{Name: x.id("d"), End: model.End(o.B % 2)}
	s.Defers = append(s.Defers, d)
	x.r.scopes[s.Name].Defer(d.Name, func(ctx context.Context) error {
		if ctx.Err() != nil {
			x.r.fault("deferred %s has a context that is done", d.Name)
		}
		x.r.mu.Lock()
		x.r.ran[s.Name] = append(x.r.ran[s.Name], d.Name)
		x.r.mu.Unlock()
		if d.End == model.Error {
			return &boom{name: d.Name}
		}
		return nil
	})
}

func (x *machine) fetch(o op) {
	w := pick(x.those(func(w *model.Worker) bool {
		return w.Kind == model.Async && !w.Queued() && x.r.find(w.Name).future != nil
	}), o.A)
	if w == nil {
		return
	}
	value, err := x.r.find(w.Name).future.Result()
	ok := w.Returned && !w.Live && w.Outcome == model.OK
	if want := w.Name; ok && (value != want || err != nil) {
		x.Fatalf("Result of %s = %q, %v; want %q, nil", w.Name, value, err, want)
	}
	if !w.Live {
		x.m.Fetch(w)
		x.fetched[w.Name] = true
	}
}
