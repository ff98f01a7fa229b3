package gather_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

var errBoom = errors.New("boom")

// bg is for calls that the test does not bound: a bubble ends a hang.
var bg = context.Background()

// A lab is a bubble with a scope around the calls under test.
type lab struct {
	*testing.T

	ctx context.Context // of the scope

	live  atomic.Int32 // functions in progress
	peak  atomic.Int32 // the most there have been
	calls atomic.Int32

	mu   sync.Mutex
	told []*scope.Failure // what the handler got
}

func inLab(t *testing.T, test func(l *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{T: t}
		err := scope.Supervise(bg, func(ctx context.Context, _ *scope.Scope) error {
			l.ctx = ctx
			test(l)
			return nil
		}, scope.Name("lab"), scope.OnFailure(l.handle))
		if err != nil {
			t.Errorf("the scope around it ended with %v", err)
		}
	})
}

func (l *lab) handle(_ context.Context, f *scope.Failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, f)
}

// enter counts a function that is in progress until leave is called.
func (l *lab) enter() (leave func()) {
	l.calls.Add(1)
	n := l.live.Add(1)
	for p := l.peak.Load(); n > p && !l.peak.CompareAndSwap(p, n); {
		p = l.peak.Load()
	}
	return func() { l.live.Add(-1) }
}

// after returns a function that takes d, then returns v and err. It gives in to
// its context.
func (l *lab) after(d time.Duration, v int, err error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		defer l.enter()()
		if d == 0 {
			return v, err // also with a context that is done
		}
		if e := sleep(ctx, d); e != nil {
			return 0, e
		}
		return v, err
	}
}

// until returns a function that waits for its context, and then takes d to clean
// up and returns err, or the context's error if that is nil.
func (l *lab) until(d time.Duration, err error) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		defer l.enter()()
		<-ctx.Done()
		time.Sleep(d)
		if err == nil {
			err = ctx.Err()
		}
		return 0, err
	}
}

// panics returns a function that panics after d.
func (l *lab) panics(d time.Duration, v any) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		defer l.enter()()
		time.Sleep(d)
		panic(v)
	}
}

// exits returns a function that calls runtime.Goexit after d.
func (l *lab) exits(d time.Duration) func(context.Context) (int, error) {
	return func(context.Context) (int, error) {
		defer l.enter()()
		time.Sleep(d)
		runtime.Goexit()
		return 0, nil
	}
}

// seconds takes n seconds for n, and returns n.
func (l *lab) seconds(ctx context.Context, n int) (int, error) {
	return l.after(time.Duration(n)*time.Second, n, nil)(ctx)
}

// sleep waits for d or for ctx, and returns the error of that.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// over checks that nothing is in progress.
func (l *lab) over() {
	l.Helper()
	if n := l.live.Load(); n != 0 {
		l.Errorf("%d functions are still in progress", n)
	}
}

// took checks that it is d since begun.
func (l *lab) took(begun time.Time, d time.Duration) {
	l.Helper()
	if got := time.Since(begun); got != d {
		l.Errorf("took %v, want %v", got, d)
	}
}

func (l *lab) is(err, target error) {
	l.Helper()
	if !errors.Is(err, target) {
		l.Errorf("error is %v, want one that is %v", err, target)
	}
}

// failures checks how many failures the handler has been told of.
func (l *lab) failures(n int) {
	l.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.told) != n {
		l.Errorf("the handler was told of %v, want %d failures", l.told, n)
	}
}

func goexit() { runtime.Goexit() }

// end runs f as a task and returns how that ended.
func (l *lab) end(f func(ctx context.Context)) error {
	l.Helper()
	var t *scope.Task
	_ = scope.Supervise(l.ctx, func(_ context.Context, s *scope.Scope) error {
		t = s.Go("caller", func(ctx context.Context) error {
			f(ctx)
			return nil
		})
		return nil
	}, scope.OnFailure(scope.Ignore)) // its result is not nil if t's failure is fatal
	return t.Err()
}

// count yields 0, 1, 2 and so on for ever, and notes how many in pulled.
func count(pulled *int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; ; i++ {
			*pulled++
			if !yield(i) {
				return
			}
		}
	}
}

// A streamer is Ordered or Completed.
type streamer func(
	ctx context.Context, n int, in iter.Seq[int], f func(context.Context, int) (int, error),
) iter.Seq2[int, gather.Result[int]]

// inBoth runs a test for both of them.
func inBoth(t *testing.T, test func(l *lab, stream streamer)) {
	t.Helper()
	t.Run("Ordered", func(t *testing.T) {
		inLab(t, func(l *lab) { test(l, gather.Ordered[int, int]) })
	})
	t.Run("Completed", func(t *testing.T) {
		inLab(t, func(l *lab) { test(l, gather.Completed[int, int]) })
	})
}
