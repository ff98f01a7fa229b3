package gather_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// The cases of Elixir's Task.async_stream, under their names. They run with as
// many calls at a time as there are inputs, with fewer, and with more.

// take cuts a sequence off after n.
func take(n int, seq iter.Seq[int]) iter.Seq[int] {
	return func(yield func(int) bool) {
		left := n
		for v := range seq {
			if left--; left < 0 || !yield(v) || left == 0 {
				return
			}
		}
	}
}

func upTo(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i + 1) {
				return
			}
		}
	}
}

func downFrom(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(n - i) {
				return
			}
		}
	}
}

// inSizes runs a case with four inputs in three sizes.
func inSizes(t *testing.T, test func(l *lab, n int)) {
	t.Helper()
	for _, n := range []int{4, 2, 8} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			inLab(t, func(l *lab) {
				test(l, n)
				l.over()
				l.failures(0)
			})
		})
	}
}

// ends returns at most limit results of seq as text: "2" for a value, "2!" for a
// failure with that input, "2?" for another end.
func ends(limit int, seq iter.Seq2[int, gather.Result[int]]) string {
	var got []string
	for in, r := range seq {
		text := strconv.Itoa(r.Value)
		var f *scope.Failure
		switch {
		case errors.As(r.Err, &f):
			text = strconv.Itoa(in) + "!"
		case r.Err != nil:
			text = strconv.Itoa(in) + "?"
		}
		if got = append(got, text); len(got) == limit {
			break
		}
	}
	return strings.Join(got, " ")
}

const all = 1 << 30 // more than there are

func (l *lab) equal(got, want string) {
	l.Helper()
	if got != want {
		l.Errorf("results are %q, want %q", got, want)
	}
}

// exit fails in different ways.
func (l *lab) exit(ctx context.Context, i int) (int, error) {
	return []fn{l.after(0, 0, errBoom), l.panics(0, "exit"), l.exits(0)}[i%3](ctx)
}

// zeroOrNever returns at once for 0, and never for others but by their context.
func (l *lab) zeroOrNever(ctx context.Context, i int) (int, error) {
	if i > 0 {
		return l.until(0, nil)(ctx)
	}
	return 0, nil
}

func TestElixir_async_stream_with_fun(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, upTo(4), l.seconds)), "1 2 3 4")
	})
}

func TestElixir_async_stream_ordered_false(t *testing.T) {
	inLab(t, func(l *lab) {
		l.equal(ends(all, gather.Completed(l.ctx, 1, downFrom(4), l.seconds)), "4 3 2 1")
		l.equal(ends(all, gather.Completed(l.ctx, 4, downFrom(4), l.seconds)), "1 2 3 4")
	})
}

// A limit of time is one of the function's context; who exceeds it has failed.
func TestElixir_async_stream_on_timeout_kill_task(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		limited := func(ctx context.Context, i int) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, 50*time.Second)
			defer cancel()
			return l.seconds(ctx, i)
		}
		in := slices.Values([]int{100, 1, 100, 1})
		l.equal(ends(all, gather.Ordered(l.ctx, n, in, limited)), "100! 1 100! 1")
		if n >= 4 {
			l.equal(ends(all, gather.Completed(l.ctx, n, in, limited)), "1 1 100! 100!")
		}
	})
}

// Nothing is left of a stream: no task, no failure for the handler.
func TestElixir_async_stream_without_leaking_tasks(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		for range gather.Ordered(l.ctx, n, upTo(4), l.seconds) {
			if live := len(scope.From(l.ctx).Scopes()); live != 1 {
				l.Errorf("%d scopes during the loop", live)
			}
		}
		if live := len(scope.From(l.ctx).Scopes()); live != 0 {
			l.Errorf("%d scopes after the loop", live)
		}
	})
}

func TestElixir_async_stream_slowest_first(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, downFrom(4), l.seconds)), "4 3 2 1")
	})
}

func TestElixir_async_stream_with_exits(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, upTo(4), l.exit)), "1! 2! 3! 4!")
	})
}

func TestElixir_async_stream_shuts_down_unused_tasks(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		in := slices.Values([]int{0, 1, 1, 1})
		begun := time.Now()
		l.equal(ends(1, gather.Ordered(l.ctx, n, in, l.zeroOrNever)), "0")
		l.took(begun, 0)
	})
}

// What becomes of the unused ones is no news to anybody.
func TestElixir_async_stream_shuts_down_unused_tasks_without_leaking_messages(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		in := slices.Values([]int{0, 1, 1, 1})
		l.equal(ends(1, gather.Completed(l.ctx, n, in, l.zeroOrNever)), "0")
		l.failures(0)
	})
}

// zip pulls two streams in turn.
func zip(a, b iter.Seq2[int, gather.Result[int]]) string {
	nextA, stopA := iter.Pull2(a)
	defer stopA()
	nextB, stopB := iter.Pull2(b)
	defer stopB()
	var pairs []string
	for {
		i, x, okA := nextA()
		j, y, okB := nextB()
		if !okA || !okB {
			return strings.Join(pairs, " ")
		}
		pairs = append(pairs, fmt.Sprint(i, j, x.Err == nil, y.Err == nil))
	}
}

func TestElixir_async_stream_is_zippable_on_success(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		s := gather.Ordered(l.ctx, n, upTo(3), l.seconds)
		l.equal(zip(s, s), "1 1 true true 2 2 true true 3 3 true true")
	})
}

func TestElixir_async_stream_is_zippable_on_failure(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		s := gather.Ordered(l.ctx, n, upTo(3), l.exit)
		l.equal(zip(s, s), "1 1 false false 2 2 false false 3 3 false false")
	})
}

func TestElixir_async_stream_is_zippable_with_slowest_first(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		s := gather.Ordered(l.ctx, n, downFrom(3), l.seconds)
		l.equal(zip(s, s), "3 3 true true 2 2 true true 1 1 true true")
	})
}

// The input ends early.
func TestElixir_async_stream_inner_halt_on_success(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, take(4, upTo(8)), l.seconds)), "1 2 3 4")
	})
}

func TestElixir_async_stream_inner_halt_on_failure(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, take(4, upTo(8)), l.exit)), "1! 2! 3! 4!")
	})
}

func TestElixir_async_stream_inner_halt_and_slowest_first(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(all, gather.Ordered(l.ctx, n, take(4, downFrom(8)), l.seconds)), "8 7 6 5")
	})
}

// The loop ends early.
func TestElixir_async_stream_outer_halt_on_success(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(4, gather.Ordered(l.ctx, n, upTo(8), l.seconds)), "1 2 3 4")
	})
}

// Failures that the loop has not come to are the handler's.
func TestElixir_async_stream_outer_halt_on_failure(t *testing.T) {
	inLab(t, func(l *lab) {
		l.equal(ends(4, gather.Ordered(l.ctx, 4, upTo(8), l.exit)), "1! 2! 3! 4!")
		l.over()
		l.failures(int(l.calls.Load()) - 4)
	})
}

func TestElixir_async_stream_outer_halt_and_slowest_first(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		l.equal(ends(4, gather.Ordered(l.ctx, n, downFrom(8), l.seconds)), "8 7 6 5")
	})
}

// What the loop's own sequence defers runs.
func TestElixir_async_stream_terminates_inner_effect(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		ended := false
		through := func(yield func(int, gather.Result[int]) bool) {
			defer func() { ended = true }()
			gather.Ordered(l.ctx, n, upTo(4), l.seconds)(yield)
		}
		if l.equal(ends(2, through), "1 2"); !ended {
			l.Error("the outer sequence was not ended")
		}
	})
}

// What the input defers runs, also if the loop is left.
func TestElixir_async_stream_terminates_outer_effect(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		for _, limit := range []int{all, 1} {
			in := &source{n: 4}
			ends(limit, gather.Ordered(l.ctx, n, in.all, l.seconds))
			if !in.closed {
				l.Error("the input was not ended")
			}
		}
	})
}

func TestElixir_async_stream_zip_input_on_exit(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		evenExit := func(ctx context.Context, i int) (int, error) {
			if i%2 == 0 {
				return l.exit(ctx, i)
			}
			return l.seconds(ctx, i)
		}
		for _, stream := range []streamer{gather.Ordered[int, int], gather.Completed[int, int]} {
			failed := map[int]bool{}
			for in, r := range stream(l.ctx, n, upTo(4), evenExit) {
				if r.Err != nil {
					failed[in] = true
				}
			}
			l.equal(fmt.Sprint(slices.Sorted(maps.Keys(failed))), "[2 4]")
		}
	})
}

// A stream that was made here may be ranged over by another task.
func TestElixir_async_stream_consuming_from_another_process(t *testing.T) {
	inSizes(t, func(l *lab, n int) {
		s := gather.Ordered(l.ctx, n, upTo(3), l.seconds)
		if err := l.end(func(context.Context) { l.equal(ends(all, s), "1 2 3") }); err != nil {
			l.Error(err)
		}
	})
}

// Who called whom can be seen, at any depth.
func TestElixir_async_stream_with_callers(t *testing.T) {
	inLab(t, func(l *lab) {
		in := slices.Values([]int{1})
		path := ""
		outer := func(ctx context.Context, i int) (int, error) {
			inner := func(ctx context.Context, i int) (int, error) {
				path = scope.TaskFrom(ctx).Info().Path
				return i, nil
			}
			return 0, errors.Join(errorsOf(gather.Ordered(ctx, 1, in, inner))...)
		}
		if errs := errorsOf(gather.Ordered(l.ctx, 1, in, outer)); errs != nil {
			l.Error(errs)
		}
		const call = "/gather.Ordered/gather_test.TestElixir_async_stream_with_callers.func1.1"
		l.equal(path, "lab"+call+"[0]"+call+".1[0]")
	})
}

func errorsOf(seq iter.Seq2[int, gather.Result[int]]) (errs []error) {
	for _, r := range seq {
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errs
}
