package peers_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

func TestErrgroup(t *testing.T) {
	runRows(t, []row{
		{origin: "errgroup: ExampleGroup_justErrors", run: errgroupJustErrors},
		{origin: "errgroup: ExampleGroup_parallel", run: errgroupParallel},
		{origin: "errgroup: ExampleGroup_pipeline", run: errgroupPipeline},
		{origin: "errgroup: ExampleGroup_pipeline, a stage fails", run: errgroupPipelineFails},
		{origin: "errgroup: TestZeroGroup", run: errgroupFirstSticks},
		{origin: "errgroup: TestWithContext", run: errgroupContext},
		{origin: "errgroup: TestWithContext, waiting cancels nothing", run: errgroupWaitIsNoEnd},
		{origin: "errgroup: TestTryGo", run: errgroupTryGo},
		{origin: "errgroup: TestTryGo, a limit that admits nobody", run: errgroupNoLimit},
		{origin: "errgroup: TestGoLimit", run: errgroupGoLimit},
		{origin: "errgroup: TestCancelCause", run: errgroupCause},
		{origin: "errgroup: v0.15.0/TestPanic/error", run: errgroupPanicError},
		{origin: "errgroup: v0.15.0/TestPanic/any", run: errgroupPanicAny},
		{origin: "errgroup: v0.15.0/TestGoexit", run: errgroupGoexit},
	})
}

// What users reported, and what was found by running it.
func TestErrgroup_defects(t *testing.T) {
	runRows(t, []row{
		{origin: "errgroup: #53757, a panic is told at once", run: errgroupPanicAtOnce},
		{origin: "errgroup: #60415, all errors", run: errgroupAllErrors},
		{origin: "errgroup: #61611, Go after the first failure", run: errgroupGoAfterFailure},
		{origin: "errgroup: #59355, the bare error of the context", run: errgroupBareEcho},
		{origin: "errgroup: probe, Go at the limit hears of the end", run: errgroupBlockedGo},
		{origin: "errgroup: probe, a task starts one at the limit", run: errgroupGoInside},
		{origin: "errgroup: probe, Goexit ends the others", run: errgroupGoexitEndsOthers},
	})
	runRowsLive(t, []row{
		{origin: "errgroup: #59355, the first error is the cause", run: errgroupFirstIsTheCause},
	})
}

// Run takes the place of Group and Wait.
func errgroupJustErrors(t *testing.T) {
	boom := errors.New("no such host")
	var fetched atomic.Int32
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for _, url := range []string{"a", "b", "nowhere"} {
			s.Go(url, func(context.Context) error {
				if url == "nowhere" {
					return boom
				}
				fetched.Add(1)
				return nil
			})
		}
		return nil
	})
	wantIs(t, err, boom)
	if fetched.Load() != 2 {
		t.Errorf("%d fetched, want 2", fetched.Load())
	}
}

func errgroupParallel(t *testing.T) {
	var got []string
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		var searches []*scope.Future[string]
		for i, kind := range []string{"web", "image", "video"} {
			searches = append(searches, scope.Async(s, kind,
				func(context.Context) (string, error) {
					time.Sleep(time.Duration(3-i) * time.Second) // the first ends last
					return kind + " result", nil
				}))
		}
		for _, search := range searches {
			result, err := search.Wait(ctx)
			if err != nil {
				return err
			}
			got = append(got, result)
		}
		return nil
	})
	wantIs(t, err, nil)
	if want := []string{"web result", "image result", "video result"}; !slices.Equal(got, want) {
		t.Errorf("results are %q, want %q", got, want)
	}
}

// pipeline sends 0 to 99 through 20 workers and returns the sum of what work
// makes of them. The stages end when the one before does, or with the scope.
func pipeline(ctx context.Context, work func(int) (int, error)) (int, error) {
	sum := 0
	in, out := make(chan int), make(chan int)
	err := scope.Run(ctx, func(ctx context.Context, s *scope.Scope) error {
		s.Go("walk", func(ctx context.Context) error {
			defer close(in)
			for n := range 100 {
				select {
				case in <- n:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
		s.Go("digest", func(ctx context.Context) error {
			defer close(out)
			return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
				for range 20 {
					s.Go("digester", digester(in, out, work))
				}
				return nil
			})
		})
		for n := range out {
			sum += n
		}
		return ctx.Err()
	})
	return sum, err
}

func digester(in, out chan int, work func(int) (int, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		for n := range in {
			result, err := work(n)
			if err != nil {
				return err
			}
			select {
			case out <- result:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
}

func errgroupPipeline(t *testing.T) {
	sum, err := pipeline(t.Context(), func(n int) (int, error) { return 2 * n, nil })
	wantIs(t, err, nil)
	if sum != 9900 {
		t.Errorf("sum is %d, want 9900", sum)
	}
}

// Nobody is left at a channel: the bubble would not end.
func errgroupPipelineFails(t *testing.T) {
	boom := errors.New("cannot read")
	_, err := pipeline(t.Context(), func(n int) (int, error) {
		if n == 50 {
			return 0, boom
		}
		return n, nil
	})
	wantIs(t, err, boom)
	if errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, an echo of the cancellation", err)
	}
}

// errgroup goes on to run what it is given after a failure. Here it is refused,
// and the first failure stays the result all the same.
func errgroupFirstSticks(t *testing.T) {
	err1, err2 := errors.New("1"), errors.New("2")
	for _, errs := range [][]error{{}, {nil}, {err1}, {err1, nil}, {err1, nil, err2}} {
		s := scope.Open(t.Context())
		var first error
		for _, err := range errs {
			task := s.Go("task", returns(err))
			if first != nil {
				wantIs(t, task.Err(), scope.ErrClosed)
				wantIs(t, task.Err(), first)
			}
			if first == nil {
				first = err
			}
			wantIs(t, s.Wait(t.Context()), first)
		}
		wantIs(t, s.Shutdown(t.Context()), first)
	}
}

func errgroupContext(t *testing.T) {
	doom := errors.New("doomed")
	for _, errs := range [][]error{nil, {nil}, {doom}, {doom, nil}} {
		contexts := make(chan context.Context, 1)
		err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			contexts <- ctx
			for _, err := range errs {
				s.Go("task", returns(err))
			}
			return nil
		})
		if slices.Contains(errs, doom) {
			wantIs(t, err, doom)
		} else {
			wantIs(t, err, nil)
		}
		if inside := <-contexts; inside.Err() == nil {
			t.Errorf("after %v the scope's context is live", errs)
		}
		if t.Context().Err() != nil {
			t.Fatal("the context outside was cancelled")
		}
	}
}

// errgroup's Wait cancels the context of the group, which therefore has one
// round. Here only an end does, and Wait is none.
func errgroupWaitIsNoEnd(t *testing.T) {
	s := scope.Open(t.Context())
	contexts := make(chan context.Context, 1)
	s.Daemon("daemon", func(ctx context.Context) error {
		contexts <- ctx
		return untilCancelled(ctx)
	})
	inside := <-contexts
	for range 3 {
		s.Go("task", func(ctx context.Context) error { return ctx.Err() })
		wantIs(t, s.Wait(t.Context()), nil)
	}
	synctest.Wait()
	wantIs(t, inside.Err(), nil)
	wantIs(t, s.Shutdown(t.Context()), nil)
	wantIs(t, inside.Err(), context.Canceled)
}

func errgroupTryGo(t *testing.T) {
	const limit = 42
	s := scope.Open(t.Context(), scope.Limit(limit))
	for range 2 { // the second round has the places of the first
		gate := make(chan struct{})
		wait := func(context.Context) error { <-gate; return nil }
		for n := range limit {
			if _, err := s.TryGo("task", wait); err != nil {
				t.Fatalf("TryGo %d: %v", n, err)
			}
		}
		if task, err := s.TryGo("one more", wait); !errors.Is(err, scope.ErrLimit) || task != nil {
			t.Fatalf("TryGo at the limit = %v, %v", task, err)
		}
		close(gate)
		wantIs(t, s.Wait(t.Context()), nil)
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

// SetLimit(0) makes errgroup refuse all, and block in Go for ever. Here a limit
// is a positive number, for the life of a scope.
func errgroupNoLimit(t *testing.T) {
	for _, n := range []int{0, -1} {
		message := fmt.Sprint(recovered(func() { scope.Limit(n) }))
		if !strings.HasPrefix(message, "scope: ") {
			t.Errorf("Limit(%d) panicked with %q", n, message)
		}
	}
}

func errgroupGoLimit(t *testing.T) {
	const limit, tasks = 10, 1 << 10
	var g gauge
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		for range tasks {
			s.Go("task", func(context.Context) error {
				g.enter()
				defer g.leave()
				time.Sleep(time.Microsecond)
				return nil
			})
		}
		return nil
	}, scope.Limit(limit))
	wantIs(t, err, nil)
	if g.peak != limit || g.total != tasks {
		t.Errorf("%d of %d at a time, want %d of %d", g.peak, g.total, limit, tasks)
	}
}

func errgroupCause(t *testing.T) {
	doom := errors.New("doomed")
	for _, errs := range [][]error{nil, {nil}, {doom}, {doom, nil}} {
		contexts := make(chan context.Context, 1)
		_ = scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
			contexts <- ctx
			for _, err := range errs {
				_, _ = s.TryGo("task", returns(err))
			}
			return nil
		})
		want := context.Canceled
		if slices.Contains(errs, doom) {
			want = doom
		}
		wantIs(t, context.Cause(<-contexts), want)
	}
}

// errgroup had the panic go on in who called Wait. Here it is an error, and
// what Run returns.
func errgroupPanicError(t *testing.T) {
	value := errors.New("")
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", panicsDeepDown(value))
		return nil
	})
	wantPanic(t, err, value)
	p := panicIn(err)
	wantIs(t, err, value)
	if !strings.Contains(p.Stack(), "panicsDeepDown") {
		t.Errorf("the stack does not show who panicked:\n%s", p.Stack())
	}
}

func errgroupPanicAny(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", panicsDeepDown(1))
		return nil
	})
	wantPanic(t, err, 1)
	p := panicIn(err)
	if !strings.Contains(p.Stack(), "panicsDeepDown") {
		t.Errorf("the stack does not show who panicked:\n%s", p.Stack())
	}
}

func panicsDeepDown(value any) func(context.Context) error {
	return func(context.Context) error { panic(value) }
}

// errgroup had Goexit go on in who called Wait, and takes it for a success now.
func errgroupGoexit(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("task", func(context.Context) error {
			runtime.Goexit()
			return nil
		})
		return nil
	})
	wantIs(t, err, scope.ErrGoexit)
}

// One of the reasons for which the panics of v0.15.0 were withdrawn: a panic
// waited for the end of its siblings to be seen.
func errgroupPanicAtOnce(t *testing.T) {
	var l ledger
	s := scope.OpenSupervised(t.Context(), scope.OnFailure(l.handle))
	s.Go("sibling", untilCancelled)
	s.Go("panics", panics("boom"))
	synctest.Wait()
	if told := l.told(); len(told) != 1 {
		t.Errorf("told of %v while the sibling runs, want the panic", told)
	} else {
		wantPanic(t, told[0], "boom")
	}
	wantIs(t, s.Shutdown(t.Context()), nil)
}

func errgroupAllErrors(t *testing.T) {
	err1, err2, err3 := errors.New("1"), errors.New("2"), errors.New("3")
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("first", returns(err1))
		for _, err := range []error{err2, err3} {
			s.Go("later", func(ctx context.Context) error {
				<-ctx.Done()
				return err
			})
		}
		return nil
	}, scope.KeepErrors(10))
	for _, want := range []error{err1, err2, err3} {
		wantIs(t, err, want)
	}
}

func errgroupGoAfterFailure(t *testing.T) {
	boom := errors.New("boom")
	s := scope.Open(t.Context())
	s.Go("fails", returns(boom))
	wantIs(t, s.Wait(t.Context()), boom)
	late := s.Go("late", func(context.Context) error {
		t.Error("a task was run after the end")
		return nil
	})
	wantIs(t, late.Err(), scope.ErrClosed)
	_, err := s.TryGo("later", nothing)
	wantIs(t, err, boom)
}

// A sibling that answers the cancellation with the bare error of its context does
// not displace the failure, nor does a body.
func errgroupBareEcho(t *testing.T) {
	boom := errors.New("boom")
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("selects", untilCancelled)
		s.Go("fails", func(context.Context) error {
			time.Sleep(time.Second)
			return boom
		})
		return untilCancelled(ctx)
	})
	wantIs(t, err, boom)
	if errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// errgroup starts it when the slot is free, long after the failure.
func errgroupBlockedGo(t *testing.T) {
	start := time.Now()
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Daemon("fails", ends(time.Second, errOne))
		s.Go("holds the slot", deaf(time.Minute, nil))
		late := s.Go("late", func(context.Context) error {
			t.Error("a task was run after the failure")
			return nil
		})
		wantTook(t, time.Since(start), time.Second)
		wantIs(t, late.Err(), scope.ErrClosed)
		return nil
	}, scope.Limit(1))
	wantIs(t, err, errOne)
}

// It might wait for its own slot, and in errgroup it does, for ever.
func errgroupGoInside(t *testing.T) {
	err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("outer", func(context.Context) error {
			return s.Go("inner", nothing).Err()
		})
		return nil
	}, scope.Limit(1))
	wantIs(t, err, scope.ErrLimit)
}

// In errgroup and twelve others it is a success, and the sibling runs on.
func errgroupGoexitEndsOthers(t *testing.T) {
	err := scope.Run(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		s.Go("sibling", untilCancelled)
		s.Go("exits", func(context.Context) error {
			runtime.Goexit()
			return nil
		})
		return untilCancelled(ctx)
	})
	wantIs(t, err, scope.ErrGoexit)
}

// The failure is recorded before the cancellation is seen, however the two tasks
// are interleaved.
func errgroupFirstIsTheCause(t *testing.T) {
	boom := errors.New("boom")
	for range 10_000 {
		var cause error
		err := scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
			s.Go("selects", func(ctx context.Context) error {
				<-ctx.Done()
				cause = context.Cause(ctx)
				return ctx.Err()
			})
			s.Go("fails", returns(boom))
			return nil
		})
		if !errors.Is(err, boom) || errors.Is(err, context.Canceled) || !errors.Is(cause, boom) {
			t.Fatalf("error is %v, cause %v", err, cause)
		}
	}
}
