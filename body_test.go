package scope_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// panicOf calls f and returns what it panicked with, or nil.
func panicOf(f func()) (v any) {
	defer func() { v = recover() }()
	f()
	return nil
}

// A slowTask takes an hour to end when it is cancelled, and notes what it saw.
type slowTask struct {
	cause error // of its cancellation
	ended bool
}

func (st *slowTask) run(ctx context.Context) error {
	<-ctx.Done()
	st.cause = context.Cause(ctx)
	time.Sleep(time.Hour)
	st.ended = true
	return ctx.Err()
}

// check finds out whether the task was cancelled with want and waited for.
func (st *slowTask) check(t *testing.T, want error) {
	t.Helper()
	if !st.ended {
		t.Error("the task was not waited for")
	}
	if !errors.Is(st.cause, want) {
		t.Errorf("the task's cause = %v, want %v", st.cause, want)
	}
}

// Row 34.
func TestRun_BodyErrorCancelsTasksAndIsReturned(t *testing.T) {
	inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
		var task slowTask
		err := run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("", task.run)
			return errBoom
		})
		if err != errBoom {
			t.Errorf("result = %v, want the body's error as it is", err)
		}
		task.check(t, errBoom)
	})
}

// Rows 35 and 36.
func TestRun_BodyPanicIsAnnouncedAndGoesOn(t *testing.T) {
	for name, value := range map[string]any{
		"string":   "aua",
		"error":    errBoom,
		"pointer":  new(int),
		"to abort": http.ErrAbortHandler,
		"fatal":    scope.Fatal(errBoom),
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
				var log failureLog
				var told time.Duration
				began := time.Now()
				var task slowTask
				got := panicOf(func() {
					_ = run(t.Context(), func(_ context.Context, s *scope.Scope) error {
						s.Go("", task.run)
						panicsWith(value)
						return nil
					}, scope.OnFailure(func(ctx context.Context, f *scope.Failure) {
						told = time.Since(began)
						log.handle(ctx, f)
					}))
				})
				if got != value {
					t.Errorf("panic = %v, want %v", got, value)
				}
				f := log.only(t)
				task.check(t, f)
				var p *scope.PanicError
				if !errors.As(f, &p) || p.Value != value ||
					!strings.Contains(p.Stack(), "panicsWith") {
					t.Errorf("handler was given %+v, want the panic with its stack", f)
				}
				if d := time.Since(began); told != 0 || d != time.Hour {
					t.Errorf("told after %v, returned after %v; want 0s, 1h", told, d)
				}
			})
		})
	}
}

//go:noinline
func panicsWith(v any) { panic(v) }

// Row 36. What is stuck need not be a task of the scope.
func TestRun_BodyPanicIsAnnouncedBeforeAllElseThatIsWaitedFor(t *testing.T) {
	stuck := func(context.Context) error { time.Sleep(time.Hour); return nil }
	for name, start := range map[string]func(context.Context, *scope.Scope){
		"deferred function": func(_ context.Context, s *scope.Scope) { s.Defer("", stuck) },
		"daemon":            func(_ context.Context, s *scope.Scope) { s.Daemon("", stuck) },
		"nested scope": func(ctx context.Context, _ *scope.Scope) {
			scope.Open(ctx).Go("", stuck)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
				var told []time.Duration
				began := time.Now()
				got := panicOf(func() {
					_ = run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
						start(ctx, s)
						panic("aua")
					}, scope.OnFailure(func(context.Context, *scope.Failure) {
						told = append(told, time.Since(began))
					}))
				})
				if len(told) != 1 || told[0] != 0 || got != "aua" {
					t.Errorf("told at %v, panic = %v; want once at 0s, aua", told, got)
				}
				if d := time.Since(began); d != time.Hour {
					t.Errorf("returned after %v, want 1h", d)
				}
			})
		})
	}
}

// Row 36. The handler that names the stragglers is waited for, too, though the tasks
// that it names are over.
func TestRun_BodyPanicIsAnnouncedBeforeTheHandlerIsBack(t *testing.T) {
	inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
		var mu sync.Mutex
		var told []time.Duration
		began := time.Now()
		got := panicOf(func() {
			_ = run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("", func(context.Context) error { time.Sleep(2 * time.Minute); return nil })
				s.Cancel(nil)
				time.Sleep(3 * time.Minute)
				panic("aua")
			}, scope.Grace(time.Minute), scope.OnFailure(func(_ context.Context, f *scope.Failure) {
				mu.Lock()
				told = append(told, time.Since(began))
				mu.Unlock()
				if e := (*scope.StragglersError)(nil); errors.As(f, &e) {
					time.Sleep(time.Hour)
				}
			}))
		})
		want := []time.Duration{time.Minute, 3 * time.Minute}
		if got != "aua" || !slices.Equal(told, want) {
			t.Errorf("panic = %v, told at %v; want aua, %v", got, told, want)
		}
	})
}

// Row 36. A panic that nothing is waited for goes on and is not told as well. That a
// task or a scope is over may have been seen a moment before it has left the ledger.
func TestRun_BodyPanicIsNotAnnouncedBehindWhatIsOver(t *testing.T) {
	type gate = <-chan struct{}
	for name, begin := range map[string]func(context.Context, *scope.Scope, gate) gate{
		"task": func(_ context.Context, s *scope.Scope, end gate) gate {
			return s.Go("", func(context.Context) error { <-end; return nil }).Done()
		},
		"nested scope": func(ctx context.Context, _ *scope.Scope, end gate) gate {
			nested := scope.Open(ctx)
			nested.Go("", func(context.Context) error { <-end; nested.Cancel(nil); return nil })
			return nested.Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told atomic.Int32
			for range 20 {
				_ = panicOf(func() {
					_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
						end := make(chan struct{})
						over := begin(ctx, s, end)
						spinUntilClosed(over, end)
						panic("aua")
					}, scope.OnFailure(func(context.Context, *scope.Failure) { told.Add(1) }))
				})
			}
			if n := told.Load(); n > 0 {
				t.Errorf("the panic was told %d times, too; want none", n)
			}
		})
	}
}

// spinUntilClosed closes end and returns as soon as ch is closed, while who closes
// it is waking the many others that wait.
func spinUntilClosed(ch <-chan struct{}, end chan struct{}) {
	var waiting sync.WaitGroup
	for range 2_000 {
		waiting.Add(1)
		go func() { waiting.Done(); <-ch }()
	}
	waiting.Wait()
	close(end)
	for !isClosed(ch) {
		runtime.Gosched()
	}
}

// Row 37.
func TestRun_BodyGoexitWaitsAndGoesOn(t *testing.T) {
	inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
		var task slowTask
		returned := false
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			_ = run(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("", task.run)
				runtime.Goexit()
				return nil
			})
			returned = true
		}()
		<-gone
		task.check(t, scope.ErrGoexit)
		if returned {
			t.Error("the goroutine went on behind the scope")
		}
	})
}

// Rows 35 and 37. A panic or Goexit of the body takes the result's place; what
// would have been the result is not lost.
func TestRun_BodyPanicOrGoexitLosesNoFailure(t *testing.T) {
	ends := map[string]func(){"panic": func() { panic("aua") }, "goexit": runtime.Goexit}
	for name, end := range ends {
		for _, fail := range []error{errBoom, scope.Fatal(errBoom)} {
			fatal := fail != errBoom
			if fatal && name == "panic" {
				continue // the fatal failure is returned; see the table of precedence
			}
			t.Run(fmt.Sprintf("%s, fatal %t", name, fatal), func(t *testing.T) {
				inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
					var log failureLog
					gone := make(chan struct{})
					go func() {
						defer close(gone)
						defer func() { _ = recover() }()
						_ = run(t.Context(), func(_ context.Context, s *scope.Scope) error {
							s.Go("", func(context.Context) error { return fail })
							synctest.Wait() // nothing is left that a panic would be told before
							end()
							return nil
						}, scope.OnFailure(log.handle))
					}()
					<-gone
					if f := log.only(t); !errors.Is(f, errBoom) {
						t.Errorf("handler was given %v, want %v", f, errBoom)
					}
				})
			})
		}
	}
}

// withParents runs test in bubbles, with parents that can be cancelled: a
// standard context, and the context of a task, as it is and with a value.
func withParents(
	t *testing.T, forms []form,
	test func(t *testing.T, run runner, parent context.Context, cancel func(error)),
) {
	t.Helper()
	type key struct{}
	t.Run("below a context", func(t *testing.T) {
		inBubbles(t, forms, func(t *testing.T, run runner) {
			parent, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			test(t, run, parent, cancel)
		})
	})
	for name, derive := range map[string]func(context.Context) context.Context{
		"below a task": func(ctx context.Context) context.Context { return ctx },
		"below a task's context": func(ctx context.Context) context.Context {
			return context.WithValue(ctx, key{}, "v")
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, forms, func(t *testing.T, run runner) {
				_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
					s.Go("parent", func(ctx context.Context) error {
						test(t, run, derive(ctx), s.Cancel)
						return nil
					})
					return nil
				})
			})
		})
	}
}

// Rows 38 and 39.
func TestRun_ParentCancelled(t *testing.T) {
	for name, body := range map[string]func(context.Context) error{
		"while the body blocks": untilCancelled,
		"after the body":        func(context.Context) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			withParents(t, lexicalForms(), func(
				t *testing.T, run runner, parent context.Context, cancel func(error),
			) {
				time.AfterFunc(time.Hour, func() { cancel(errStop) })
				began := time.Now()
				var task slowTask
				err := run(parent, func(ctx context.Context, s *scope.Scope) error {
					s.Go("", task.run)
					return body(ctx)
				})
				if err != errStop {
					t.Errorf("result = %v, want the parent's cause", err)
				}
				task.check(t, errStop)
				if d := time.Since(began); d != 2*time.Hour {
					t.Errorf("returned after %v, want 2h", d)
				}
			})
		})
	}
}

// Row 41.
func TestRun_CancelledOverAndOverStillWaits(t *testing.T) {
	withParents(t, lexicalForms(), func(
		t *testing.T, run runner, parent context.Context, cancel func(error),
	) {
		parent, stop := context.WithTimeout(parent, 40*time.Minute)
		defer stop()
		began := time.Now()
		var task slowTask
		err := run(parent, func(_ context.Context, s *scope.Scope) error {
			s.Go("", task.run)
			cancel(errStop)
			time.AfterFunc(10*time.Minute, func() { cancel(errors.New("once more")) })
			time.AfterFunc(20*time.Minute, func() { s.Cancel(errBoom) })
			return nil
		}, scope.Timeout(30*time.Minute))
		if err != errStop {
			t.Errorf("result = %v, want the parent's first cause", err)
		}
		task.check(t, errStop)
		if d := time.Since(began); d != time.Hour {
			t.Errorf("returned after %v, want 1h", d)
		}
	})
}

// Rows 38 and 39, in the form without a body.
func TestOpen_ParentCancelledWaitStillJoins(t *testing.T) {
	for _, open := range []func(context.Context, ...scope.Option) *scope.Scope{
		scope.Open, scope.OpenSupervised,
	} {
		withParents(t, []form{{}}, func(
			t *testing.T, _ runner, parent context.Context, cancel func(error),
		) {
			s := open(parent)
			var task slowTask
			s.Go("", task.run)
			synctest.Wait()
			cancel(errStop)
			if err := s.Wait(t.Context()); err != errStop {
				t.Errorf("Wait() = %v, want the parent's cause", err)
			}
			task.check(t, errStop)
		})
	}
}

// Rows 40 and 46.
func TestRun_BodyErrorStandsAgainstCancellation(t *testing.T) {
	for name, cancel := range map[string]func(s *scope.Scope, parent func(error)){
		"parent":      func(_ *scope.Scope, parent func(error)) { parent(nil) },
		"Cancel(nil)": func(s *scope.Scope, _ func(error)) { s.Cancel(nil) },
		"Cancel(err)": func(s *scope.Scope, _ func(error)) { s.Cancel(errors.New("stop")) },
		"both": func(s *scope.Scope, parent func(error)) {
			s.Cancel(nil)
			parent(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withParents(t, lexicalForms(), func(
				t *testing.T, run runner, parent context.Context, stop func(error),
			) {
				err := run(parent, func(ctx context.Context, s *scope.Scope) error {
					cancel(s, stop)
					<-ctx.Done()
					return errBoom
				})
				if err != errBoom {
					t.Errorf("result = %v, want the body's error", err)
				}
			})
		})
	}
}

// Row 42.
func TestRun_ParentCancelledOnEntry(t *testing.T) {
	withParents(t, lexicalForms(), func(
		t *testing.T, run runner, parent context.Context, cancel func(error),
	) {
		cancel(errStop)
		entered := false
		err := run(parent, func(ctx context.Context, s *scope.Scope) error {
			entered = true
			if ctx.Err() == nil || context.Cause(ctx) != errStop {
				t.Errorf("ctx.Err() = %v for %v, want done for %v",
					ctx.Err(), context.Cause(ctx), errStop)
			}
			mustNotRun := func(context.Context) error { t.Error("a task was started"); return nil }
			if err := s.Go("", mustNotRun).Err(); !isRefusal(err, errStop) {
				t.Errorf("Go: Err() = %v, want ErrClosed for %v", err, errStop)
			}
			if _, err := s.TryGo("", mustNotRun); !isRefusal(err, errStop) {
				t.Errorf("TryGo() = %v, want ErrClosed for %v", err, errStop)
			}
			return nil
		}, scope.OnFailure(scope.Ignore))
		if err != errStop || !entered {
			t.Errorf("result = %v, body run: %t; want the parent's cause, true", err, entered)
		}
	})
}

// Row 42, in the form without a body.
func TestOpen_ParentCancelledOnEntry(t *testing.T) {
	for _, open := range []func(context.Context, ...scope.Option) *scope.Scope{
		scope.Open, scope.OpenSupervised,
	} {
		withParents(t, []form{{}}, func(
			t *testing.T, _ runner, parent context.Context, cancel func(error),
		) {
			cancel(errStop)
			s := open(parent)
			if _, err := s.TryGo("", failing); !isRefusal(err, errStop) {
				t.Errorf("TryGo() = %v, want ErrClosed for %v", err, errStop)
			}
			if err := s.Wait(t.Context()); err != errStop {
				t.Errorf("Wait() = %v, want the parent's cause", err)
			}
		})
	}
}

func isRefusal(err, cause error) bool {
	return errors.Is(err, scope.ErrClosed) && errors.Is(err, cause)
}

// Row 43.
func TestRun_ParentsCauseIsNotLostBehindAnOwnCancel(t *testing.T) {
	errOwn := errors.New("own")
	for name, own := range map[string]func(context.Context, *scope.Scope){
		"Cancel(nil)": func(_ context.Context, s *scope.Scope) { s.Cancel(nil) },
		"Cancel(err)": func(_ context.Context, s *scope.Scope) { s.Cancel(errOwn) },
		"Shutdown":    func(ctx context.Context, s *scope.Scope) { _ = s.Shutdown(ctx) },
		"MoveOnAfter": func(ctx context.Context, _ *scope.Scope) { <-ctx.Done() },
	} {
		t.Run(name, func(t *testing.T) {
			withParents(t, allForms(), func(
				t *testing.T, run runner, parent context.Context, cancel func(error),
			) {
				err := run(parent, func(ctx context.Context, s *scope.Scope) error {
					var task slowTask
					s.Go("", task.run)
					time.AfterFunc(10*time.Minute, func() { cancel(errStop) })
					ctx, stop := context.WithTimeout(ctx, 5*time.Minute)
					defer stop()
					own(ctx, s)
					return nil
				}, scope.MoveOnAfter(time.Minute))
				if !errors.Is(err, errStop) || (name == "Cancel(err)") != errors.Is(err, errOwn) {
					t.Errorf("result = %v, want the parent's cause with what Cancel was given", err)
				}
			})
		})
	}
}

// Row 44. The parent of a lexical scope may be any context, or a task.
func TestScope_EndDoesNotCancelTheParent(t *testing.T) {
	for name, body := range map[string]func(context.Context, *scope.Scope) error{
		"return": func(context.Context, *scope.Scope) error { return nil },
		"error":  func(context.Context, *scope.Scope) error { return errBoom },
		"panic":  func(context.Context, *scope.Scope) error { panic("aua") },
		"task": func(_ context.Context, s *scope.Scope) error {
			<-s.Go("", failing).Done()
			return nil
		},
		"fatal": func(_ context.Context, s *scope.Scope) error {
			<-s.Go("", func(context.Context) error { return scope.Fatal(errBoom) }).Done()
			return nil
		},
		"Cancel":   func(_ context.Context, s *scope.Scope) error { s.Cancel(errBoom); return nil },
		"Shutdown": func(ctx context.Context, s *scope.Scope) error { return s.Shutdown(ctx) },
		"deadline": func(_ context.Context, s *scope.Scope) error {
			time.Sleep(time.Hour)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, allForms(), func(t *testing.T, run runner) {
				inside := func(parent context.Context) {
					derived, cancel := context.WithCancel(parent)
					defer cancel()
					_ = panicOf(func() {
						_ = run(parent, body,
							scope.Timeout(time.Minute), scope.OnFailure(scope.Ignore))
					})
					time.Sleep(time.Second)
					if parent.Err() != nil || derived.Err() != nil {
						t.Errorf("ctx.Err() = %v after the scope's end, want nil", parent.Err())
					}
				}
				inside(t.Context())
				_ = scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
					s.Go("", func(ctx context.Context) error { inside(ctx); return nil })
					inside(ctx)
					return nil
				})
			})
		})
	}
}

// Row 45.
func TestScope_OwnCancelIsTheResult(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(context.Context, *scope.Scope)
		want error
	}{
		{"Cancel(nil)", func(_ context.Context, s *scope.Scope) { s.Cancel(nil) }, nil},
		{"Shutdown", func(ctx context.Context, s *scope.Scope) { _ = s.Shutdown(ctx) }, nil},
		{"Cancel(err)", func(_ context.Context, s *scope.Scope) { s.Cancel(errStop) }, errStop},
	} {
		for how, answer := range map[string]func(context.Context) error{
			"body returns nil":   func(context.Context) error { return nil },
			"body returns Err":   func(ctx context.Context) error { return ctx.Err() },
			"body returns Cause": context.Cause,
			"body returns wrapped": func(ctx context.Context) error {
				return fmt.Errorf("w: %w", ctx.Err())
			},
		} {
			t.Run(c.name+"/"+how, func(t *testing.T) {
				inBubbles(t, allForms(), func(t *testing.T, run runner) {
					err := run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
						s.Go("", untilCancelled)
						c.end(ctx, s)
						return answer(ctx)
					})
					if err != c.want {
						t.Errorf("result = %v, want %v", err, c.want)
					}
				})
			})
		}
	}
}

// Row 48.
func TestScope_ResultIsSearchedAlikeForOneFailureOrMany(t *testing.T) {
	for _, n := range []int{1, 100} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			inBubbles(t, allForms(), func(t *testing.T, run runner) {
				checkHoldsFailures(t, failTimes(t, run, n), n)
			})
		})
	}
}

// checkHoldsFailures finds out whether err, of failTimes, leads to all failures.
func checkHoldsFailures(t *testing.T, err error, n int) {
	t.Helper()
	f, ok := errors.AsType[*scope.Failure](err)
	if !errors.Is(err, errBoom) || !ok || f.Task.Name != "first" {
		t.Errorf("result = %v, want one that Is %v, As the first Failure", err, errBoom)
	}
	if want := `task "srv/first": boom`; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("text %q does not begin with %q", err, want)
	}
	for i := range n - 1 {
		if !errors.Is(err, numbered(i)) {
			t.Fatalf("%v is not found in the result", numbered(i))
		}
	}
}

// failTimes runs a scope that keeps n failures, and returns its result. The
// first one is errBoom.
func failTimes(t *testing.T, run runner, n int) error {
	t.Helper()
	return run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("first", func(context.Context) error { time.Sleep(time.Second); return errBoom })
		for i := range n - 1 {
			s.Go("", func(context.Context) error { time.Sleep(time.Minute); return numbered(i) })
		}
		return nil
	}, scope.Name("srv"), scope.KeepErrors(n))
}

// An ending is one of the things that decide a scope's result, and, as an
// error, what the result then is.
type ending string

const (
	errFatal     ending = "fatal"
	errBodyPanic ending = "body panic"
	errBody      ending = "body error"
	errParent    ending = "parent"
	errDeadline  ending = "deadline"
	errNone      ending = "nil"
)

func (e ending) Error() string { return string(e) }

// decided reports whether a scope that ended with a result, or with a panic,
// was decided by e.
func (e ending) decided(result error, panicked any) bool {
	// What does not decide may be joined behind what does.
	if list, ok := result.(interface{ Unwrap() []error }); ok {
		result = list.Unwrap()[0]
	}
	if e == errBodyPanic || panicked != nil {
		return panicked == any(e)
	}
	if e == errNone {
		return result == nil
	}
	return errors.Is(result, e) || e == errDeadline && errors.Is(result, context.DeadlineExceeded)
}

// Row 47. Of each two endings the one that is higher up decides, whichever
// comes first.
func TestRun_Precedence(t *testing.T) {
	for high, lower := range precedence() {
		for _, low := range lower {
			for _, order := range [][2]ending{{high, low}, {low, high}} {
				t.Run(fmt.Sprintf("%s, then %s", order[0], order[1]), func(t *testing.T) {
					inBubbles(t, lexicalForms(), func(t *testing.T, run runner) {
						var err error
						v := panicOf(func() { err = endBy(t, run, order) })
						if !high.decided(err, v) {
							t.Errorf("result = %v, panic = %v; want %s to decide", err, v, high)
						}
					})
				})
			}
		}
	}
}

// precedence returns for each ending those that are lower.
func precedence() map[ending][]ending {
	return map[ending][]ending{
		errFatal:     {errBodyPanic, errBody, errParent, errDeadline, errNone},
		errBodyPanic: {errParent, errDeadline, errNone}, // and no other end of the body
		errBody:      {errParent, errDeadline, errNone},
		errParent:    {errDeadline, errNone},
		errDeadline:  {errNone},
	}
}

// endBy runs a scope in which one ending comes to pass after a minute, the
// other after two. Neither body nor task heeds a cancellation before.
func endBy(t *testing.T, run runner, order [2]ending) error {
	t.Helper()
	after := map[ending]time.Duration{order[0]: time.Minute, order[1]: 2 * time.Minute}
	parent, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	opts := []scope.Option{scope.OnFailure(scope.Ignore)}
	if d, ok := after[errDeadline]; ok {
		opts = append(opts, scope.Timeout(d))
	}
	if d, ok := after[errParent]; ok {
		time.AfterFunc(d, func() { cancel(errParent) })
	}
	return run(parent, func(_ context.Context, s *scope.Scope) error {
		s.Go("to the end", func(context.Context) error { time.Sleep(3 * time.Minute); return nil })
		if d, ok := after[errFatal]; ok {
			s.Go("fatal", func(context.Context) error {
				time.Sleep(d)
				return scope.Fatal(errFatal)
			})
		}
		if d, ok := after[errBodyPanic]; ok {
			time.Sleep(d)
			panic(errBodyPanic)
		}
		if d, ok := after[errBody]; ok {
			time.Sleep(d)
			return errBody
		}
		return nil
	}, opts...)
}
