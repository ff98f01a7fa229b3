package programs_test

import (
	"context"
	"log"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// crashes are the programs that end badly, and how they do.
func crashes() []crash {
	panicking := func(context.Context) error { panic("boom") }
	return []crash{
		{
			name:    "a task panics",
			program: func() { inScope(func(s *scope.Scope) { s.Go("victim", panicking) }) },
			says: []string{
				`scope: task "app/victim", started at `, "panic: boom",
				"programs_test.crashes.func", // the stack
			},
			silent: []string{"goroutine "},
		},
		{
			name: "the body panics",
			program: func() {
				inScope(func(s *scope.Scope) {
					slow(s)
					panic("boom")
				})
			},
			code: 2,
			// First the announcement, then, after the join, the panic itself.
			says: []string{
				`scope: scope "app", started at `, joined, "panic: boom", "goroutine 1 ",
			},
		},
		{
			name: "the main goroutine calls Goexit in a body",
			program: func() {
				inScope(func(s *scope.Scope) {
					slow(s)
					runtime.Goexit()
				})
			},
			code: 2,
			says: []string{
				joined, "fatal error: no goroutines (main called runtime.Goexit) - deadlock!",
			},
		},
		{
			name: "os.Exit in a task",
			program: func() {
				inScope(func(s *scope.Scope) {
					slow(s)
					s.Go("exits", func(context.Context) error {
						os.Exit(7)
						return nil
					})
				})
			},
			code:   7,
			silent: []string{joined, "scope: "}, // nothing is waited for
		},
		{
			name: "log.Fatal in a handler",
			program: func() {
				inScope(func(s *scope.Scope) { s.Go("victim", panicking) },
					scope.OnFailure(func(_ context.Context, f *scope.Failure) { log.Fatal(f) }))
			},
			code: 1, says: []string{`task "app/victim": panic: boom`},
		},
		{
			name: "a handler panics, with CrashOnPanic",
			program: func() {
				inScope(func(s *scope.Scope) { s.Go("victim", failing) }, scope.CrashOnPanic(),
					scope.OnFailure(func(context.Context, *scope.Failure) { panic("handler") }))
			},
			says: []string{
				`scope: task "app/victim", started at `, "boom",
				"scope: the handler of this failure failed itself: panic: handler",
			},
		},
		{
			name: "an AfterFunc of a task's context panics",
			program: func() {
				inScope(func(s *scope.Scope) {
					s.Go("victim", func(ctx context.Context) error {
						context.AfterFunc(ctx, func() { panic("boom") })
						return nil
					})
					wait()
				})
			},
			code: 2, says: []string{"panic: boom", "created by context.(*afterFuncCtx).cancel"},
		},
		{
			name:    "concurrent map writes",
			program: concurrentMapWrites,
			code:    2, says: []string{"fatal error: concurrent map ", "(*Task).run"},
			silent: []string{"scope: task"}, // no handler, no deferred function
		},
		{
			name: "unlock of an unlocked mutex",
			program: func() {
				inScope(func(s *scope.Scope) {
					s.Defer("clean-up", failing)
					s.Go("victim", func(context.Context) error {
						defer func() { _ = recover() }()
						new(sync.Mutex).Unlock()
						return nil
					})
					wait()
				})
			},
			code: 2, says: []string{"fatal error: sync: unlock of unlocked mutex", "(*Task).run"},
			silent: []string{"scope: task"},
		},
		{
			name: "all wait for each other, below a forgotten scope",
			program: func() {
				s := scope.Open(context.Background(), scope.Name("app"))
				s.Go("waits", func(ctx context.Context) error { return obeying(ctx) })
				_ = s.Wait(context.Background())
			},
			code: 2,
			says: []string{"fatal error: all goroutines are asleep - deadlock!", "(*Task).run("},
			env:  []string{"GOTRACEBACK=all"},
		},
		{
			name: "a task and a deferred function panic while shutting down",
			program: func() {
				s := scope.OpenSupervised(context.Background(), scope.Name("app"))
				s.Defer("clean-up", panicking)
				s.Go("victim", func(ctx context.Context) error {
					<-ctx.Done()
					panic("on the way out")
				})
				if err := s.Shutdown(context.Background()); err != nil {
					log.Fatal(err)
				}
			},
			says: []string{
				`scope: task "app/victim"`, "panic: on the way out",
				`scope: task "app/clean-up"`, "panic: boom",
			},
		},
		{
			name: "the main goroutine panics while shutting down",
			program: func() {
				s := scope.OpenSupervised(context.Background(), scope.Name("app"))
				s.Go("deaf", func(context.Context) error { wait(); return nil })
				panic(s.Shutdown(done()))
			},
			code: 2,
			says: []string{`scope "app": context canceled; still running: 1: "app/deaf" (`},
		},
	}
}

// inScope runs body in a supervised scope with the name app.
func inScope(body func(s *scope.Scope), opts ...scope.Option) {
	opts = append(opts, scope.Name("app"))
	err := scope.Supervise(context.Background(), func(_ context.Context, s *scope.Scope) error {
		body(s)
		return nil
	}, opts...)
	if err != nil {
		log.Fatal(err)
	}
}

// joined is what a slow task says.
const joined = "the task was waited for"

// slow starts a task that says so some time after it was cancelled.
func slow(s *scope.Scope) {
	started := make(chan struct{})
	s.Go("slow", func(ctx context.Context) error {
		close(started)
		<-ctx.Done()
		time.Sleep(10 * time.Millisecond)
		_, _ = os.Stderr.WriteString(joined + "\n")
		return nil
	})
	<-started
}

// wait does not return.
func wait() { time.Sleep(childTime) }

func concurrentMapWrites() {
	m := map[int]int{}
	inScope(func(s *scope.Scope) {
		s.Defer("clean-up", failing)
		for range 8 {
			s.Go("writes", func(context.Context) error {
				for i := 0; ; i++ {
					m[i%1000]++
				}
			})
		}
	})
}
