package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// A child that fails twice and then has done its work.
func ExampleSupervisor() {
	tries := 0
	fetch := func(ctx context.Context) error {
		if tries++; tries < 3 {
			return fmt.Errorf("try %d: %w", tries, io.ErrUnexpectedEOF)
		}
		fmt.Println("fetched")
		return nil
	}
	s, err := supervisor.New([]supervisor.Spec{{
		Name:        "fetch",
		Run:         fetch,
		Restart:     supervisor.Transient, // until it returns nil
		Significant: true,                 // and then the supervisor ends
		Backoff:     supervisor.Backoff{Base: time.Millisecond},
	}}, supervisor.Options{
		AutoShutdown: supervisor.AnySignificant,
		OnFailure: func(_ context.Context, f *scope.Failure) {
			fmt.Println(f.Err)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Run(context.Background()))
	// Output:
	// try 1: unexpected EOF
	// try 2: unexpected EOF
	// fetched
	// <nil>
}

// A supervisor that gives up is the failure of one task: in a supervised scope
// the other tasks go on. If the program is of no use without the children, mark
// what Run returns as fatal.
func ExampleSupervisor_Run() {
	connect := func(context.Context) error { return errors.New("connection refused") }
	sup, err := supervisor.New(
		[]supervisor.Spec{{Name: "db", Run: connect, Backoff: supervisor.Backoff{Off: true}}},
		supervisor.Options{OnFailure: scope.Ignore},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	shop := scope.OpenSupervised(context.Background(), scope.Name("shop"))
	workers := shop.Go("workers", func(ctx context.Context) error {
		return scope.Fatal(sup.Run(ctx))
	})
	select {
	case <-interrupted.Done():
	case <-workers.Done():
	}
	bounded, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = shop.Shutdown(bounded)
	var exceeded *supervisor.IntensityError
	if errors.As(err, &exceeded) {
		fmt.Println(exceeded.Child, "was given up:", exceeded.Err)
	}
	// Output:
	// db was given up: task "shop/workers/db/run": connection refused
}

// Children that need each other, in order: each starts when the one before is
// ready, and restarts with it.
func ExampleNew() {
	ready := func(name string) func(context.Context, func()) error {
		return func(ctx context.Context, ready func()) error {
			fmt.Println("start", name)
			ready()
			<-ctx.Done()
			fmt.Println("stop", name)
			return nil
		}
	}
	s, err := supervisor.New([]supervisor.Spec{
		{Name: "db", Start: ready("db")},
		{Name: "cache", Start: ready("cache")},
		{Name: "http", Start: ready("http")},
	}, supervisor.Options{Strategy: supervisor.RestForOne})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = scope.Run(context.Background(), func(ctx context.Context, sc *scope.Scope) error {
		if _, err := sc.Start(ctx, "service", s.Start); err != nil {
			return err
		}
		fmt.Println("all ready")
		sc.Cancel(nil)
		return nil
	})
	fmt.Println(err)
	// Output:
	// start db
	// start cache
	// start http
	// all ready
	// stop http
	// stop cache
	// stop db
	// <nil>
}

// Pairs that cannot work together are refused, with the reason.
func ExampleNew_refused() {
	_, err := supervisor.New([]supervisor.Spec{{
		Name: "db",
		Run:  func(ctx context.Context) error { return nil },
		Budget: supervisor.Budget{
			Sustained: supervisor.Intensity{Restarts: 5, Period: 30 * time.Second},
		},
	}}, supervisor.Options{})
	var bad *supervisor.SpecError
	fmt.Println(errors.As(err, &bad), bad.Child, bad.Field)
	// Output:
	// true db Budget.Sustained
}

// What suture's ErrDoNotRestart and ErrTerminateSupervisorTree do, by errors of
// your own.
func ExampleAction() {
	var (
		errDone   = errors.New("done")
		errBroken = errors.New("broken")
	)
	classify := func(err error) supervisor.Action {
		switch {
		case errors.Is(err, errDone):
			return supervisor.Stop
		case errors.Is(err, errBroken):
			return supervisor.Escalate
		default:
			return supervisor.ByType
		}
	}
	fails := make(chan struct{})
	s, err := supervisor.New([]supervisor.Spec{
		{Name: "a", Classify: classify, Run: func(ctx context.Context) error {
			defer close(fails)
			return errDone
		}},
		{Name: "b", Classify: classify, Run: func(ctx context.Context) error {
			<-fails
			return errBroken
		}},
	}, supervisor.Options{OnFailure: scope.Ignore})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = s.Run(context.Background())
	fmt.Println(errors.Is(err, errBroken))
	// Output:
	// true
}

// Many children of one spec, at most two at a time.
func ExamplePool() {
	pool, err := supervisor.NewPool(supervisor.Spec{}, supervisor.Options{Limit: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		if _, err := s.Start(ctx, "pool", pool.Start); err != nil {
			return err
		}
		results := make(chan int, 5)
		for n := range 5 {
			// Waits for a place.
			err := pool.Add(ctx, "", func(context.Context) error {
				results <- n * n
				return nil
			})
			if err != nil {
				return err
			}
		}
		sum := 0
		for range 5 {
			sum += <-results
		}
		fmt.Println(sum)
		s.Cancel(nil)
		return nil
	})
	fmt.Println(err)
	// Output:
	// 30
	// <nil>
}
