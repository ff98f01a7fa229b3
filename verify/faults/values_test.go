package faults_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A badError has the fault in one of its methods.
type badError struct {
	method string
	strike func()
}

func (e badError) in(method string) {
	if e.method == method {
		e.strike()
	}
}

func (e badError) Error() string {
	e.in("Error")
	return "bad"
}

func (e badError) Is(error) bool {
	e.in("Is")
	return false
}

func (e badError) As(any) bool {
	e.in("As")
	return false
}

func (e badError) Unwrap() error {
	e.in("Unwrap")
	return nil
}

// A badValue is one that can be printed, but for the fault.
type badValue struct{ strike func() }

func (v badValue) String() string {
	v.strike()
	return "bad"
}

// A badFormatError prints itself, but for the fault.
type badFormatError struct{ badError }

func (e badFormatError) Format(w fmt.State, _ rune) {
	e.strike()
	_, _ = w.Write([]byte("bad"))
}

// errorsOfTasks are methods of what tasks return and panic with. Whatever they
// do, the task has failed, and that is told.
func errorsOfTasks() []callback {
	returned := func(method string) func(sc *scene) {
		return func(sc *scene) {
			sc.s.Go(faulty, func(context.Context) error { return badError{method, sc.strike} })
		}
	}
	cancelled := func(method string) func(sc *scene) {
		return func(sc *scene) {
			task := sc.s.Go(faulty, func(ctx context.Context) error {
				<-ctx.Done()
				return badError{method, sc.strike}
			})
			synctest.Wait()
			task.Cancel(errBoom)
		}
	}
	panicked := func(value func(sc *scene) any) func(sc *scene) {
		return func(sc *scene) {
			sc.s.Go(faulty, func(context.Context) error { panic(value(sc)) })
		}
	}
	panickedWith := func(method string) func(sc *scene) {
		return panicked(func(sc *scene) any { return badError{method, sc.strike} })
	}
	nested := func(body func(sc *scene, s *scope.Scope) error) func(sc *scene) {
		return func(sc *scene) {
			sc.s.Go(faulty, func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					return body(sc, s)
				}, scope.Contain())
			})
		}
	}
	rows := map[string]func(sc *scene){
		"Unwrap":                       returned("Unwrap"),
		"Is":                           returned("Is"),
		"Unwrap, under a cancellation": cancelled("Unwrap"),
		"Is, under a cancellation":     cancelled("Is"),
		"Unwrap, of a panic's value":   panickedWith("Unwrap"),
		"As, of a panic's value":       panickedWith("As"),
		"Unwrap, of the body's error":  nested(bodyError),
	}
	var all []callback
	for name, play := range rows {
		all = append(all, callback{
			name: name, told: tally{Handler: 1}, fails: true, play: play,
		})
	}
	all = append(all, callback{
		name: "Unwrap, of what Cancel is given", told: tally{Handler: 1}, fails: true,
		play: nested(givenError),
	})
	printed := map[string]func(sc *scene) any{
		"Error, in the report": func(sc *scene) any { return badError{"Error", sc.strike} },
		"Format, in the report": func(sc *scene) any {
			return badFormatError{badError{"", sc.strike}}
		},
		"String, in the report": func(sc *scene) any { return badValue{sc.strike} },
	}
	for name, value := range printed {
		all = append(all, callback{
			name: name, told: tally{Stderr: 1}, failFast: &tally{Result: 1},
			fails: true, mark: `/faulty"`,
			play: panicked(value),
			opts: func(*scene) []scope.Option { return []scope.Option{scope.OnFailure(nil)} },
		})
	}
	return all
}

func bodyError(sc *scene, _ *scope.Scope) error { return badError{"Unwrap", sc.strike} }

func givenError(sc *scene, s *scope.Scope) error {
	s.Cancel(badError{"Unwrap", sc.strike})
	return nil
}

// A badContext has the fault in a call of Value.
type badContext struct {
	context.Context
	call   int // which call has the fault
	calls  atomic.Int32
	strike func()
}

func (c *badContext) Value(key any) any {
	if int(c.calls.Add(1)) == c.call {
		c.strike()
	}
	return c.Context.Value(key)
}

// A context of the program's with a fault in Value: what is called with it does
// not happen, its caller has the fault, and nothing is left behind.
func TestContexts_FaultsAreTheCallers(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	verbs := map[string]func(ctx context.Context, s *scope.Scope) error{
		"Run": func(ctx context.Context, _ *scope.Scope) error {
			return scope.Run(ctx, func(context.Context, *scope.Scope) error { return nil },
				scope.Timeout(time.Hour))
		},
		"Open": func(ctx context.Context, _ *scope.Scope) error {
			return scope.Open(ctx, scope.Timeout(time.Hour)).Shutdown(context.Background())
		},
		"Do": func(ctx context.Context, s *scope.Scope) error { return s.Do(ctx, faulty, nothing) },
		"Start": func(ctx context.Context, s *scope.Scope) error {
			_, err := s.Start(ctx, faulty, func(_ context.Context, ready func()) error {
				ready()
				return nil
			})
			return err
		},
		"Wait":     func(ctx context.Context, s *scope.Scope) error { return s.Wait(ctx) },
		"Drain":    func(ctx context.Context, s *scope.Scope) error { return s.Drain(ctx) },
		"Shutdown": func(ctx context.Context, s *scope.Scope) error { return s.Shutdown(ctx) },
		"From": func(ctx context.Context, _ *scope.Scope) error {
			scope.From(ctx)
			return nil
		},
		"Describe": func(ctx context.Context, _ *scope.Scope) error {
			scope.Describe(ctx, func() any { return nil })
			return nil
		},
	}
	for name, call := range verbs {
		for _, fault := range []fault{panics, exits} {
			for n := 1; n <= 2; n++ { // later calls are package context's, at the end
				t.Run(fmt.Sprintf("%s/%s in call %d", name, fault, n), func(t *testing.T) {
					callWithBadContext(t, call, fault, n)
				})
			}
		}
	}
}

func callWithBadContext(
	t *testing.T, call func(context.Context, *scope.Scope) error, fault fault, n int,
) {
	synctest.Test(t, func(t *testing.T) {
		sc := &scene{t: t, fault: fault}
		bg, cancel := context.WithCancel(t.Context())
		bad := &badContext{Context: bg, call: n, strike: sc.strike}
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(sc.handle))
		sc.caller(func() error { return call(bad, s) })
		synctest.Wait()
		if hit := int(bad.calls.Load()) >= n; hit != (sc.told.Caller == 1) {
			t.Errorf("the fault was met %v, told = %+v", hit, sc.told)
		}
		cancel()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown() = %v, want nil", err)
		}
		synctest.Wait()
		if c := s.Info().Counts; c.Live != 0 || c.Started != c.OK {
			t.Errorf("Counts = %+v", c)
		}
		if roots := scope.Roots(); len(roots) > 0 {
			t.Errorf("a scope is left: %+v", roots[0].Info())
		}
	})
}
