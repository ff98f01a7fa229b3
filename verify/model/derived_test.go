package model_test

import (
	"context"
	"sync/atomic"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// A derivation is the real side of a model.Derived.
type derivation struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	after  atomic.Int32 // calls of what was given to AfterFunc
}

type anyKey struct{}

// derive has a worker derive a context from its own, as any code does.
func (x *machine) derive(o op) {
	w := pick(x.free(), o.A)
	if w == nil {
		return
	}
	d := &model.Derived{Name: x.id("x"), Of: w, Detached: o.B%3 == 2}
	if o.B%3 == 1 {
		d.Deadline = x.deadline(o.C%12, 0)
	}
	x.m.Derive(d)
	limit := ticks(d.Deadline - x.m.Now)
	actual := &derivation{}
	x.r.derived[d] = actual
	x.by(w, func(ctx context.Context) {
		ctx = context.WithValue(ctx, anyKey{}, d)
		if d.Detached {
			actual.ctx, actual.cancel = context.WithoutCancel(ctx), func(error) {}
			return
		}
		release := func() {}
		if d.Deadline != 0 {
			ctx, release = context.WithTimeout(ctx, limit)
		}
		ctx, cancel := context.WithCancelCause(ctx)
		actual.ctx = ctx
		actual.cancel = func(err error) { cancel(err); release() }
		context.AfterFunc(ctx, func() { actual.after.Add(1) })
	})
}

func (x *machine) cancelDerived(o op) {
	d := pick(x.m.Derived, o.A)
	if d == nil {
		return
	}
	tag, cause := x.cause(o.B)
	x.m.CancelDerived(d, tag)
	x.r.derived[d].cancel(cause)
}

// derivedFrom returns the contexts that were derived from that of w.
func (x *machine) derivedFrom(w *model.Worker) (all []*model.Derived) {
	for _, d := range x.m.Derived {
		if d.Of == w {
			all = append(all, d)
		}
	}
	return all
}

// via returns the context that s is to be opened with.
func (r *actual) via(ctx context.Context, s *model.Scope) context.Context {
	if s.Via == nil {
		return ctx
	}
	return r.derived[s.Via].ctx
}

// compareDerived: S7 and L4, a derived context is done when its task's is, with
// its cause, or when it is cancelled itself; and what waits for that is called
// once.
func (x *machine) compareDerived(what string, d *model.Derived) {
	actual := x.r.derived[d]
	x.compareCause(what, d.Name+" of "+d.Of.Name, context.Cause(actual.ctx), d.Cause)
	want := int32(0)
	if d.Cause != nil {
		want = 1
	}
	if got := actual.after.Load(); got != want {
		x.Fatalf("%s: AfterFunc on %s was called %d times, want %d", what, d.Name, got, want)
	}
}

// do calls Do from outside, with a time limit or without.
func (x *machine) do(o op) {
	s := pick(x.m.Scopes, o.A)
	if s.Full() {
		return
	}
	w := &model.Worker{
		Name: x.id("t"), Kind: model.Do, Scope: s, OnCancel: onCancel(o.C), Climbs: o.D%2 == 0,
	}
	c := &model.Waiter{Verb: model.DoVerb, Scope: s, Worker: w}
	actual := x.r.worker(w)
	x.workers = append(x.workers, w)
	ctx := x.limited(c, o.D)
	x.m.Spawn(w, nil, true)
	x.m.Waiters = append(x.m.Waiters, c)
	r := &call{}
	x.r.calls[c] = r
	opened := x.r.scopes[s.Name]
	go func() {
		defer func() {
			v := recover()
			x.r.fence()
			r.panicked, r.over = v, true
		}()
		err := opened.Do(ctx, w.Name, func(ctx context.Context) error {
			task := scope.TaskFrom(ctx)
			x.r.fence()
			actual.task = task
			return actual.loop(ctx)
		})
		x.r.fence()
		r.err, r.returned = err, true
	}()
}

// compareDo: S5, the caller of Do, and nobody else, gets what its function did,
// as it is.
func (x *machine) compareDo(what string, c *model.Waiter, r *call) {
	w := c.Worker
	if !w.Returned { // refused
		if r.err == nil || !r.returned {
			x.Fatalf("%s: Do of %s = %v, want a refusal", what, w.Name, r.err)
		}
		return
	}
	value, _ := r.panicked.(*boom)
	_, wrapped := r.err.(*scope.Failure)
	got := tags(r.err)
	ok := r.panicked == nil && r.returned
	switch w.Outcome { //nolint:exhaustive // the rest needs nothing
	case model.OK:
		ok = ok && r.err == nil
	case model.Error, model.Fatal:
		ok = ok && !wrapped && len(got) == 1 && got[0] == w.Name
	case model.Panic:
		ok = value != nil && !r.returned // perhaps that of a body within
	case model.Goexit:
		ok = r.panicked == nil && !r.returned
	case model.Echo:
		ok = ok && r.err != nil
	}
	if !ok {
		x.Fatalf("%s: Do of %s, which ends by %v: %+v", what, w.Name, w.Outcome, r)
	}
}
