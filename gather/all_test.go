package gather_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

type fn = func(context.Context) (int, error)

// Row 162: the order is that of the functions, not that of their ends.
// Guarantee 2.
func TestAll_KeepsTheOrder(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		got, err := gather.All(l.ctx, l.after(3*time.Second, 3, nil),
			l.after(time.Second, 1, nil), l.after(2*time.Second, 2, nil))
		if !slices.Equal(got, []int{3, 1, 2}) || err != nil {
			t.Errorf("All() = %v, %v", got, err)
		}
		l.took(begun, 3*time.Second)
	})
}

// Guarantee 1.
func TestAll_FirstFailureCancelsTheOthers(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		got, err := gather.All(l.ctx, l.until(time.Second, nil),
			l.after(time.Second, 0, errBoom), l.until(2*time.Second, nil))
		l.over()
		l.is(err, errBoom)
		if got != nil {
			t.Errorf("All() = %v beside an error", got)
		}
		l.took(begun, 3*time.Second) // the failure, and the longest clean-up
		l.failures(0)
	})
}

// Guarantee 5.
func TestAll_LaterFailuresReachTheHandler(t *testing.T) {
	inLab(t, func(l *lab) {
		errLate := errors.New("late")
		_, err := gather.All(l.ctx, l.until(time.Second, errLate),
			l.after(time.Second, 0, errBoom), l.panics(2*time.Second, "late, too"))
		l.is(err, errBoom)
		if errors.Is(err, errLate) {
			t.Errorf("All() = %v, want the first failure alone", err)
		}
		l.failures(2)
	})
}

func TestAll_PanicAndGoexitAreFailures(t *testing.T) {
	inLab(t, func(l *lab) {
		_, err := gather.All(l.ctx, l.until(0, nil), l.panics(0, errBoom))
		var p *scope.PanicError
		if !errors.As(err, &p) || !errors.Is(err, errBoom) {
			t.Errorf("All() with a panic = %v", err)
		}
		_, err = gather.All(l.ctx, l.until(0, nil), l.exits(0))
		l.is(err, scope.ErrGoexit)
		l.over()
		l.failures(0)
	})
}

func TestAll_OfNothing(t *testing.T) {
	inLab(t, func(l *lab) {
		if got, err := gather.All[int](l.ctx); got == nil || len(got) != 0 || err != nil {
			t.Errorf("All() = %v, %v", got, err)
		}
		if got, err := gather.Map(l.ctx, 1, nil, l.seconds); got == nil || err != nil {
			t.Errorf("Map() = %v, %v", got, err)
		}
	})
}

func TestAll_ReturnsTheCauseOfItsContext(t *testing.T) {
	calls := map[string]func(l *lab, ctx context.Context) error{
		"All": func(l *lab, ctx context.Context) error {
			_, err := gather.All(ctx, l.until(time.Second, nil), l.after(0, 1, nil))
			return err
		},
		"Map": func(l *lab, ctx context.Context) error {
			_, err := gather.Map(ctx, 1, []int{9, 1}, l.seconds)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				ctx, cancel := context.WithCancelCause(l.ctx)
				time.AfterFunc(time.Second, func() { cancel(errBoom) })
				l.is(call(l, ctx), errBoom)
				l.over()
				n := l.calls.Load()
				l.is(call(l, ctx), errBoom)
				if got := l.calls.Load(); got != n {
					t.Errorf("%d functions were called with a context that was done", got-n)
				}
				l.failures(0)
			})
		})
	}
}

// Rows 162 and 165: in order, and no more than n at a time, but as many.
// Guarantee 4.
func TestMap_KeepsOrderAndLimit(t *testing.T) {
	for _, n := range []int{1, 3, 10, math.MaxInt} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			inLab(t, func(l *lab) {
				in := []int{4, 1, 3, 1, 2, 4, 1, 2, 3, 1}
				got, err := gather.Map(l.ctx, n, in, l.seconds)
				if !slices.Equal(got, in) || err != nil {
					t.Errorf("Map() = %v, %v", got, err)
				}
				if p := int(l.peak.Load()); p != min(n, len(in)) {
					t.Errorf("%d at a time", p)
				}
			})
		})
	}
}

// Row 165: what a function starts besides does not count, but is waited for.
func TestMap_CountsCallsOnly(t *testing.T) {
	calls := map[string]func(l *lab, f func(context.Context, int) (int, error)) error{
		"Map": func(l *lab, f func(context.Context, int) (int, error)) error {
			_, err := gather.Map(l.ctx, 1, []int{1, 2, 3}, f)
			return err
		},
		"Ordered": func(l *lab, f func(context.Context, int) (int, error)) error {
			for _, r := range gather.Ordered(l.ctx, 1, slices.Values([]int{1, 2, 3}), f) {
				if r.Err != nil {
					return r.Err
				}
			}
			return nil
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			inLab(t, func(l *lab) {
				wait := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
				extra := func(ctx context.Context) error { return sleep(ctx, time.Minute) }
				begun := time.Now()
				err := call(l, func(ctx context.Context, _ int) (int, error) {
					s := scope.From(ctx)
					s.Daemon("background", wait)
					s.Go("besides", extra)
					return 0, sleep(ctx, time.Second)
				})
				if err != nil {
					t.Error(err)
				}
				l.over()
				l.took(begun, 62*time.Second) // the third began after two seconds
				l.failures(0)
			})
		})
	}
}

// A lateError is an error that takes a second to look at, as the core does before
// it cancels.
type lateError struct{}

func (lateError) Error() string { return "late" }

func (lateError) Unwrap() error {
	time.Sleep(time.Second)
	return errBoom
}

func TestMap_BeginsNothingAfterAFailure(t *testing.T) {
	inLab(t, func(l *lab) {
		in := slices.Collect(upTo(100))
		_, err := gather.Map(l.ctx, 2, in, func(ctx context.Context, i int) (int, error) {
			if i == 6 {
				return l.after(0, 0, lateError{})(ctx)
			}
			return l.after(2*time.Second, 0, nil)(ctx)
		})
		l.is(err, errBoom)
		l.over()
		if n := l.calls.Load(); n != 6 {
			t.Errorf("%d calls, want none after the sixth, which fails", n)
		}
	})
}

// A function that somebody cancels alone makes room for the next.
func TestMap_CancelOfOne(t *testing.T) {
	inLab(t, func(l *lab) {
		in := []int{0, 1}
		got, err := gather.Map(l.ctx, 1, in, func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				scope.TaskFrom(ctx).Cancel(nil)
				return 7, ctx.Err()
			}
			return l.seconds(ctx, i)
		})
		if err != nil || !slices.Equal(got, []int{7, 1}) {
			t.Errorf("Map() = %v, %v", got, err)
		}
	})
}

// The failure says which function it was, in which call, and the tree does.
func TestNames(t *testing.T) {
	inLab(t, func(l *lab) {
		const f, each = "gather_test.TestNames.func1.1", "gather_test.TestNames.func1.2"
		var path string
		fails := func(ctx context.Context) (int, error) {
			path = scope.TaskFrom(ctx).Info().Path
			return 0, errBoom
		}
		secondFails := func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				return 0, nil
			}
			return fails(ctx)
		}
		in := []int{0, 1}
		calls := map[string]func() error{
			"All/" + f + "[0]":     func() error { return second(gather.All(l.ctx, fails)) },
			"Race/" + f + "[0]":    func() error { return second(gather.Race(l.ctx, fails)) },
			"Settled/" + f + "[0]": func() error { return gather.Settled(l.ctx, fails)[0].Err },
			"Map/" + each + "[1]": func() error {
				return second(gather.Map(l.ctx, 1, in, secondFails))
			},
			"Ordered/" + each + "[1]": func() error {
				return errorsOf(gather.Ordered(l.ctx, 1, slices.Values(in), secondFails))[0]
			},
			"Completed/" + each + "[1]": func() error {
				return errorsOf(gather.Completed(l.ctx, 1, slices.Values(in), secondFails))[0]
			},
		}
		for want, call := range calls {
			err := call()
			if want = "lab/gather." + want; path != want {
				t.Errorf("path is %s, want %s", path, want)
			}
			var f *scope.Failure
			if !errors.As(err, &f) || f.Task.Path != want || !errors.Is(err, errBoom) {
				t.Errorf("error is %v", err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }
