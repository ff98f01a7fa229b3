package scope_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A timingForm is one of the four ways to have a scope. Its run opens one, has
// start start tasks in it, and returns the result when all is over.
type timingForm struct {
	form string
	run  func(ctx context.Context, start func(*scope.Scope), opts ...scope.Option) error
}

// A timingTest is a test in a bubble, of one form.
type timingTest struct {
	*testing.T
	timingForm
}

func timingForms() []timingForm {
	type lexical func(
		context.Context, func(context.Context, *scope.Scope) error, ...scope.Option,
	) error
	call := func(f lexical) func(context.Context, func(*scope.Scope), ...scope.Option) error {
		return func(ctx context.Context, start func(*scope.Scope), opts ...scope.Option) error {
			return f(ctx, func(_ context.Context, s *scope.Scope) error {
				start(s)
				return nil
			}, opts...)
		}
	}
	type opening func(context.Context, ...scope.Option) *scope.Scope
	open := func(f opening) func(context.Context, func(*scope.Scope), ...scope.Option) error {
		return func(ctx context.Context, start func(*scope.Scope), opts ...scope.Option) error {
			s := f(ctx, opts...)
			start(s)
			return s.Drain(context.Background())
		}
	}
	return []timingForm{
		{"Run", call(scope.Run)},
		{"Supervise", call(scope.Supervise)},
		{"Open", open(scope.Open)},
		{"OpenSupervised", open(scope.OpenSupervised)},
	}
}

// timingEach runs test in a bubble for each of the four forms.
func timingEach(t *testing.T, test func(t timingTest)) {
	t.Helper()
	for _, form := range timingForms() {
		t.Run(form.form, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(timingTest{t, form}) })
		})
	}
}

// Row 134.
func TestTimeout_CancelsJoinsAndSaysWhose(t *testing.T) {
	timingEach(t, func(t timingTest) {
		begin := time.Now()
		seen := make([]error, 3)
		err := t.run(context.Background(), func(s *scope.Scope) {
			for i := range seen {
				s.Go("works", func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(time.Second + time.Duration(i)) // not all at once
					seen[i] = ctx.Err()
					return ctx.Err()
				})
			}
		}, scope.Name("import"), scope.Timeout(time.Minute))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `"import"`) {
			t.Errorf("result = %v, want the timeout of import", err)
		}
		late := context.DeadlineExceeded
		if want := []error{late, late, late}; !slices.Equal(seen, want) {
			t.Errorf("Err() in the tasks = %v, want %v", seen, want)
		}
		if got, want := time.Since(begin), 61*time.Second+2; got != want {
			t.Errorf("ended after %v, want %v", got, want)
		}
	})
}

// Row 134.
func TestTimeout_CancelsTheBody(t *testing.T) {
	for name, run := range map[string]func(
		context.Context, func(context.Context, *scope.Scope) error, ...scope.Option,
	) error{"Run": scope.Run, "Supervise": scope.Supervise} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := time.Now().Add(time.Minute)
				err := run(context.Background(), func(ctx context.Context, _ *scope.Scope) error {
					if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
						t.Errorf("Deadline() = %v, %v, want %v", got, ok, want)
					}
					<-ctx.Done()
					return ctx.Err()
				}, scope.Timeout(time.Minute))
				if !errors.Is(err, context.DeadlineExceeded) || !time.Now().Equal(want) {
					t.Errorf("result = %v at %v, want a timeout at %v", err, time.Now(), want)
				}
			})
		})
	}
}

// Row 134: whoever answers the deadline first, the scope's own callback or the
// work in it, the result is the same.
func TestTimeout_IsNeverLost(t *testing.T) {
	timingEach(t, func(t timingTest) {
		lost := 0
		for range 1000 {
			err := t.run(context.Background(), func(s *scope.Scope) {
				s.Go("answers at once", func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
			}, scope.Timeout(time.Second))
			if !errors.Is(err, context.DeadlineExceeded) {
				lost++
			}
		}
		if lost > 0 {
			t.Errorf("%d of 1000 results do not tell the timeout", lost)
		}
	})
}

// Row 134: a net.Error-like caller asks the error for Timeout.
func TestTimeout_ErrorIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := scope.Open(context.Background(), scope.Timeout(time.Second))
		<-s.Done()
		err := s.Wait(context.Background())
		var timeout interface{ Timeout() bool }
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("Wait() = %v, want an error whose Timeout() is true", err)
		}
	})
}

// Row 135.
func TestMoveOnAfter_OwnDeadlineIsACleanEnd(t *testing.T) {
	timingEach(t, func(t timingTest) {
		begin := time.Now()
		err := t.run(context.Background(), func(s *scope.Scope) {
			s.Go("works", func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
		}, scope.MoveOnAfter(time.Minute))
		if got := time.Since(begin); err != nil || got != time.Minute {
			t.Errorf("result = %v after %v, want nil after %v", err, got, time.Minute)
		}
	})
}

// Rows 134 and 135: of two the last one counts, as with all options.
func TestTimeout_AfterMoveOnAfterIsAnError(t *testing.T) {
	timingEach(t, func(t timingTest) {
		err := t.run(context.Background(), func(s *scope.Scope) {
			s.Go("works", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}, scope.MoveOnAfter(time.Hour), scope.Timeout(time.Minute))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("result = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

// Row 135: only the scope's own deadline is forgiven.
func TestMoveOnAfter_OthersAreNotForgiven(t *testing.T) {
	errParent := errors.New("parent's time is up")
	boom := errors.New("boom")
	cases := []struct {
		name            string
		parent, cleanUp time.Duration
		result          error // of the task
		want            error
	}{
		{"parent first", 30 * time.Second, 0, nil, errParent},
		{"parent during the join", 90 * time.Second, time.Minute, nil, errParent},
		{"parent later", time.Hour, 0, nil, nil},
		{"failure in clean-up", time.Hour, 0, boom, boom},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(context.Background(), c.parent, errParent)
				defer cancel()
				err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("works", func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(c.cleanUp)
						return c.result
					})
					return nil
				}, scope.MoveOnAfter(time.Minute))
				if !errors.Is(err, c.want) {
					t.Errorf("Run() = %v, want %v", err, c.want)
				}
			})
		})
	}
}

// Row 135: a scope that moves on inside one whose time is up does not hide that.
func TestMoveOnAfter_PassesTheOuterTimeoutOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var inner error
		outer := scope.Run(context.Background(), func(ctx context.Context, _ *scope.Scope) error {
			inner = scope.Run(ctx, func(ctx context.Context, _ *scope.Scope) error {
				<-ctx.Done()
				return ctx.Err()
			}, scope.MoveOnAfter(time.Minute))
			return inner
		}, scope.Name("outer"), scope.Timeout(time.Second))
		for _, err := range []error{inner, outer} {
			if err == nil || !strings.Contains(err.Error(), `scope "outer": timeout`) {
				t.Errorf("results = %v, %v, want the timeout of outer", inner, outer)
			}
		}
	})
}

// Row 136.
func TestTask_OwnDeadlineHitsThatTaskAlone(t *testing.T) {
	timingEach(t, func(t timingTest) {
		var reported error
		siblingLive := false
		err := t.run(context.Background(), func(s *scope.Scope) {
			s.Go("in a hurry", func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				<-ctx.Done()
				return ctx.Err()
			})
			s.Go("sibling", func(ctx context.Context) error {
				time.Sleep(time.Minute)
				siblingLive = ctx.Err() == nil
				return nil
			})
		}, scope.OnFailure(func(_ context.Context, f *scope.Failure) { reported = f }))
		failFast := t.form == "Run" || t.form == "Open"
		if failFast {
			reported = err
		}
		var f *scope.Failure
		if !errors.As(reported, &f) || f.Task.Name != "in a hurry" ||
			!errors.Is(f, context.DeadlineExceeded) {
			t.Errorf("reported = %v, want the timeout as a failure of its task", reported)
		}
		if !failFast && (err != nil || !siblingLive) {
			t.Errorf("result = %v, sibling live = %v, want nil and true", err, siblingLive)
		}
	})
}

// Rows 42 and 137.
func TestTimeout_PastAtEntry(t *testing.T) {
	past, farAway := time.Now().Add(-time.Second), time.Now().Add(24*time.Hour)
	cases := []struct {
		name     string
		deadline time.Time
		opts     []scope.Option
		want     error
	}{
		{"parent, long ago", time.Time{}, nil, context.DeadlineExceeded},
		{"parent, a moment ago", past, nil, context.DeadlineExceeded},
		{"zero", farAway, []scope.Option{scope.Timeout(0)}, context.DeadlineExceeded},
		{"negative", farAway, []scope.Option{scope.Timeout(-1)}, context.DeadlineExceeded},
		{"move on", farAway, []scope.Option{scope.MoveOnAfter(0)}, nil},
	}
	for _, c := range cases {
		for _, form := range timingForms() {
			t.Run(c.name+"/"+form.form, func(t *testing.T) {
				ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
				defer cancel()
				called := false
				err := form.run(ctx, func(s *scope.Scope) {
					called = true
					timingIsRefused(t, s)
				}, append(c.opts, scope.OnFailure(scope.Ignore))...)
				if !errors.Is(err, c.want) || !called {
					t.Errorf("result = %v, body called = %v, want %v and true", err, called, c.want)
				}
			})
		}
	}
}

// timingIsRefused checks that s, whose time is up, starts nothing.
func timingIsRefused(t *testing.T, s *scope.Scope) {
	t.Helper()
	f := func(context.Context) error {
		t.Error("the task was called")
		return nil
	}
	if _, err := s.TryGo("late", f); !timingRefusal(err) {
		t.Errorf("TryGo() = %v, want ErrClosed with the cause", err)
	}
	if err := s.Go("late", f).Err(); !timingRefusal(err) {
		t.Errorf("Go().Err() = %v, want ErrClosed with the cause", err)
	}
}

func timingRefusal(err error) bool {
	return errors.Is(err, scope.ErrClosed) && errors.Is(err, context.DeadlineExceeded)
}

// Row 138: clean-up that has shielded itself goes on, whether the cancellation
// came before it began or while it was under way.
func TestTask_ShieldedCleanUpCompletes(t *testing.T) {
	for name, begins := range map[string]func(context.Context){
		"before": func(ctx context.Context) { <-ctx.Done() },
		"during": func(context.Context) {},
	} {
		t.Run(name, func(t *testing.T) {
			timingEach(t, func(t timingTest) {
				shield := errors.New("clean-up did not complete")
				err := t.run(context.Background(), func(s *scope.Scope) {
					s.Go("cleans up", func(ctx context.Context) error {
						begins(ctx)
						clean := context.WithoutCancel(ctx)
						select {
						case <-clean.Done():
						case <-time.After(time.Hour):
						}
						shield = clean.Err()
						return ctx.Err()
					})
				}, scope.Timeout(time.Minute))
				if !errors.Is(err, context.DeadlineExceeded) || shield != nil {
					t.Errorf("results = %v, %v, want a timeout and nil", err, shield)
				}
			})
		})
	}
}

// Row 139: clean-up that starts tasks cannot do so in the cancelled scope; in
// one of its own they run undisturbed and are waited for.
func TestTask_ShieldedCleanUpHasAScopeOfItsOwn(t *testing.T) {
	timingEach(t, func(t timingTest) {
		begin := time.Now()
		var flushed atomic.Int32
		flush := func(ctx context.Context) error {
			time.Sleep(time.Hour)
			if ctx.Err() == nil {
				flushed.Add(1)
			}
			return ctx.Err()
		}
		inner := errors.New("not run")
		err := t.run(context.Background(), func(s *scope.Scope) {
			s.Go("cleans up", func(ctx context.Context) error {
				<-ctx.Done()
				timingIsRefused(t.T, s)
				shield := context.WithoutCancel(ctx)
				inner = scope.Run(shield, func(_ context.Context, s *scope.Scope) error {
					s.Go("flush", flush)
					time.Sleep(time.Minute)
					s.Go("flush", flush)
					return nil
				})
				return ctx.Err()
			})
		}, scope.Timeout(time.Second), scope.OnFailure(scope.Ignore))
		if !errors.Is(err, context.DeadlineExceeded) || inner != nil {
			t.Errorf("results = %v, %v, want a timeout and nil", err, inner)
		}
		if got := flushed.Load(); got != 2 {
			t.Errorf("%d inner tasks ran uncancelled, want 2", got)
		}
		want := time.Second + time.Minute + time.Hour
		if got := time.Since(begin); got != want {
			t.Errorf("ended after %v, want %v", got, want)
		}
	})
}

// Row 140: a file with a test that sleeps is one that has the time of a bubble.
func TestTiming_SleepsOnlyInBubbles(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob() = %v, %v, want the test files", files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		bubbles := false
		for _, imp := range file.Imports {
			bubbles = bubbles || imp.Path.Value == `"testing/synctest"`
		}
		if timingSleeps(file) && !bubbles {
			t.Errorf("%s sleeps in real time; use testing/synctest", name)
		}
	}
}

// timingSleeps reports whether file calls time.Sleep or time.After.
func timingSleeps(file *ast.File) (found bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		found = found || ok && pkg.Name == "time" &&
			(sel.Sel.Name == "Sleep" || sel.Sel.Name == "After")
		return true
	})
	return found
}

// What comes after the end of a scope has not cancelled it.
func TestScope_EndedByItselfShowsNoCause(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var ended *scope.Scope
	body := func(_ context.Context, s *scope.Scope) error {
		ended = s
		return nil
	}
	if err := scope.Run(ctx, body, scope.Timeout(time.Hour)); err != nil {
		t.Fatalf("Run() = %v, want nil", err)
	}
	if cause := ended.Info().Cause; cause != nil {
		t.Errorf("Cause after the end = %v, want nil", cause)
	}
	cancel()
	if cause := ended.Info().Cause; cause != nil {
		t.Errorf("Cause after the parent's cancellation = %v, want nil", cause)
	}
}

// A secretive context ends at a deadline that it does not tell.
type secretive struct{ context.Context }

func (secretive) Deadline() (at time.Time, ok bool) { return at, false }

// Row 74: the context of Do has a timer for the later deadline of the scope.
func TestTimeout_DeadlineThatIsNotToldReachesDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		s := scope.OpenSupervised(secretive{ctx}, scope.Timeout(time.Hour))
		_ = s.Do(t.Context(), "", func(ctx context.Context) error { <-ctx.Done(); return nil })
		if got := time.Since(begin); got != time.Minute {
			t.Errorf("Do was told after %v, want %v", got, time.Minute)
		}
		_ = s.Wait(t.Context())
	})
}

// A carefree context tells a deadline that it does not keep.
type carefree struct{ context.Context }

func (carefree) Done() <-chan struct{} { return nil }
func (carefree) Err() error            { return nil }

// Row 74: the scope's deadline reaches Do behind an earlier one that nobody keeps.
func TestTimeout_ReachesDoBehindADeadlineThatIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		s := scope.OpenSupervised(t.Context(), scope.Timeout(time.Hour))
		_ = s.Do(carefree{ctx}, "", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Hour):
			}
			return nil
		})
		if got := time.Since(begin); got != time.Hour {
			t.Errorf("Do was told after %v, want %v", got, time.Hour)
		}
		_ = s.Wait(t.Context())
	})
}

// Row 55, guarantee 1: a scope that ends before its deadline leaves no goroutine.
func TestTimeout_EndBeforeItStartsNoGoroutine(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	nothing := func(context.Context, *scope.Scope) error { return nil }
	for name, run := range map[string]func() error{
		"own": func() error {
			return scope.Run(t.Context(), nothing, scope.Timeout(time.Hour))
		},
		"parent's": func() error { return scope.Run(ctx, nothing) },
	} {
		left := 0
		for range 100 {
			before := runtime.NumGoroutine()
			if err := run(); err != nil {
				t.Fatalf("%s: Run() = %v, want nil", name, err)
			}
			if runtime.NumGoroutine() > before {
				left++
			}
		}
		if left > 10 { // others may begin something
			t.Errorf("%s: after %d of 100 runs there was one more goroutine, want 0", name, left)
		}
	}
}
