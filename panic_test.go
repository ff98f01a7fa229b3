package scope_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// A starter starts f in s by one of the calls that make a task.
type starter struct {
	kind  string
	start func(t testing.TB, s *scope.Scope, f func(context.Context) error) *scope.Task
}

func starters() []starter {
	return []starter{
		{kind: "task", start: func(
			_ testing.TB, s *scope.Scope, f func(context.Context) error,
		) *scope.Task {
			return s.Go("victim", f)
		}},
		{kind: "daemon", start: func(
			_ testing.TB, s *scope.Scope, f func(context.Context) error,
		) *scope.Task {
			return s.Daemon("victim", f)
		}},
		{kind: "start", start: startReady},
	}
}

// Row 110.
func TestTask_PanicGoesToTheHandler(t *testing.T) {
	for _, c := range starters() {
		inAnyScope(t, func(t *trial) {
			sibling := t.s.Go("sibling", obedient)
			victim := c.start(t, t.s, func(context.Context) error { panic("boom") })
			<-victim.Done()
			f := t.failure()
			if runs(sibling) != (t.s.Info().Policy == "supervised") {
				t.Errorf("sibling of a panicked task in a %s scope runs: %v",
					t.s.Info().Policy, runs(sibling))
			}
			if f.Task.State != "panicked" || f.Task.Kind != c.kind {
				t.Errorf("failed task is a %s, %s; want a %s, panicked",
					f.Task.Kind, f.Task.State, c.kind)
			}
			checkPanic(t, f, "boom")
		})
	}
}

// checkPanic checks that err is a panic of this file with the value v.
func checkPanic(tb testing.TB, err error, v any) {
	tb.Helper()
	var p *scope.PanicError
	if !errors.As(err, &p) || p.Value != v {
		tb.Fatalf("failure = %#v, want a PanicError of %v", err, v)
	}
	if want := fmt.Sprint("panic: ", v); p.Error() != want {
		tb.Errorf("Error() = %q, want %q", p, want)
	}
	stack := p.Stack()
	if !strings.Contains(stack, "panic_test.go:") ||
		!strings.Contains(fmt.Sprintf("%+v", err), stack) {
		tb.Errorf("%%+v of the failure is %+v; want the stack in it, with this file", err)
	}
}

// Row 110. A future's panic goes to who waits for it.
func TestFuture_PanicGoesToTheWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
		future := scope.Async(s, "", func(context.Context) (int, error) { panic("boom") })
		_, err := future.Wait(t.Context())
		checkPanic(t, err, "boom")
		if err := s.Shutdown(t.Context()); err != nil || len(in.failures()) > 0 {
			t.Errorf("Shutdown() = %v, handler got %v; want nil, nothing", err, in.failures())
		}
	})
}

// panicOf returns the PanicError of a task that runs f.
func panicErrorOf(t *testing.T, f func()) *scope.PanicError {
	t.Helper()
	err := scope.Run(context.Background(), func(_ context.Context, s *scope.Scope) error {
		s.Go("victim", func(context.Context) error { f(); return nil })
		return nil
	})
	var p *scope.PanicError
	if !errors.As(err, &p) {
		t.Fatalf("Run() = %v, want a PanicError", err)
	}
	return p
}

// stackFunctions returns the functions of a stack, without their packages.
func stackFunctions(stack string) []string {
	var names []string
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") {
			name := strings.TrimSuffix(strings.TrimSpace(line), "(...)")
			names = append(names, name[strings.LastIndexByte(name, '/')+1:])
		}
	}
	return names
}

// panicOuter and panicInner are two frames of a stack.
//
//go:noinline
func panicOuter(f func()) { panicInner(f) }

//go:noinline
func panicInner(f func()) { f() }

// Row 110.
func TestPanicError_StackStartsAtThePanic(t *testing.T) {
	var (
		pointer  *int
		byName   map[string]int
		list     []int
		channel  chan int
		zero     int
		anything any = list
		other        = anything
		failures map[string]error
	)
	for name, f := range map[string]func(){
		"panic":         func() { panic("boom") },
		"nil pointer":   func() { *pointer = 1 },
		"nil interface": func() { _ = failures["none"].Error() },
		"nil map":       func() { byName["a"] = 1 },
		"index":         func() { list[zero] = 1 },
		"nil channel":   func() { close(channel) },
		"division":      func() { zero /= zero },
		"conversion":    func() { _ = anything.(string) },
		"comparison":    func() { zero = map[bool]int{}[anything == other] },
		"deep below":    func() { deepPanic(1000) },
		"after recover": func() { defer func() { _ = recover(); panic("again") }(); panic("boom") },
	} {
		p := panicErrorOf(t, func() { panicOuter(f) })
		got := stackFunctions(p.Stack())
		switch {
		case name == "deep below" && got[0] != "scope_test.deepPanic",
			name != "deep below" && !strings.HasPrefix(got[0],
				"scope_test.TestPanicError_StackStartsAtThePanic.func"):
			t.Errorf("%s: stack starts at %s:\n%s", name, got[0], p.Stack())
		case name != "deep below" && name != "after recover" &&
			(got[1] != "scope_test.panicInner" || got[2] != "scope_test.panicOuter"):
			t.Errorf("%s: stack goes on with %q, want panicInner and panicOuter", name, got[1:3])
		}
	}
}

func deepPanic(depth int) {
	if depth == 0 {
		panic("boom")
	}
	deepPanic(depth - 1)
}

//go:noinline
func panicFirst() { panic("first") }

//go:noinline
func panicSecond() { _ = recover(); panic("second") }

// Row 110. A deferred function that panics in its turn is where the panic comes
// from; the first one is further down.
func TestPanicError_StackStartsAtTheLastPanic(t *testing.T) {
	p := panicErrorOf(t, func() {
		defer panicSecond()
		panicFirst()
	})
	got := stackFunctions(p.Stack())
	if p.Value != "second" || got[0] != "scope_test.panicSecond" {
		t.Errorf("%v starts at %s, want second, at panicSecond:\n%s", p, got[0], p.Stack())
	}
	if !strings.Contains(p.Stack(), "panicFirst") {
		t.Errorf("stack does not show the first panic:\n%s", p.Stack())
	}
}

// Row 110. A panic that is handed on by another task keeps its first stack.
func TestPanicError_KeepsTheFirstStack(t *testing.T) {
	first := panicErrorOf(t, panicFirst)
	for _, v := range []any{first, fmt.Errorf("worker: %w", first)} {
		again := panicErrorOf(t, func() { panic(v) })
		if again.Value != v || again.Stack() != first.Stack() {
			t.Errorf("panic(%v) has value %v and the stack\n%s", v, again.Value, again.Stack())
		}
	}
}

// Row 110. Do and the body of a scope hand a panic on after their join; it still
// comes from where it was raised.
func TestPanicError_StackPassesThroughDoAndBodies(t *testing.T) {
	p := panicErrorOf(t, func() {
		_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			return s.Do(ctx, "", func(context.Context) error { panicFirst(); return nil })
		})
	})
	if got := stackFunctions(p.Stack()); got[0] != "scope_test.panicFirst" {
		t.Errorf("stack starts at %s, want panicFirst:\n%s", got[0], p.Stack())
	}
}

// Row 111.
func TestPanicError_UnwrapsToTheValue(t *testing.T) {
	p := panicErrorOf(t, func() { panic(fmt.Errorf("read: %w", errDisk)) })
	if !errors.Is(p, errDisk) {
		t.Errorf("%v is not %v", p, errDisk)
	}
	p = panicErrorOf(t, func() { panic(&os.PathError{Op: "open", Err: errDisk}) })
	if path := (*os.PathError)(nil); !errors.As(p, &path) {
		t.Errorf("%v is no *os.PathError", p)
	}
	p = panicErrorOf(t, func() { panicWith(nil) })
	if null := (*runtime.PanicNilError)(nil); !errors.As(p, &null) {
		t.Errorf("panic(nil) gives %#v, want a *runtime.PanicNilError", p.Value)
	}
	p = panicErrorOf(t, func() { panicOnIndex(nil) })
	if fault := runtime.Error(nil); !errors.As(p, &fault) {
		t.Errorf("%v is no runtime.Error", p)
	}
	if p := panicErrorOf(t, func() { panic("text") }); errors.Unwrap(p) != nil {
		t.Errorf("Unwrap() of a panic with a string = %v, want nil", errors.Unwrap(p))
	}
}

func panicWith(v any) { panic(v) }

func panicOnIndex(list []int) { list[0] = 1 }

// Rows 110 and 111. What the methods of the value do is not our end.
func TestPanicError_SurvivesValuesWithBadMethods(t *testing.T) {
	var typedNil *fieldError
	for _, v := range []any{typedNil, angryError{}, errors.Join(errDisk, typedNil), manyErrors{}} {
		p := panicErrorOf(t, func() { panic(v) })
		if got, want := fmt.Sprintf("%T", p.Value), fmt.Sprintf("%T", v); got != want {
			t.Errorf("panic(%s): the value is a %s", want, got)
		}
		if p.Stack() == "" || p.Error() == "" {
			t.Errorf("panic(%T): text %q, stack %q", v, p, p.Stack())
		}
	}
}

// Row 112.
func TestTask_PanicUnderACancellationIsReported(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		victim := s.Go("victim", func(ctx context.Context) error {
			<-ctx.Done()
			panic(ctx.Err())
		})
		synctest.Wait()
		s.Cancel(errDisk)
		<-victim.Done()
		f := t.failure()
		var p *scope.PanicError
		if !errors.As(f, &p) || !errors.Is(f.Cause, errDisk) || victim.Info().State != "panicked" {
			t.Errorf("failure = %#v with cause %v, want a PanicError, %v", f.Err, f.Cause, errDisk)
		}
	})
}

// crashVariable makes this binary a program that crashes; see crash.
const crashVariable = "SCOPE_TEST_CRASH"

// Row 113. The process dies of the panic, however little its main goroutine
// does before it exits with success.
func TestCrashOnPanic_KillsTheProcessFirst(t *testing.T) {
	if how := os.Getenv(crashVariable); how != "" {
		crash(how)
		os.Exit(0)
	}
	ways := []string{
		"Wait", "Run", "Shutdown", "Done", "nested", "Async", "Daemon", "Defer", "Start",
	}
	rounds := 200
	if testing.Short() {
		rounds = len(ways)
	}
	for i := range rounds {
		how := ways[i%len(ways)]
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), crashVariable+"="+how)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Fatalf("%s: process ended with %v, want exit status 2:\n%s", how, err, out)
		}
		for _, want := range []string{"panic: boom", "scope_test.crashHere", "panic_test.go:"} {
			if !strings.Contains(string(out), want) {
				t.Fatalf("%s: no %q in the output:\n%s", how, want, out)
			}
		}
		if strings.Contains(string(out), "handler called") {
			t.Fatalf("%s: the handler was called:\n%s", how, out)
		}
	}
}

//go:noinline
func crashHere(context.Context) error { panic("boom") }

// crash lets a task panic and returns if the scope ends in spite of it.
func crash(how string) {
	ctx := context.Background()
	opts := []scope.Option{scope.CrashOnPanic(),
		scope.OnFailure(func(context.Context, *scope.Failure) {
			_, _ = os.Stderr.WriteString("handler called")
		}),
	}
	s := scope.OpenSupervised(ctx, opts...)
	switch how {
	case "Run":
		_ = scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("victim", crashHere)
			return nil
		}, opts...)
		return
	case "nested":
		s.Go("outer", func(ctx context.Context) error {
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				s.Go("victim", crashHere)
				return nil
			})
		})
	case "Async":
		future := scope.Async(s, "victim", func(ctx context.Context) (int, error) {
			return 0, crashHere(ctx)
		})
		_, _ = future.Wait(ctx)
		return
	case "Daemon":
		<-s.Daemon("victim", crashHere).Done()
		return
	case "Defer":
		s.Defer("victim", crashHere)
		_ = s.Shutdown(ctx)
		return
	case "Start":
		_, _ = s.Start(ctx, "victim", func(ctx context.Context, _ func()) error {
			return crashHere(ctx)
		})
		return
	default:
		s.Go("victim", crashHere)
	}
	switch how {
	case "Shutdown":
		_ = s.Shutdown(ctx)
	case "Done":
		s.Cancel(nil)
		<-s.Done()
	default:
		_ = s.Wait(ctx)
	}
}

// Row 114.
func TestTask_GoexitIsAFailure(t *testing.T) {
	for _, c := range starters() {
		inAnyScope(t, func(t *trial) {
			s := t.s
			victim := c.start(t, s, func(context.Context) error { runtime.Goexit(); return nil })
			<-victim.Done()
			if err := victim.Err(); !errors.Is(err, scope.ErrGoexit) {
				t.Errorf("%s: Err() = %v, want ErrGoexit", c.kind, err)
			}
			f := t.failure()
			if info := f.Task; !errors.Is(f.Err, scope.ErrGoexit) || info.State != "failed" ||
				info.Kind != c.kind {
				t.Errorf("%s: failure = %v of a %s, %s", c.kind, f.Err, info.Kind, info.State)
			}
		})
	}
}

// Row 114. A test helper may call t.FailNow in a task.
func TestTask_FailNowIsAGoexit(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		var other testing.T // which fails in place of this test
		<-s.Go("victim", func(context.Context) error { other.FailNow(); return nil }).Done()
		if f := t.failure(); !errors.Is(f.Err, scope.ErrGoexit) || !other.Failed() {
			t.Errorf("failure = %v, want ErrGoexit", f)
		}
	})
}

// Row 114.
func TestScope_StartOfAGoexit(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		ctx, s, in := t.ctx, t.s, t.in
		task, err := s.Start(t.Context(), "victim", func(context.Context, func()) error {
			runtime.Goexit()
			return nil
		})
		if task != nil || !errors.Is(err, scope.ErrGoexit) {
			t.Errorf("Start() = %v, %v, want nil and ErrGoexit", task, err)
		}
		if ctx.Err() != nil || len(in.failures()) > 0 {
			t.Errorf("body has %v, handler got %v; want neither to hear of it",
				ctx.Err(), in.failures())
		}
	})
}

// Row 114. The deferred functions before it run all the same.
func TestScope_DeferOfAGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		ran := 0
		s := scope.OpenSupervised(t.Context(), scope.OnFailure(in.handle))
		s.Defer("first", func(context.Context) error { ran++; return nil })
		s.Defer("victim", func(context.Context) error { runtime.Goexit(); return nil })
		if err := s.Shutdown(t.Context()); err != nil || ran != 1 {
			t.Errorf("Shutdown() = %v, the other function ran %d times; want nil, once", err, ran)
		}
		got := in.failures()
		if len(got) != 1 || !errors.Is(got[0], scope.ErrGoexit) || got[0].Task.Kind != "defer" {
			t.Errorf("handler got %v, want the ErrGoexit of a deferred function", got)
		}
	})
}

// leave runs f on a goroutine of its own and returns the panic it ends with, and
// whether it returned.
func leave(f func()) (v any, returned bool) {
	type ending struct {
		v        any
		returned bool
	}
	ended := make(chan ending)
	go func() {
		var e ending
		defer func() {
			e.v = recover()
			ended <- e
		}()
		f()
		e.returned = true
	}()
	e := <-ended
	return e.v, e.returned
}

// Row 114.
func TestRun_GoexitOfTheBodyGoesOnAfterTheJoin(t *testing.T) {
	for _, run := range lexicals() {
		synctest.Test(t, func(t *testing.T) {
			var s *scope.Scope
			var task *scope.Task
			v, returned := leave(func() {
				_ = run(t.Context(), func(_ context.Context, scp *scope.Scope) error {
					s, task = scp, scp.Go("slow", func(ctx context.Context) error {
						<-ctx.Done()
						time.Sleep(time.Hour)
						return nil
					})
					runtime.Goexit()
					return nil
				})
			})
			if v != nil || returned {
				t.Errorf("the caller got a panic %v, or returned: %v; want a Goexit", v, returned)
			}
			if err := task.Err(); err != nil || s.Info().State != "ended" {
				t.Errorf("then the task had %v, the scope was %s", err, s.Info().State)
			}
		})
	}
}

// Row 114.
func TestScope_DoGoesOnWithAGoexitOrPanic(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s, in := t.s, t.in
		v, returned := leave(func() {
			_ = s.Do(t.Context(), "", func(context.Context) error { runtime.Goexit(); return nil })
		})
		if v != nil || returned {
			t.Errorf("after a Goexit in Do: panic %v, returned %v", v, returned)
		}
		v, _ = leave(func() {
			_ = s.Do(t.Context(), "", func(context.Context) error { panic("boom") })
		})
		if v != "boom" {
			t.Errorf("after a panic in Do: panic %v, want boom", v)
		}
		c := s.Info().Counts
		if c.Live != 0 || c.Failed != 1 || c.Panicked != 1 || len(in.failures()) > 0 {
			t.Errorf("counts %+v, handler got %v; want 1 failed, 1 panicked, nothing",
				c, in.failures())
		}
	})
}

// Row 114. What a handler calls Goexit in goes on: a task's end, the end of a
// scope nested in a task or in the body, and the panic of a body.
func TestScope_GoexitInHandler(t *testing.T) {
	goexit := scope.OnFailure(func(context.Context, *scope.Failure) { runtime.Goexit() })
	nested := func(ctx context.Context) { // its failure is fetched by nobody
		scope.Open(ctx).Go("late", func(ctx context.Context) error { <-ctx.Done(); return errDisk })
	}
	for name, body := range map[string]func(context.Context, *scope.Scope) error{
		"task": func(_ context.Context, s *scope.Scope) error {
			s.Go("victim", give(errDisk))
			return nil
		},
		"below a task": func(_ context.Context, s *scope.Scope) error {
			s.Go("outer", func(ctx context.Context) error { nested(ctx); return nil })
			return nil
		},
		"below the body": func(ctx context.Context, _ *scope.Scope) error {
			nested(ctx)
			return nil
		},
		"body that fails": func(context.Context, *scope.Scope) error { panic("boom") },
	} {
		synctest.Test(t, func(t *testing.T) {
			var slow *scope.Task
			var s *scope.Scope
			_, _ = leave(func() {
				_ = scope.Supervise(t.Context(), func(ctx context.Context, scp *scope.Scope) error {
					s, slow = scp, scp.Go("slow", func(context.Context) error {
						time.Sleep(time.Hour)
						return nil
					})
					return body(ctx, s)
				}, goexit)
			})
			if slow.Err() != nil || s.Info().State != "ended" {
				t.Errorf("%s: Supervise is over, the task %v, the scope %s",
					name, slow.Err(), s.Info().State)
			}
		})
	}
}

// Row 115.
func TestTask_PanicAndGoexitInOneTask(t *testing.T) {
	inAnyScope(t, func(t *trial) {
		s := t.s
		task := s.Go("panic during Goexit", func(context.Context) error {
			defer panic("boom")
			runtime.Goexit()
			return nil
		})
		<-task.Done()
		var p *scope.PanicError
		if f := t.failure(); !errors.As(f, &p) || p.Value != "boom" {
			t.Errorf("failure = %v, want a PanicError of boom", f)
		}
	})
	inAnyScope(t, func(t *trial) {
		s := t.s
		task := s.Go("Goexit during panic", func(context.Context) error {
			defer runtime.Goexit()
			panic("boom")
		})
		<-task.Done()
		if f := t.failure(); !errors.Is(f.Err, scope.ErrGoexit) {
			t.Errorf("failure = %v, want ErrGoexit", f)
		}
	})
}

// Row 110. A panic of the body is shown at once if tasks are left, and says
// which scope it comes from.
func TestRun_BodyFailureHasASite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in inbox
		v, _ := leave(func() {
			_ = scope.Supervise(t.Context(), func(_ context.Context, s *scope.Scope) error {
				s.Go("slow", func(context.Context) error { time.Sleep(time.Hour); return nil })
				panic("boom")
			}, scope.Name("main"), scope.OnFailure(in.handle))
		})
		got := in.failures()
		if v != "boom" || len(got) != 1 {
			t.Fatalf("panic %v, handler got %v, want boom and one failure", v, got)
		}
		info := got[0].Task
		if info.Kind != "body" || info.Path != "main" ||
			!strings.Contains(info.Site, "panic_test.go:") {
			t.Errorf("failure is of %q, a %s, at %q", info.Path, info.Kind, info.Site)
		}
	})
}

// Row 36. A program of old may ask for panics with nil that recover does not tell from
// none. Run and Do must not return as if nothing had happened.
func TestPanicNil_OfOldIsNoSuccess(t *testing.T) {
	t.Setenv("GODEBUG", "panicnil=1")
	var value any // not a literal, which vet knows
	for _, run := range lexicals() {
		err := run(t.Context(), func(context.Context, *scope.Scope) error { panic(value) })
		if err != scope.ErrGoexit {
			t.Errorf("result = %v, want %v", err, scope.ErrGoexit)
		}
	}
	s := scope.Open(t.Context())
	err := s.Do(t.Context(), "", func(context.Context) error { panic(value) })
	if err != scope.ErrGoexit {
		t.Errorf("Do() = %v, want %v", err, scope.ErrGoexit)
	}
	_ = s.Shutdown(t.Context())
}
