package model_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// real is the program run for real. The controller, the goroutine of the test,
// makes a step and waits until all have come to rest; so what it reads then
// needs no lock. What runs within a step takes mu.
type actual struct {
	root    context.Context
	cancel  context.CancelCauseFunc
	release chan struct{} // closed when the test is over: all return

	mu      sync.Mutex
	scopes  map[string]*scope.Scope
	results map[string]error // of lexical scopes
	workers map[string]*worker
	handled map[string]int // failures, by the name of the task
	refused map[string]int
	ran     map[string][]string // deferred functions by scope
	faults  []string            // what a callback found wrong
	calls   map[*model.Waiter]*call
	derived map[*model.Derived]*derivation
	late    map[string][]string // who was named when the grace of a scope was over

	sightings map[string]*sighting // by the name of the task or scope
	events    int
}

// A worker is the real side of a model.Worker.
type worker struct {
	name     string
	onCancel model.End
	climbs   bool
	r        *actual
	commands chan command

	task    *scope.Task
	future  *scope.Future[string]
	ready   func()
	refusal error // of TryGo and Start

	calls, running atomic.Int32
}

// A command is a step that a worker makes. With stop its function ends, with an
// error that carries below.
type command func(ctx context.Context) (stop bool, how model.End, below error)

// A call is the real side of a model.Waiter.
type call struct {
	over     bool
	err      error
	returned bool // of Do: neither panicked nor exited
	panicked any
}

func newReal() *actual {
	r := &actual{
		release: make(chan struct{}),
		scopes:  map[string]*scope.Scope{}, results: map[string]error{},
		workers: map[string]*worker{}, handled: map[string]int{}, refused: map[string]int{},
		ran: map[string][]string{}, calls: map[*model.Waiter]*call{},
		derived: map[*model.Derived]*derivation{}, late: map[string][]string{},
		sightings: map[string]*sighting{},
	}
	r.root, r.cancel = context.WithCancelCause(context.Background())
	return r
}

// fence orders what the controller has read before what a goroutine, which was
// asleep meanwhile, writes next. The scope, as it promises, orders nothing.
func (r *actual) fence() {
	r.mu.Lock()
	defer r.mu.Unlock()
}

func (r *actual) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *actual) worker(w *model.Worker) *worker {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := &worker{
		name: w.Name, onCancel: w.OnCancel, climbs: w.Climbs, r: r,
		commands: make(chan command),
	}
	r.workers[w.Name] = x
	return x
}

func (r *actual) find(name string) *worker {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.workers[name]
}

// loop is the function of a task, or of a body.
func (w *worker) loop(ctx context.Context) error {
	w.calls.Add(1)
	scope.Describe(ctx, func() any { // S9: called without a lock
		_ = scope.From(ctx).Info()
		return "doing " + w.name
	})
	w.running.Add(1)
	defer w.running.Add(-1)
	for {
		var cancelled <-chan struct{}
		if w.onCancel != model.Ignore {
			cancelled = ctx.Done()
		}
		select {
		case command := <-w.commands:
			if stop, how, below := command(ctx); stop {
				return w.end(ctx, how, below)
			}
		case <-cancelled:
			return w.end(ctx, w.onCancel, nil)
		case <-w.r.release:
			return nil
		}
	}
}

func (w *worker) end(ctx context.Context, how model.End, below error) error {
	b := &boom{name: w.name, below: below}
	switch how { //nolint:exhaustive // the rest needs nothing
	case model.Error:
		return b
	case model.Fatal:
		return scope.Fatal(b)
	case model.Panic:
		panic(b)
	case model.Goexit:
		runtime.Goexit()
	case model.Echo:
		if ctx.Err() != nil && len(w.name)%2 == 0 {
			return fmt.Errorf("giving up: %w", context.Cause(ctx))
		}
		return ctx.Err()
	}
	return nil
}

// options are those of a model.Scope.
func (r *actual) options(s *model.Scope) []scope.Option {
	opts := []scope.Option{scope.Name(s.Name), scope.OnFailure(r.handler(s.Does))}
	if s.Limit > 0 {
		opts = append(opts, scope.Limit(s.Limit))
	}
	if s.Keep > 0 {
		opts = append(opts, scope.KeepErrors(s.Keep))
	}
	if s.Grace > 0 {
		opts = append(opts, scope.Grace(ticks(s.Grace)))
	}
	if s.Contain {
		opts = append(opts, scope.Contain())
	}
	if s.Observed {
		opts = append(opts, scope.Observe(r.observer(s.Name)))
	}
	return opts
}

func timeout(s *model.Scope, now int) []scope.Option {
	d := ticks(s.Deadline - now)
	switch {
	case s.Deadline == 0:
		return nil
	case s.MoveOn:
		return []scope.Option{scope.MoveOnAfter(d)}
	default:
		return []scope.Option{scope.Timeout(d)}
	}
}

// open opens s below ctx.
func (r *actual) open(ctx context.Context, s *model.Scope, now int) {
	open := scope.OpenSupervised
	if s.FailFast {
		open = scope.Open
	}
	actual := open(ctx, append(r.options(s), timeout(s, now)...)...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scopes[s.Name] = actual
}

// enter runs the lexical scope s, with its body as a loop of its own. It reports
// a failure that came out of it.
func (r *actual) enter(ctx context.Context, s *model.Scope, body *worker, now int) (failed error) {
	run := scope.Supervise
	if s.FailFast {
		run = scope.Run
	}
	err := run(ctx, func(ctx context.Context, sc *scope.Scope) error {
		r.mu.Lock()
		r.scopes[s.Name] = sc
		r.mu.Unlock()
		return body.loop(ctx)
	}, append(r.options(s), timeout(s, now)...)...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[s.Name] = err
	if climbs(err, r.scopes[s.Name].Info().ID, body.name) {
		return err
	}
	return nil
}

// climbs reports whether a failure of the scope with this ID and body, and not
// just a cancellation, is in err.
func climbs(err error, id, body string) bool {
	switch e := err.(type) {
	case nil:
		return false
	case *scope.Failure:
		return strings.HasPrefix(e.Task.ID, id+".") && e.Task.State != "refused"
	case *boom:
		return e.name == body
	case interface{ Unwrap() error }:
		return climbs(e.Unwrap(), id, body)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), func(sub error) bool {
			return climbs(sub, id, body)
		})
	}
	return false
}

// handler takes note of failures and then does what it is for.
func (r *actual) handler(does model.Action) scope.Handler {
	return func(ctx context.Context, f *scope.Failure) {
		name := f.Task.Name
		if late, ok := f.Err.(*scope.StragglersError); ok {
			r.noteLate(late)
			return
		}
		switch {
		case f.Task.State == "refused":
			r.mu.Lock()
			r.refused[name]++
			r.mu.Unlock()
			return
		case !isOwn(f):
			return
		}
		r.mu.Lock()
		r.handled[name]++
		if s := r.sightings[name]; s != nil && f.Task.Kind != "async" {
			s.toldAt = r.events
		}
		r.mu.Unlock()
		if ctx.Err() != nil {
			r.fault("the handler of %s has a context that is done", name)
		}
		if f.Task.Kind != "async" {
			r.act(ctx, does, name)
		}
	}
}

// noteLate takes note of who was left when a grace was over.
func (r *actual) noteLate(e *scope.StragglersError) {
	var names []string
	for _, s := range e.Tasks {
		if s.Task.Name != "report failures" { // of another scope, whose grace is over, too
			names = append(names, s.Task.Name)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.late[e.Scope] != nil {
		r.faults = append(r.faults, "two reports of the grace of "+e.Scope)
	}
	r.late[e.Scope] = names
}

func (r *actual) act(ctx context.Context, does model.Action, name string) {
	s := scope.From(ctx)
	if s.Info().State == "ended" {
		return // a panic or Goexit of the body took the place of this result
	}
	switch does { //nolint:exhaustive // the rest needs nothing
	case model.Crash:
		panic("the handler of " + name)
	case model.Exit:
		runtime.Goexit()
	case model.CancelScope:
		s.Cancel(&boom{name: "handler of " + s.Info().Name})
	case model.ShutdownInside:
		if err := s.Shutdown(ctx); !errors.Is(err, scope.ErrSelfWait) {
			r.fault("Shutdown in the handler of %s = %v, want ErrSelfWait", name, err)
		}
	case model.Respawn:
		w := r.worker(&model.Worker{Name: name + "'", OnCancel: model.Echo})
		task, err := s.TryGo(w.name, w.loop)
		w.task, w.refusal = task, err
	}
}
