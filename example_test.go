package scope_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/supervisorscope/scope"
)

func ExampleRun() {
	lengths := make([]int, 3)
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		for i, word := range []string{"one", "two", "three"} {
			s.Go(word, func(context.Context) error {
				lengths[i] = len(word)
				return nil
			})
		}
		return nil
	})
	fmt.Println(lengths, err)
	// Output: [3 3 5] <nil>
}

func ExampleRun_firstFailure() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("patient", func(ctx context.Context) error {
			<-ctx.Done() // cancelled by the failure of the other
			return ctx.Err()
		})
		s.Go("hasty", func(context.Context) error { return errors.New("no luck") })
		return nil
	}, scope.Name("errands"))
	fmt.Println(err)
	// Output: task "errands/hasty": no luck
}

func ExampleSupervise() {
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		<-s.Go("parse", func(context.Context) error {
			fields := strings.Fields("")
			fmt.Println(fields[0])
			return nil
		}).Done()
		s.Go("count", func(context.Context) error {
			fmt.Println("its sibling goes on")
			return nil
		})
		return nil
	}, scope.Name("job"), scope.OnFailure(func(_ context.Context, f *scope.Failure) {
		fmt.Println(f)
	}))
	fmt.Println(err)
	// Output:
	// task "job/parse": panic: runtime error: index out of range [0] with length 0
	// its sibling goes on
	// <nil>
}

// A task that does not look at its context is named by Shutdown, and waited for.
// The whole server is examples/accept.
func ExampleScope_Shutdown() {
	s := scope.OpenSupervised(context.Background(), scope.Name("server"))
	hangUp := make(chan struct{})
	s.Go("conn", func(context.Context) error { <-hangUp; return nil })

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	var left *scope.StragglersError
	if errors.As(s.Shutdown(ctx), &left) {
		for _, t := range left.Tasks {
			fmt.Printf("%s waits in %q\n", t.Task.Path, t.Wait)
		}
	}

	close(hangUp) // now it can end, and the scope with it
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// server/conn waits in "chan receive"
	// <nil>
}

// Fan out and collect.
func ExampleAsync() {
	square := func(n int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return n * n, nil }
	}
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		var futures []*scope.Future[int]
		for n := range 4 {
			futures = append(futures, scope.Async(s, "square", square(n)))
		}
		for _, f := range futures {
			n, err := f.Wait(ctx)
			if err != nil {
				return err
			}
			fmt.Print(n, " ")
		}
		return nil
	})
	fmt.Println(err)
	// Output: 0 1 4 9 <nil>
}

// A background helper for each connection: it lives as long as the connection
// is served, and never longer.
func ExampleScope_Daemon() {
	handle := func(ctx context.Context, requests []string) error {
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Daemon("heartbeat", func(ctx context.Context) error {
				<-ctx.Done()
				fmt.Println("heartbeat stops")
				return ctx.Err()
			})
			for _, r := range requests {
				s.Go(r, func(context.Context) error { return nil })
			}
			fmt.Println("served", len(requests))
			return nil
		})
	}
	fmt.Println(handle(context.Background(), []string{"GET /", "GET /logo"}))
	// Output:
	// served 2
	// heartbeat stops
	// <nil>
}

// Readiness: the next step begins when the task says that it can serve.
func ExampleScope_Start() {
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		_, err := s.Start(ctx, "cache", func(ctx context.Context, ready func()) error {
			fmt.Println("cache: filling")
			ready()
			<-ctx.Done()
			return ctx.Err()
		})
		fmt.Println("cache is ready:", err)
		_, err = s.Start(ctx, "index", func(context.Context, func()) error {
			return errors.New("file is corrupt")
		})
		fmt.Println("index:", err)
		s.Cancel(nil)
		return nil
	}, scope.Name("app"))
	fmt.Println(err)
	// Output:
	// cache: filling
	// cache is ready: <nil>
	// index: start: task "app/index": file is corrupt
	// <nil>
}

func ExampleOpen() {
	s := scope.Open(context.Background(), scope.Name("import"))
	s.Go("rows", func(context.Context) error { return errors.New("line 7: no such column") })
	fmt.Println(s.Wait(context.Background()))
	_, err := s.TryGo("more rows", func(context.Context) error { return nil })
	fmt.Println(errors.Is(err, scope.ErrClosed))
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// task "import/rows": line 7: no such column
	// true
	// task "import/rows": line 7: no such column
}

func ExampleOpenSupervised() {
	failures := func(_ context.Context, f *scope.Failure) { fmt.Println("handler:", f) }
	s := scope.OpenSupervised(context.Background(), scope.Name("mail"), scope.OnFailure(failures))
	s.Go("to-ann", func(context.Context) error { return errors.New("mailbox full") })
	_ = s.Wait(context.Background()) // nothing runs at the moment; the scope stays open
	s.Go("to-bob", func(context.Context) error { return nil })
	fmt.Println(s.Drain(context.Background()))
	fmt.Println(s.Info().Counts.OK, "sent,", s.Info().Counts.Failed, "failed")
	// Output:
	// handler: task "mail/to-ann": mailbox full
	// <nil>
	// 1 sent, 1 failed
}

func ExampleScope_Do() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		return s.Do(ctx, "request", func(ctx context.Context) error {
			fmt.Println(scope.TaskFrom(ctx).Info().Path)
			return nil
		})
	}, scope.Name("api"))
	fmt.Println(err)
	// Output:
	// api/request
	// <nil>
}

func ExampleScope_Defer() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Defer("close database", func(ctx context.Context) error {
			fmt.Println("closed; may still work:", ctx.Err() == nil)
			return nil
		})
		s.Go("query", func(context.Context) error {
			fmt.Println("queried")
			return nil
		})
		return nil
	})
	fmt.Println(err)
	// Output:
	// queried
	// closed; may still work: true
	// <nil>
}

func ExampleFatal() {
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("writer", func(context.Context) error {
			return scope.Fatal(errors.New("disk full"))
		})
		<-ctx.Done()
		return ctx.Err()
	}, scope.Name("store"))
	fmt.Println(err)
	// Output: task "store/writer": disk full
}

func ExampleMoveOnAfter() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("ask the slow one", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		return nil
	}, scope.MoveOnAfter(time.Millisecond))
	fmt.Println(err)
	// Output: <nil>
}

func ExampleLimit() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		gate := make(chan struct{})
		s.Go("first", func(context.Context) error { <-gate; return nil })
		_, err := s.TryGo("second", func(context.Context) error { return nil })
		fmt.Println(err)
		close(gate)
		s.Go("third", func(context.Context) error { return nil }) // waits for the first
		return nil
	}, scope.Limit(1))
	fmt.Println(err)
	// Output:
	// scope: limit of tasks reached
	// <nil>
}
