package faults_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// patience is what a call from inside of a callback has. One that waits for what
// cannot end meanwhile, and is not told so by ErrSelfWait, takes all of it.
const patience = time.Minute

// A reentry is a callback that calls a method of its own scope.
type reentry struct {
	t       *testing.T
	s       *scope.Scope
	sibling *scope.Task
	future  *scope.Future[int]

	verb  func(ctx context.Context, r *reentry)
	begun atomic.Bool
	over  atomic.Bool
}

// act calls the method, the first time that it is called itself.
func (r *reentry) act(ctx context.Context) {
	if r.begun.Swap(true) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer func() {
		if v := recover(); v != nil { // Defer on a scope that has ended
			r.t.Logf("%v", v)
		}
		r.over.Store(true)
	}()
	if r.s == nil { // still being opened
		r.s = scope.Roots()[0]
	}
	r.verb(ctx, r)
}

// acts is act as a task's function.
func (r *reentry) acts(ctx context.Context) error {
	r.act(ctx)
	return nil
}

// verbs are the methods of Scope, Task and Future, and the functions that take a
// context.
func verbs() map[string]func(ctx context.Context, r *reentry) {
	bg := context.Background()
	nothing := func(context.Context) error { return nil }
	empty := func(context.Context, *scope.Scope) error { return nil }
	return map[string]func(ctx context.Context, r *reentry){
		"Scope.Go":     func(_ context.Context, r *reentry) { r.s.Go("", nothing) },
		"Scope.TryGo":  func(_ context.Context, r *reentry) { _, _ = r.s.TryGo("", nothing) },
		"Scope.Daemon": func(_ context.Context, r *reentry) { r.s.Daemon("", obeying) },
		"Scope.Start": func(ctx context.Context, r *reentry) {
			_, _ = r.s.Start(ctx, "", func(_ context.Context, ready func()) error {
				ready()
				return nil
			})
		},
		"Scope.Do":       func(ctx context.Context, r *reentry) { _ = r.s.Do(ctx, "", nothing) },
		"Scope.Defer":    func(_ context.Context, r *reentry) { r.s.Defer("", nothing) },
		"Scope.Cancel":   func(_ context.Context, r *reentry) { r.s.Cancel(nil) },
		"Scope.Drain":    func(ctx context.Context, r *reentry) { _ = r.s.Drain(ctx) },
		"Scope.Shutdown": func(ctx context.Context, r *reentry) { _ = r.s.Shutdown(ctx) },
		"Scope.Wait":     func(ctx context.Context, r *reentry) { _ = r.s.Wait(ctx) },
		"Scope.Done":     func(_ context.Context, r *reentry) { r.s.Done() },
		"Scope.Info":     func(_ context.Context, r *reentry) { r.s.Info() },
		"Scope.String":   func(_ context.Context, r *reentry) { _ = r.s.String() },
		"Scope.Tasks": func(_ context.Context, r *reentry) {
			for _, task := range r.s.Tasks() {
				task.Info()
			}
		},
		"Scope.Scopes":  func(_ context.Context, r *reentry) { r.s.Scopes() },
		"Task.Name":     ofTasks(func(_ context.Context, t *scope.Task) { t.Name() }),
		"Task.Done":     ofTasks(func(_ context.Context, t *scope.Task) { t.Done() }),
		"Task.Err":      ofTasks(func(_ context.Context, t *scope.Task) { _ = t.Err() }),
		"Task.Info":     ofTasks(func(_ context.Context, t *scope.Task) { t.Info() }),
		"Task.String":   ofTasks(func(_ context.Context, t *scope.Task) { _ = t.String() }),
		"Task.Scope":    ofTasks(func(_ context.Context, t *scope.Task) { t.Scope() }),
		"Task.Scopes":   ofTasks(func(_ context.Context, t *scope.Task) { t.Scopes() }),
		"Task.Cancel":   ofTasks(func(_ context.Context, t *scope.Task) { t.Cancel(nil) }),
		"Task.Wait":     ofTasks(func(ctx context.Context, t *scope.Task) { _ = t.Wait(ctx) }),
		"Future.Wait":   func(ctx context.Context, r *reentry) { _, _ = r.future.Wait(ctx) },
		"Future.Result": func(_ context.Context, r *reentry) { _, _ = r.future.Result() },
		"Async": func(ctx context.Context, r *reentry) {
			f := scope.Async(r.s, "", func(context.Context) (int, error) { return 0, nil })
			_, _ = f.Wait(ctx)
		},
		"From and TaskFrom": func(ctx context.Context, _ *reentry) {
			scope.From(ctx)
			scope.TaskFrom(ctx)
		},
		"Roots": func(context.Context, *reentry) { scope.Roots() },
		"Report": func(ctx context.Context, _ *reentry) {
			scope.Report(ctx, &scope.Failure{Err: errBoom})
		},
		"Describe": func(ctx context.Context, _ *reentry) {
			scope.Describe(ctx, func() any { return nil })
		},
		"Run":       func(ctx context.Context, _ *reentry) { _ = scope.Run(ctx, empty) },
		"Supervise": func(ctx context.Context, _ *reentry) { _ = scope.Supervise(ctx, empty) },
		"Open":      func(ctx context.Context, _ *reentry) { _ = scope.Open(ctx).Shutdown(bg) },
		"OpenSupervised": func(ctx context.Context, _ *reentry) {
			_ = scope.OpenSupervised(ctx).Drain(bg)
		},
	}
}

// ofTasks calls a method for the callback's own task and for a sibling.
func ofTasks(f func(ctx context.Context, t *scope.Task)) func(ctx context.Context, r *reentry) {
	return func(ctx context.Context, r *reentry) {
		if own := scope.TaskFrom(ctx); own != nil {
			f(ctx, own)
		}
		if r.sibling != nil {
			f(ctx, r.sibling)
		}
	}
}

// The list of verbs has each method.
func TestReentry_AllMethodsAreCalled(t *testing.T) {
	known := verbs()
	for name, typ := range map[string]reflect.Type{
		"Scope": reflect.TypeFor[*scope.Scope](), "Task": reflect.TypeFor[*scope.Task](),
		"Future": reflect.TypeFor[*scope.Future[int]](),
	} {
		for m := range typ.Methods() {
			if known[name+"."+m.Name] == nil && known["Task."+m.Name] == nil {
				t.Errorf("%s.%s is in no test", name, m.Name)
			}
		}
	}
}

// A hook arranges in a new scope that r.act is called from a callback. Hooks that
// are options only return them.
type hook struct {
	opts func(r *reentry) []scope.Option
	play func(r *reentry)
}

func hooks() map[string]hook {
	bg := context.Background()
	all := map[string]hook{
		"task":   {play: func(r *reentry) { r.s.Go("x", r.acts) }},
		"daemon": {play: func(r *reentry) { r.s.Daemon("x", r.acts) }},
		"Do":     {play: func(r *reentry) { _ = r.s.Do(bg, "x", r.acts) }},
		"Defer":  {play: func(r *reentry) { r.s.Defer("x", r.acts) }},
		"Start, before ready": {play: func(r *reentry) {
			_, _ = r.s.Start(bg, "x", func(ctx context.Context, _ func()) error {
				return r.acts(ctx)
			})
		}},
		"Async": {play: func(r *reentry) {
			scope.Async(r.s, "x", func(ctx context.Context) (int, error) { return 0, r.acts(ctx) })
		}},
		"AfterFunc": {play: func(r *reentry) {
			r.s.Go("x", func(ctx context.Context) error {
				context.AfterFunc(ctx, func() { r.act(context.WithoutCancel(ctx)) })
				return nil
			})
		}},
		"Describe": {play: func(r *reentry) {
			r.s.Go("x", func(ctx context.Context) error {
				scope.Describe(ctx, func() any { return r.acts(context.WithoutCancel(ctx)) })
				return errBoom
			})
		}},
		"Unwrap of its error": {play: func(r *reentry) {
			r.s.Go("x", func(ctx context.Context) error {
				return badError{"Unwrap", func() { r.act(context.WithoutCancel(ctx)) }}
			})
		}},
		"Is of its error": {play: func(r *reentry) {
			r.s.Go("x", func(ctx context.Context) error {
				<-ctx.Done()
				return badError{"Is", func() { r.act(context.WithoutCancel(ctx)) }}
			}).Cancel(nil)
		}},
		"OnFailure": {
			opts: func(r *reentry) []scope.Option {
				return []scope.Option{scope.OnFailure(
					func(ctx context.Context, _ *scope.Failure) { r.act(ctx) })}
			},
			play: func(r *reentry) {
				start := make(chan struct{})
				for range 2 { // a fail-fast scope keeps the first
					r.s.Go("x", func(context.Context) error {
						<-start
						return errBoom
					})
				}
				close(start)
			},
		},
	}
	maps.Copy(all, observerHooks())
	return all
}

func observerHooks() map[string]hook {
	all := map[string]hook{}
	for name, set := range map[string]func(o *scope.Observer, act func()){
		"TaskStarted": func(o *scope.Observer, act func()) {
			o.TaskStarted = func(scope.TaskInfo) { act() }
		},
		"TaskEnded": func(o *scope.Observer, act func()) {
			o.TaskEnded = func(scope.TaskInfo) { act() }
		},
		"ScopeOpened": func(o *scope.Observer, act func()) {
			o.ScopeOpened = func(scope.ScopeInfo) { act() }
		},
		"ScopeCancelled": func(o *scope.Observer, act func()) {
			o.ScopeCancelled = func(scope.ScopeInfo) { act() }
		},
		"ScopeEnded": func(o *scope.Observer, act func()) {
			o.ScopeEnded = func(scope.ScopeInfo) { act() }
		},
		"Straggling": func(o *scope.Observer, act func()) {
			o.Straggling = func(*scope.StragglersError) { act() }
		},
	} {
		all[name] = hook{
			opts: func(r *reentry) []scope.Option {
				var o scope.Observer
				set(&o, func() { r.act(context.Background()) })
				return []scope.Option{scope.Observe(o), scope.Grace(time.Second)}
			},
			play: func(r *reentry) { r.s.Go("x", func(context.Context) error { return nil }) },
		}
	}
	return all
}

// Every method may be called from inside of every callback: nothing deadlocks,
// and the scope ends.
func TestReentry_DoesNotDeadlock(t *testing.T) {
	calls := verbs()
	for where, hook := range hooks() {
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			for _, open := range []func(context.Context, ...scope.Option) *scope.Scope{
				scope.Open, scope.OpenSupervised,
			} {
				t.Run(where+"/"+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						reenter(&reentry{t: t, verb: calls[name]}, hook, open)
					})
				})
			}
		}
	}
}

func reenter(
	r *reentry, h hook, open func(context.Context, ...scope.Option) *scope.Scope,
) {
	opts := []scope.Option{scope.OnFailure(scope.Ignore)}
	if h.opts != nil {
		opts = append(opts, h.opts(r)...)
	}
	r.s = open(context.Background(), opts...)
	r.sibling = r.s.Go("sibling", func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(2 * time.Second) // a straggler, if there is a Grace
		return ctx.Err()
	})
	r.future = scope.Async(r.s, "future", func(ctx context.Context) (int, error) {
		return 0, obeying(ctx)
	})
	h.play(r)
	ctx, cancel := context.WithTimeout(context.Background(), 10*patience)
	defer cancel()
	time.Sleep(2 * patience)
	_ = r.s.Shutdown(ctx)
	select {
	case <-r.s.Done():
	case <-ctx.Done():
		r.t.Errorf("the scope has not ended: %+v", r.s.Info())
	}
	if !r.begun.Load() || !r.over.Load() {
		r.t.Errorf("the callback was called: %v, and has returned: %v",
			r.begun.Load(), r.over.Load())
	}
}
