package peers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
)

// What tasks fail with, and what ends them from outside.
var (
	errOne   = errors.New("one")
	errTwo   = errors.New("two")
	errThree = errors.New("three")
	errStop  = errors.New("stop")
)

// pass waits for d, or until ctx ends, whose error it returns.
func pass(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// ends is a task that returns err after d, or before, when it is cancelled.
func ends(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		if stopped := pass(ctx, d); stopped != nil {
			return stopped
		}
		return err
	}
}

// deaf is a task that returns err after d, whether it is cancelled or not.
func deaf(d time.Duration, err error) func(context.Context) error {
	return func(context.Context) error {
		time.Sleep(d)
		return err
	}
}

// tidies is a task that works until it is cancelled, and then cleans up for d
// and returns err.
func tidies(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		time.Sleep(d)
		return err
	}
}

// shielded is a task that works for a second and cannot be cancelled.
func shielded(ctx context.Context) error { return pass(context.WithoutCancel(ctx), time.Second) }

// gives is a function for Async that has its value after d, unless it is
// cancelled before.
func gives[T any](d time.Duration, value T) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) { return value, pass(ctx, d) }
}

// lacks is a function for Async that has an error after d.
func lacks[T any](d time.Duration, err error) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		var zero T
		return zero, ends(d, err)(ctx)
	}
}

// stopped calls f with a context that is cancelled with errStop after d.
func stopped(d time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	timer := time.AfterFunc(d, func() { cancel(errStop) })
	defer timer.Stop()
	return f(ctx)
}

// steps notes what happens, in order.
type steps struct {
	mu   sync.Mutex
	list []string
}

func (s *steps) add(step string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, step)
}

// then is a task that adds step when f has returned nil.
func (s *steps) then(f func(context.Context) error, step string) func(context.Context) error {
	return func(ctx context.Context) error {
		err := f(ctx)
		if err == nil {
			s.add(step)
		}
		return err
	}
}

// finally is a task that adds step when f has returned.
func (s *steps) finally(f func(context.Context) error, step string) func(context.Context) error {
	return func(ctx context.Context) error {
		defer s.add(step)
		return f(ctx)
	}
}

// is checks that these steps were taken, in this order.
func (s *steps) is(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.list, want) {
		t.Errorf("steps taken: %q, want %q", s.list, want)
	}
}

// heard checks that the handler was told of these errors, in any order, and of
// nothing else.
func heard(t *testing.T, h *ledger, want ...error) {
	t.Helper()
	rest := h.told()
	for _, err := range want {
		i := slices.IndexFunc(rest, func(got error) bool { return errors.Is(got, err) })
		if i < 0 {
			t.Errorf("handler was told of %v, want %v", h.told(), want)
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 {
		t.Errorf("handler was told of %v, want %v", h.told(), want)
	}
}

// is checks that got is, or wraps, each of want; nil wants nil.
func is(t *testing.T, what string, got error, want ...error) {
	t.Helper()
	for _, err := range want {
		if !errors.Is(got, err) {
			t.Errorf("%s = %v, want %v", what, got, err)
		}
	}
}

// isNot checks that got does not wrap err.
func isNot(t *testing.T, what string, got, err error) {
	t.Helper()
	if errors.Is(got, err) {
		t.Errorf("%s = %v, want nothing of %v", what, got, err)
	}
}

// same checks that got is want.
func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// says checks that the text of err has words in it.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error = %v, want %q in it", err, w)
		}
	}
}

// result checks what a future gave.
func result[T comparable](t *testing.T, fu *scope.Future[T], want T) {
	t.Helper()
	got, err := fu.Result()
	if err != nil || got != want {
		t.Errorf("Result() of %s = %v, %v, want %v, nil", fu.Name(), got, err, want)
	}
}

// state checks that each task is, or ended, in this state; see TaskInfo.
func state(t *testing.T, want string, tasks ...interface{ Info() scope.TaskInfo }) {
	t.Helper()
	for _, task := range tasks {
		if got := task.Info(); got.State != want {
			t.Errorf("task %s is %s (%v), want %s", got.Path, got.State, got.Err, want)
		}
	}
}

// took checks how much virtual time has passed since begin.
func took(t *testing.T, begin time.Time, want time.Duration) {
	t.Helper()
	same(t, "time taken", time.Since(begin), want)
}
