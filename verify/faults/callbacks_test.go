package faults_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

var errBoom = errors.New("boom")

func failing(context.Context) error { return errBoom }

func obeying(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// A fault in a function of the program's, whichever, is told once, where it
// should be, and disturbs nobody.
func TestCallbacks_AreContained(t *testing.T) {
	for _, c := range slices.Concat(
		functions(), handlers(), observers(), details(), errorsOfTasks(),
	) {
		t.Run(c.name, func(t *testing.T) { c.runAll(t) })
	}
}

// runAll runs the callback with each fault in each form of a scope.
func (c callback) runAll(t *testing.T) {
	for _, form := range forms() {
		for _, fault := range []fault{panics, exits, blocks} {
			if !slices.Contains(c.not, fault) {
				t.Run(form.name+"/"+string(fault), func(t *testing.T) { c.run(t, form, fault) })
			}
		}
	}
}

// functions are those that run as tasks, by the verb that starts them.
func functions() []callback {
	toHandler, toCaller := tally{Handler: 1}, tally{Caller: 1}
	bg := context.Background()
	return []callback{
		{name: "Go", told: toHandler, play: func(sc *scene) { sc.s.Go(faulty, sc.strikes) }},
		{name: "TryGo", told: toHandler, play: func(sc *scene) {
			if _, err := sc.s.TryGo(faulty, sc.strikes); err != nil {
				sc.t.Errorf("TryGo() = %v, want nil", err)
			}
		}},
		{name: "Daemon", told: toHandler, play: func(sc *scene) {
			sc.s.Daemon(faulty, sc.strikes)
		}},
		{name: "Start before ready", told: toCaller, play: func(sc *scene) {
			sc.caller(func() error {
				_, err := sc.s.Start(bg, faulty, func(_ context.Context, ready func()) error {
					sc.strike()
					ready()
					return nil
				})
				return err
			})
		}},
		{name: "Start after ready", told: toHandler, play: func(sc *scene) {
			sc.caller(func() error {
				_, err := sc.s.Start(bg, faulty, func(_ context.Context, ready func()) error {
					ready()
					sc.strike()
					return nil
				})
				return err
			})
		}},
		{name: "Do", told: toCaller, play: func(sc *scene) {
			sc.caller(func() error { return sc.s.Do(bg, faulty, sc.strikes) })
		}},
		{name: "Async, left to itself", told: toHandler, play: func(sc *scene) {
			scope.Async(sc.s, faulty, func(ctx context.Context) (int, error) {
				return 0, sc.strikes(ctx)
			})
		}},
		{name: "Defer", told: toHandler, play: func(sc *scene) { sc.s.Defer(faulty, sc.atTheEnd) }},
		{name: "AfterFunc of a task", not: []fault{panics}, play: func(sc *scene) {
			task := sc.s.Go(faulty, func(ctx context.Context) error {
				context.AfterFunc(ctx, sc.strike) // a panic ends the process
				return obeying(ctx)
			})
			synctest.Wait()
			task.Cancel(nil)
		}},
		{name: "nested", told: toHandler, play: func(sc *scene) {
			sc.s.Go(faulty, func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("below", sc.strikes)
					return nil
				})
			})
		}},
	}
}

// atTheEnd is strikes for what runs after the release: a block lasts a while.
func (sc *scene) atTheEnd(ctx context.Context) error {
	if sc.fault == blocks {
		time.Sleep(time.Minute)
		return nil
	}
	return sc.strikes(ctx)
}

// handlers are those of failures. The failure has been told to the handler; the
// handler's own fault is told on standard error.
func handlers() []callback {
	strike := func(sc *scene) []scope.Option {
		return []scope.Option{scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
			sc.handle(ctx, f)
			sc.strike()
		})}
	}
	told := tally{Handler: 1, Stderr: 1}
	return []callback{
		{name: "OnFailure", opts: strike, told: told, failFast: &told, fails: true,
			play: func(sc *scene) {
				begin := make(chan struct{})
				sc.s.Go(faulty, func(context.Context) error {
					<-begin
					return errBoom
				})
				if sc.form.failFast { // whose first failure is the result
					sc.s.Go("first", failing)
				}
				synctest.Wait()
				close(begin)
			}},
		{name: "OnFailure, by Report", opts: strike, told: told, failFast: &told, fails: true,
			play: func(sc *scene) {
				f := &scope.Failure{Task: scope.TaskInfo{Name: faulty}, Err: errBoom}
				sc.s.Go("reports", func(ctx context.Context) error {
					scope.Report(ctx, f)
					return nil
				})
			}},
		{name: "OnFailure, of a future nobody asks", opts: strike, told: told, fails: true,
			failFast: &tally{Result: 1},
			not:      []fault{blocks}, // the end, which comes after the release
			play: func(sc *scene) {
				scope.Async(sc.s, faulty, func(context.Context) (int, error) { return 0, errBoom })
			}},
	}
}

// observers have one function each that has the fault, in a nested scope that
// has a start and an end, a cancellation and a straggler. It is told on standard
// error, and the observer is not called again.
func observers() []callback {
	var all []callback
	for name, set := range map[string]func(o *scope.Observer, strike func()){
		"TaskStarted": func(o *scope.Observer, f func()) {
			o.TaskStarted = func(scope.TaskInfo) { f() }
		},
		"TaskEnded": func(o *scope.Observer, f func()) {
			o.TaskEnded = func(scope.TaskInfo) { f() }
		},
		"ScopeOpened": func(o *scope.Observer, f func()) {
			o.ScopeOpened = func(scope.ScopeInfo) { f() }
		},
		"ScopeCancelled": func(o *scope.Observer, f func()) {
			o.ScopeCancelled = func(scope.ScopeInfo) { f() }
		},
		"ScopeEnded": func(o *scope.Observer, f func()) {
			o.ScopeEnded = func(scope.ScopeInfo) { f() }
		},
		"Straggling": func(o *scope.Observer, f func()) {
			o.Straggling = func(*scope.StragglersError) { f() }
		},
	} {
		all = append(all, callback{name: name, told: tally{Stderr: 1}, play: func(sc *scene) {
			var o scope.Observer
			set(&o, sc.strike)
			sc.s.Go(faulty, func(ctx context.Context) error { return observed(ctx, o) })
			time.Sleep(playTime) // until there is a straggler
		}})
	}
	return all
}

func observed(ctx context.Context, o scope.Observer) error {
	return scope.Supervise(ctx, func(_ context.Context, s *scope.Scope) error {
		s.Go("deaf", func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		})
		s.Cancel(nil)
		return nil
	}, scope.Observe(o), scope.Grace(time.Second), scope.OnFailure(scope.Ignore))
}

// details are what tasks tell of themselves. They are asked for by who looks,
// and by the library when it makes a failure.
func details() []callback {
	return []callback{
		{name: "Describe, of a task that fails", told: tally{Handler: 1}, fails: true,
			play: func(sc *scene) {
				sc.s.Go(faulty, func(ctx context.Context) error {
					scope.Describe(ctx, func() any { sc.strike(); return nil })
					return errBoom
				})
			}},
		{name: "Describe, looked at", play: func(sc *scene) {
			task := sc.s.Go(faulty, func(ctx context.Context) error {
				scope.Describe(ctx, func() any { sc.strike(); return nil })
				return obeying(ctx)
			})
			synctest.Wait()
			go func() { // which a Goexit ends
				info := task.Info()
				if _, ok := info.Detail.(*scope.PanicError); ok != (sc.fault == panics) {
					sc.t.Errorf("Detail = %v after a %s", info.Detail, sc.fault)
				}
			}()
			synctest.Wait()
			task.Cancel(nil)
		}},
	}
}
