package scope_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/supervisorscope/scope"
)

// The examples of docs/guide, in the order of its pages. Some that it shows
// are in example_test.go.

// Orders are independent of each other; the steps of one are not.
func Example_nested() {
	step := func(err error) func(context.Context) error {
		return func(context.Context) error { return err }
	}
	order := func(ctx context.Context, paid error) error {
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("payment", step(paid))
			s.Go("stock", step(nil))
			return nil
		})
	}
	report := func(_ context.Context, f *scope.Failure) { fmt.Println("handler:", f) }
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		<-s.Go("order-1", func(ctx context.Context) error {
			return order(ctx, errors.New("card declined"))
		}).Done()
		second := s.Go("order-2", func(ctx context.Context) error { return order(ctx, nil) })
		<-second.Done()
		fmt.Println("order-2:", second.Err())
		return nil
	}, scope.Name("shop"), scope.OnFailure(report))
	fmt.Println(err)
	// Output:
	// handler: task "shop/order-1/payment": card declined
	// order-2: <nil>
	// <nil>
}

func ExampleScope_Cancel() {
	wait := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err() // just the cancellation: not a failure
	}
	for _, cause := range []error{nil, errors.New("configuration has changed")} {
		s := scope.OpenSupervised(context.Background())
		t := s.Go("wait", wait)
		s.Cancel(cause)                           // asks
		fmt.Println(s.Wait(context.Background())) // waits, and returns the scope's result
		fmt.Println(errors.Is(t.Err(), scope.ErrCancelled))
	}
	// Output:
	// <nil>
	// true
	// configuration has changed
	// true
}

// Let the work finish for a while, then cut it short.
func ExampleScope_Drain() {
	stop := func(s *scope.Scope) error {
		finish, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		var left *scope.StragglersError
		if errors.As(s.Drain(finish), &left) {
			fmt.Println("not finished in time:", len(left.Tasks))
		}
		cleanUp, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return s.Shutdown(cleanUp)
	}

	s := scope.OpenSupervised(context.Background(), scope.Name("uploads"))
	s.Go("long", func(ctx context.Context) error {
		<-ctx.Done() // more than 10 ms of work, but it listens
		fmt.Println("long: cut short")
		return ctx.Err()
	})
	fmt.Println(stop(s))
	// Output:
	// not finished in time: 1
	// long: cut short
	// <nil>
}

func ExampleStragglersError() {
	s := scope.OpenSupervised(context.Background(), scope.Name("server"))
	release := make(chan struct{})
	s.Go("conn-1", func(context.Context) error {
		<-release // deaf to its context
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()

	err := s.Shutdown(ctx)
	var left *scope.StragglersError
	if errors.As(err, &left) {
		for _, t := range left.Tasks {
			fmt.Println(t.Task.Path, "is", t.Task.State) // see also t.Wait, t.At, t.Stack
		}
	}
	fmt.Println(errors.Is(err, context.DeadlineExceeded)) // of the ctx that Shutdown got

	close(release)
	fmt.Println(s.Wait(context.Background()))
	// Output:
	// server/conn-1 is cancelling
	// true
	// <nil>
}

func ExampleGrace() {
	release := make(chan struct{})
	report := func(_ context.Context, f *scope.Failure) {
		var left *scope.StragglersError
		if errors.As(f.Err, &left) {
			fmt.Println(left.Err, "and still there is", left.Tasks[0].Task.Path)
		}
		close(release)
	}
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("deaf", func(context.Context) error { <-release; return nil })
		s.Cancel(nil)
		return nil
	}, scope.Name("job"), scope.Grace(time.Millisecond), scope.OnFailure(report))
	fmt.Println(err)
	// Output:
	// grace of 1ms is over and still there is job/deaf
	// <nil>
}

func ExampleErrSelfWait() {
	s := scope.OpenSupervised(context.Background(), scope.Name("server"))
	s.Go("admin", func(ctx context.Context) error {
		err := s.Shutdown(ctx) // "stop" was typed: ask, but do not wait
		fmt.Println(errors.Is(err, scope.ErrSelfWait), ctx.Err())
		return nil
	})
	<-s.Done()
	fmt.Println("over")
	// Output:
	// true context canceled
	// over
}

// Clean-up that needs tasks of its own.
func Example_cleanUpWithTasks() {
	upload := func(ctx context.Context) error {
		<-ctx.Done() // cancelled: a scope opened with ctx would refuse all tasks
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("abort", func(ctx context.Context) error {
				fmt.Println(scope.TaskFrom(ctx).Info().Path, ctx.Err())
				return nil
			})
			return nil
		})
	}
	s := scope.OpenSupervised(context.Background(), scope.Name("uploads"))
	s.Go("film.mp4", upload)
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// uploads/film.mp4/abort <nil>
	// <nil>
}

// steady leaves out what differs between runs: the time, and stacks.
func steady() *slog.HandlerOptions {
	return &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "stack" {
			return slog.Attr{}
		}
		return a
	}}
}

func ExampleOnFailure() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, steady()))
	toLog := func(ctx context.Context, f *scope.Failure) {
		attrs := []any{"task", f.Task.Path, "err", f.Err}
		if f.Cause != nil { // it was asked to end, and failed on the way
			attrs = append(attrs, "cause", f.Cause)
		}
		var p *scope.PanicError
		if errors.As(f.Err, &p) {
			attrs = append(attrs, "stack", p.Stack())
		}
		log.ErrorContext(ctx, "failed", attrs...)
	}

	s := scope.OpenSupervised(context.Background(), scope.Name("mail"), scope.OnFailure(toLog))
	<-s.Go("ann", func(context.Context) error { return errors.New("mailbox full") }).Done()
	<-s.Go("bob", func(context.Context) error { panic("no bob") }).Done()
	s.Go("eve", func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("lost")
	})
	fmt.Println(s.Shutdown(context.Background()))
	// Output:
	// {"level":"ERROR","msg":"failed","task":"mail/ann","err":"mailbox full"}
	// {"level":"ERROR","msg":"failed","task":"mail/bob","err":"panic: no bob"}
	// {"level":"ERROR","msg":"failed","task":"mail/eve","err":"lost","cause":"context canceled"}
	// <nil>
}

func ExamplePanicError() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("index", func(context.Context) error {
			words := strings.Fields("")
			fmt.Println(words[3])
			return nil
		})
		return nil
	}, scope.Name("search"))
	fmt.Println(err)

	var p *scope.PanicError
	var bounds runtime.Error
	fmt.Println(errors.As(err, &p), errors.As(err, &bounds)) // the value, if it is an error
	fmt.Println(strings.Contains(p.Stack(), "guide_test.go"))
	// Output:
	// task "search/index": panic: runtime error: index out of range [3] with length 0
	// true true
	// true
}

func ExampleContain() {
	tenant := func(ctx context.Context) error {
		return scope.Supervise(ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("serve", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			s.Go("store", func(context.Context) error {
				return scope.Fatal(errors.New("disk full"))
			})
			return nil
		}, scope.Contain())
	}
	report := func(_ context.Context, f *scope.Failure) { fmt.Println("handler:", f) }
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		<-s.Go("tenant-1", tenant).Done()
		fmt.Println("the others go on:", ctx.Err() == nil)
		return nil
	}, scope.Name("host"), scope.OnFailure(report))
	fmt.Println(err)
	// Output:
	// handler: task "host/tenant-1": task "host/tenant-1/store": disk full
	// the others go on: true
	// <nil>
}

// The same returned errors, with a live context and with a cancelled one.
func Example_cancelledOrFailed() {
	errReset := errors.New("connection reset")
	returns := []struct {
		what string
		f    func(ctx context.Context) error
	}{
		{"nil", func(context.Context) error { return nil }},
		{"ctx.Err()", func(ctx context.Context) error { return ctx.Err() }},
		{"its cause", context.Cause},
		{"wrapped", func(ctx context.Context) error { return fmt.Errorf("read: %w", ctx.Err()) }},
		{"Canceled", func(context.Context) error { return context.Canceled }},
		{"own timeout", func(context.Context) error { return context.DeadlineExceeded }},
		{"joined", func(ctx context.Context) error { return errors.Join(ctx.Err(), errReset) }},
		{"text only", func(ctx context.Context) error { return errors.New(fmt.Sprint(ctx.Err())) }},
		{"another", func(context.Context) error { return errReset }},
	}
	state := func(cancel bool, f func(context.Context) error) string {
		s := scope.OpenSupervised(context.Background(), scope.OnFailure(scope.Ignore))
		defer s.Cancel(nil)
		gate := make(chan struct{})
		t := s.Go("", func(ctx context.Context) error {
			<-gate
			return f(ctx)
		})
		if cancel {
			s.Cancel(errors.New("enough"))
		}
		close(gate)
		<-t.Done()
		return t.Info().State
	}
	for _, r := range returns {
		fmt.Printf("%-12s %-7s %s\n", r.what, state(false, r.f), state(true, r.f))
	}
	// Output:
	// nil          ok      ok
	// ctx.Err()    ok      cancelled
	// its cause    ok      cancelled
	// wrapped      failed  cancelled
	// Canceled     failed  cancelled
	// own timeout  failed  failed
	// joined       failed  failed
	// text only    failed  failed
	// another      failed  failed
}

func ExampleKeepErrors() {
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
			<-s.Go(name, func(context.Context) error { return errors.New("no such file") }).Done()
		}
		return nil
	}, scope.Name("copy"), scope.KeepErrors(2), scope.OnFailure(scope.Ignore))
	fmt.Println(err)
	// Output:
	// task "copy/a.txt": no such file
	// task "copy/b.txt": no such file
	// scope: further failures given to the handler: 1
}

func Example_restartInHandler() {
	var attempts atomic.Int32
	poll := func(context.Context) error {
		if n := attempts.Add(1); n < 3 {
			return fmt.Errorf("attempt %d", n)
		}
		return nil
	}
	again := func(ctx context.Context, f *scope.Failure) {
		fmt.Println(f)
		scope.From(ctx).Go(f.Task.Name, poll) // refused when the scope is closing
	}
	s := scope.OpenSupervised(context.Background(), scope.Name("feed"), scope.OnFailure(again))
	s.Go("poll", poll)
	fmt.Println(s.Drain(context.Background()), attempts.Load())
	// Output:
	// task "feed/poll": attempt 1
	// task "feed/poll": attempt 2
	// <nil> 3
}

// In a supervised scope the failure of a future goes to who waits for it.
func ExampleAsync_supervised() {
	report := func(_ context.Context, f *scope.Failure) { fmt.Println("handler:", f) }
	err := scope.Supervise(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		rate := scope.Async(s, "rate", func(context.Context) (float64, error) {
			return 0, errors.New("bank is closed")
		})
		if _, err := rate.Wait(ctx); err != nil {
			fmt.Println("use yesterday's:", err)
		}
		scope.Async(s, "news", func(context.Context) (string, error) {
			return "", errors.New("no paper today")
		}) // nobody asks
		return nil
	}, scope.Name("desk"), scope.OnFailure(report))
	fmt.Println(err)
	// Output:
	// use yesterday's: task "desk/rate": bank is closed
	// handler: task "desk/news": no paper today
	// <nil>
}

func ExampleTimeout() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("query", func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		return nil
	}, scope.Name("report"), scope.Timeout(time.Millisecond))
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// scope "report": timeout of 1ms exceeded
	// true
}

// What has come in by the deadline is good enough.
func Example_bestSoFar() {
	answers := make(chan string, 2) // room for all: nobody waits for the reader
	ask := func(answer string, quick bool) func(context.Context) error {
		return func(ctx context.Context) error {
			if !quick {
				<-ctx.Done()
				return ctx.Err()
			}
			answers <- answer
			return nil
		}
	}
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("near", ask("12 ms", true))
		s.Go("far", ask("40 s", false))
		return nil
	}, scope.MoveOnAfter(20*time.Millisecond))
	close(answers)
	for answer := range answers {
		fmt.Println(answer)
	}
	fmt.Println(err)
	// Output:
	// 12 ms
	// <nil>
}

// A recursion that uses what the limit allows, and goes on by itself beyond.
func Example_recursionAtLimit() {
	var leaves atomic.Int32
	var walk func(ctx context.Context, s *scope.Scope, depth int) error
	walk = func(ctx context.Context, s *scope.Scope, depth int) error {
		if depth == 0 {
			leaves.Add(1)
			return nil
		}
		half := func(ctx context.Context) error { return walk(ctx, s, depth-1) }
		_, err := s.TryGo("half", half)
		if errors.Is(err, scope.ErrLimit) {
			err = half(ctx)
		}
		if err != nil {
			return err
		}
		return half(ctx)
	}
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		return walk(ctx, s, 10)
	}, scope.Limit(4))
	fmt.Println(leaves.Load(), err)
	// Output: 1024 <nil>
}

// Requests that net/http runs become tasks: counted, shown, waited for.
func Example_httpHandler() {
	s := scope.OpenSupervised(context.Background(), scope.Name("api"))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.Do(r.Context(), r.Method+" "+r.URL.Path, func(ctx context.Context) error {
			_, err := fmt.Fprint(w, scope.TaskFrom(ctx).Info().Path)
			return err
		})
		if errors.Is(err, scope.ErrClosed) {
			http.Error(w, "shutting down", http.StatusServiceUnavailable)
		}
	})
	get := func() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/status", nil))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	get()
	fmt.Println(s.Drain(context.Background())) // waits for requests that are being served
	get()
	// Output:
	// 200 api/GET /status
	// <nil>
	// 503 shutting down
}

func ExampleErrGoexit() {
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("check", func(context.Context) error {
			runtime.Goexit() // as t.FailNow does
			return nil
		})
		return nil
	}, scope.Name("exam"))
	fmt.Println(err)
	// Output: task "exam/check": scope: task called runtime.Goexit
}

// The program that the page about errgroup starts from.
func Example_fromErrgroup() {
	fetch := func(ctx context.Context, url string) (string, error) {
		return "<" + url + ">", ctx.Err()
	}
	urls := []string{"a.example", "b.example"}

	pages := make([]string, len(urls))
	err := scope.Run(context.Background(), func(ctx context.Context, s *scope.Scope) error {
		for i, url := range urls {
			s.Go(url, func(ctx context.Context) error {
				page, err := fetch(ctx, url)
				pages[i] = page
				return err
			})
		}
		return nil
	}, scope.Limit(8))
	fmt.Println(pages, err)
	// Output: [<a.example> <b.example>] <nil>
}
