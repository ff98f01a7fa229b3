package programs_test

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/supervisorscope/scope"
)

// signals are programs that are sent one.
func signals() []crash {
	obedient := func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
		defer stop()
		err := scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			slow(s)
			say("ready")
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			log.Fatal(err)
		}
	}
	heedless := func() {
		inScope(func(s *scope.Scope) {
			slow(s)
			say("ready")
			sleepHere()
		})
	}
	return []crash{
		{
			name: "SIGTERM, obeyed", program: obedient, signal: syscall.SIGTERM,
			says: []string{joined},
		},
		{
			name: "SIGINT, obeyed", program: obedient, signal: os.Interrupt,
			says: []string{joined},
		},
		{
			name: "SIGTERM, by default", program: heedless, signal: syscall.SIGTERM,
			killed: syscall.SIGTERM, silent: []string{joined},
		},
		{
			name: "SIGINT, by default", program: heedless, signal: os.Interrupt,
			killed: syscall.SIGINT, silent: []string{joined},
		},
		{
			name: "SIGQUIT, which has all stacks printed", program: heedless,
			signal: syscall.SIGQUIT, code: 2, silent: []string{joined},
			says: []string{"SIGQUIT: quit", "programs_test.slow.func1(", "(*Task).run("},
		},
		{
			name: "SIGTERM, and a task of each kind that never returns", program: stuck,
			signal: syscall.SIGTERM, code: 1,
			says: []string{
				`scope "app": context deadline exceeded; still running: 7: `,
				`"app/go" (`, `, in sleep at `, `signals_test.go:`, `"app/daemon" (`,
				`"app/start" (`, `"app/async" (`, `"app/outer" (`, `"app/outer/nested" (`,
				`"app/do" (`,
			},
		},
	}
}

func sleepHere() { time.Sleep(childTime) }

// stuck is a program that, sent SIGTERM, gives its tasks some time, says which
// are left and exits.
func stuck() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := scope.Open(context.Background(), scope.Name("app"))
	deaf := func(context.Context) error {
		sleepHere()
		return nil
	}
	s.Go("go", deaf)
	s.Daemon("daemon", deaf)
	_, _ = s.Start(ctx, "start", func(ctx context.Context, ready func()) error {
		ready()
		return deaf(ctx)
	})
	scope.Async(s, "async", func(ctx context.Context) (int, error) { return 0, deaf(ctx) })
	begun := make(chan struct{})
	s.Go("outer", func(ctx context.Context) error {
		return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
			s.Go("nested", deaf)
			close(begun)
			return nil
		})
	})
	<-begun
	doing := make(chan struct{})
	go func() {
		_ = s.Do(ctx, "do", func(ctx context.Context) error {
			close(doing)
			return deaf(ctx)
		})
	}()
	<-doing
	say("ready")
	<-ctx.Done()
	patience, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(patience); err != nil {
		stop()
		log.Fatal(err) //nolint:gocritic // what is deferred does not matter
	}
}
