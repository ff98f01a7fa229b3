package gather_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// Row 163: Completed yields in the order of the ends, Ordered in that of the
// inputs, both with the input beside the result.
// Guarantee 2.
func TestCompleted_YieldsInOrderOfCompletion(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		var got []int
		for in, r := range gather.Completed(l.ctx, 4, slices.Values([]int{3, 1, 4, 2}), l.seconds) {
			got = append(got, in)
			if r.Value != in || r.Err != nil {
				t.Errorf("%d gave %+v", in, r)
			}
			l.took(begun, time.Duration(in)*time.Second) // not later
		}
		if !slices.Equal(got, []int{1, 2, 3, 4}) {
			t.Errorf("order is %v", got)
		}
	})
}

func TestOrdered_YieldsInOrderOfInputs(t *testing.T) {
	inLab(t, func(l *lab) {
		begun := time.Now()
		var got []int
		for in, r := range gather.Ordered(l.ctx, 4, slices.Values([]int{3, 1, 4, 2}), l.seconds) {
			got = append(got, in)
			if r.Value != in || r.Err != nil {
				t.Errorf("%d gave %+v", in, r)
			}
		}
		l.took(begun, 4*time.Second)
		if !slices.Equal(got, []int{3, 1, 4, 2}) {
			t.Errorf("order is %v", got)
		}
	})
}

// A failure, of whatever kind, leaves the others alone, and keeps its input.
// Guarantee 3. Guarantee 5.
func TestStreams_FailureLeavesTheOthersAlone(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		wants := []error{0: errBoom, 1: errBoom, 2: scope.ErrGoexit, 3: nil, 4: context.Canceled}
		f := func(ctx context.Context, i int) (int, error) {
			return []fn{
				l.after(0, 0, errBoom), l.panics(0, errBoom), l.exits(0),
				l.after(time.Minute, 3, nil), l.after(0, 0, context.Canceled),
			}[i](ctx)
		}
		seen := 0
		for i, r := range stream(l.ctx, 5, slices.Values([]int{0, 1, 2, 3, 4}), f) {
			seen++
			if !errors.Is(r.Err, wants[i]) {
				l.Errorf("%d gave %v, want %v", i, r.Err, wants[i])
			}
			var failure *scope.Failure
			if errors.As(r.Err, &failure) != (wants[i] != nil) || i == 3 && r.Value != 3 {
				l.Errorf("%d gave %+v", i, r)
			}
		}
		if seen != 5 {
			l.Errorf("%d results, want 5", seen)
		}
		l.failures(0)
	})
}

// Rows 163 and 165: breaking out of the loop cancels what is in progress and waits
// for it. The input has no end, and was pulled as far as it had to be.
// Guarantees 1 and 4.
func TestStreams_BreakCancelsAndJoins(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		begun := time.Now()
		pulled := 0
		f := func(ctx context.Context, i int) (int, error) {
			if i < 4 {
				return l.after(time.Second, i, nil)(ctx)
			}
			return l.until(time.Minute, nil)(ctx)
		}
		for i := range stream(l.ctx, 3, count(&pulled), f) {
			if i == 3 {
				break
			}
		}
		l.over()
		l.took(begun, 2*time.Second+time.Minute)
		if p := l.peak.Load(); p != 3 || pulled < 4 || pulled > 4+3 {
			l.Errorf("%d in progress at a time, %d pulled", p, pulled)
		}
		l.failures(0)
	})
}

// However the loop or its input ends, what is in progress is cancelled and joined
// first, and the panic or Goexit goes on.
// Guarantee 1.
func TestStreams_JoinOnEveryPath(t *testing.T) {
	ways := map[string]struct {
		body, input func()
		want        error
		seconds     int
	}{
		"panic in the loop":   {body: func() { panic(errBoom) }, want: errBoom, seconds: 2},
		"Goexit in the loop":  {body: goexit, want: scope.ErrGoexit, seconds: 2},
		"panic in the input":  {input: func() { panic(errBoom) }, want: errBoom, seconds: 1},
		"Goexit in the input": {input: goexit, want: scope.ErrGoexit, seconds: 1},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			inBoth(t, func(l *lab, stream streamer) {
				in := &source{n: 8, end: way.input}
				begun := time.Now()
				err := l.end(func(ctx context.Context) {
					each(stream(ctx, 10, in.all, l.twoThenUntil), way.body)
				})
				l.over()
				l.is(err, way.want)
				l.took(begun, time.Duration(way.seconds)*time.Second)
				if !in.closed {
					l.Error("the input was not ended")
				}
			})
		})
	}
}

// each ranges over seq and calls body, if it has one, for the second input.
func each(seq iter.Seq2[int, gather.Result[int]], body func()) {
	for i := range seq {
		if i == 1 && body != nil {
			body()
		}
	}
}

// A source is an input of n numbers that ends with a call of end, if it has one.
type source struct {
	n      int
	end    func()
	closed bool // its deferred functions have run
}

func (s *source) all(yield func(int) bool) {
	defer func() { s.closed = true }()
	for i := range s.n {
		if !yield(i) {
			return
		}
	}
	if s.end != nil {
		s.end()
	}
}

// twoThenUntil takes a second for the first two, and for the others a second after
// its context is done.
func (l *lab) twoThenUntil(ctx context.Context, i int) (int, error) {
	if i < 2 {
		return l.after(time.Second, i, nil)(ctx)
	}
	return l.until(time.Second, nil)(ctx)
}

// Returning from the function around the loop is leaving it.
func TestStreams_ReturnLeavesTheLoop(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		pulled := 0
		first := func() int {
			for i := range stream(l.ctx, 2, count(&pulled), l.seconds) {
				return i
			}
			return -1
		}
		if got := first(); got != 0 {
			l.Errorf("got %d", got)
		}
		l.over()
	})
}

// If the context is cancelled, each input that was pulled is yielded, and the last
// one tells that it came too late.
// Guarantee 2.
func TestStreams_CancellationIsTold(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		ctx, cancel := context.WithCancelCause(l.ctx)
		time.AfterFunc(time.Second, func() { cancel(errBoom) })
		pulled := 0
		got := map[int]error{}
		f := func(ctx context.Context, i int) (int, error) {
			if i == 2 { // does not care
				return l.after(time.Minute, i, nil)(context.WithoutCancel(ctx))
			}
			return l.until(0, nil)(ctx)
		}
		for i, r := range stream(ctx, 3, count(&pulled), f) {
			got[i] = r.Err
		}
		want := []error{scope.ErrCancelled, scope.ErrCancelled, nil, scope.ErrClosed}
		for i, end := range want {
			if !errors.Is(got[i], end) || i != 2 && !errors.Is(got[i], errBoom) {
				l.Errorf("the end of %d is %v, want %v and its cause", i, got[i], end)
			}
		}
		if n := l.calls.Load(); len(got) != 4 || pulled != 4 || n != 3 {
			l.Errorf("%d yielded, %d pulled, %d called", len(got), pulled, n)
		}
		l.failures(0)
	})
}

// A context that is done on entry: the first input says so, and there is no other.
func TestStreams_ContextDoneOnEntry(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		ctx, cancel := context.WithCancelCause(l.ctx)
		cancel(errBoom)
		pulled, seen := 0, 0
		for _, r := range stream(ctx, 3, count(&pulled), l.seconds) {
			seen++
			l.is(r.Err, scope.ErrClosed)
			l.is(r.Err, errBoom)
		}
		if pulled != 1 || seen != 1 || l.calls.Load() != 0 {
			l.Errorf("pulled %d, yielded %d, called %d", pulled, seen, l.calls.Load())
		}
		l.failures(0)
	})
}

// Failures that a loop was left without having seen go to the handler.
// Guarantee 5.
func TestStreams_UnseenFailuresReachTheHandler(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		errLate := errors.New("late")
		f := func(ctx context.Context, i int) (int, error) {
			return []fn{
				l.after(time.Second, 0, nil), l.until(0, errLate), l.panics(time.Second, "late"),
			}[i](ctx)
		}
		for range stream(l.ctx, 3, slices.Values([]int{0, 1, 2}), f) {
			break
		}
		l.over()
		n := 0
		for _, f := range l.told {
			if errors.Is(f, errLate) {
				n++
			}
		}
		if n != 1 {
			l.Errorf("the handler was told of %v", l.told)
		}
	})
}

// A fatal failure ends the loop's scope, and is yielded; if the loop was left
// before, the handler is told.
func TestStreams_Fatal(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		f := func(ctx context.Context, i int) (int, error) {
			return []fn{
				l.after(time.Second, 0, nil), l.after(2*time.Second, 0, scope.Fatal(errBoom)),
				l.until(0, nil),
			}[min(i, 2)](ctx)
		}
		pulled, fatal := 0, 0
		for i, r := range stream(l.ctx, 3, count(&pulled), f) {
			if scope.IsFatal(r.Err) && i == 1 {
				fatal++
			}
		}
		l.over()
		if fatal != 1 {
			l.Errorf("the fatal failure was yielded %d times", fatal)
		}
		l.failures(0)

		for range stream(l.ctx, 3, count(&pulled), f) {
			time.Sleep(time.Minute)
			break
		}
		l.over()
		l.failures(1)
	})
}

// The core returns a fatal failure in place of a panic; the loop's panic goes on
// all the same.
func TestStreams_FatalBesideAPanic(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		errBody := errors.New("body")
		f := func(ctx context.Context, i int) (int, error) {
			return []fn{
				l.after(time.Second, 0, nil), l.after(2*time.Second, 0, scope.Fatal(errBoom)),
			}[i](ctx)
		}
		err := l.end(func(ctx context.Context) {
			for range stream(ctx, 2, slices.Values([]int{0, 1}), f) {
				time.Sleep(time.Minute)
				panic(errBody)
			}
		})
		l.is(err, errBoom)
		l.is(err, errBody)
	})
}

// The failure that cancels the scope around is not the loop's to tell.
func TestStreams_FailureAboveIsNotTheirs(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		err := scope.Run(l.ctx, func(ctx context.Context, s *scope.Scope) error {
			s.Go("fails", func(context.Context) error {
				time.Sleep(time.Second)
				return errBoom
			})
			pulled := 0
			for range stream(ctx, 2, count(&pulled), func(ctx context.Context, _ int) (int, error) {
				return l.until(0, nil)(ctx)
			}) {
				break
			}
			return nil
		})
		l.is(err, errBoom)
		l.failures(0)
	})
}

// A result is not held up by an input that is slow, nor a start by a loop that is.
func TestStreams_Pace(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		slow := func(yield func(int) bool) {
			for i := range 5 {
				time.Sleep(10 * time.Second)
				if !yield(i) {
					return
				}
			}
		}
		begun := time.Now()
		one := func(ctx context.Context, i int) (int, error) {
			return l.after(time.Second, i, nil)(ctx)
		}
		for i := range stream(l.ctx, 4, slow, one) {
			want := time.Duration(i+2) * 10 * time.Second // when the next one came
			if i == 4 {
				want = 51 * time.Second
			}
			l.took(begun, want)
		}

		begun = time.Now()
		for range stream(l.ctx, 4, slices.Values(make([]int, 20)), one) {
			time.Sleep(time.Second)
		}
		l.took(begun, 21*time.Second)
	})
}

// A sequence may be ranged over again, and be pulled.
func TestStreams_AreSequences(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		seq := stream(l.ctx, 2, slices.Values([]int{1, 2, 3}), l.seconds)
		for range 2 {
			sum := 0
			for _, r := range seq {
				sum += r.Value
			}
			if sum != 6 {
				l.Errorf("sum is %d", sum)
			}
		}
		next, stop := iter.Pull2(seq)
		if i, r, ok := next(); i != 1 || r.Value != 1 || !ok {
			l.Errorf("next() = %v, %v, %v", i, r, ok)
		}
		stop()
		l.over()
	})
}

// The input and the loop share a goroutine, so that one may feed the other.
func TestStreams_LoopFeedsItsInput(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		todo := []int{1}
		in := func(yield func(int) bool) {
			for len(todo) > 0 {
				i := todo[0]
				todo = todo[1:]
				if !yield(i) {
					return
				}
			}
		}
		seen := 0
		for i := range stream(l.ctx, 1, in, l.seconds) {
			if seen++; i < 4 {
				todo = append(todo, 2*i, 2*i+1)
			}
		}
		if seen != 7 {
			l.Errorf("%d inputs, want 7", seen)
		}
	})
}

// No limit but the number of inputs.
func TestStreams_AllAtOnce(t *testing.T) {
	inBoth(t, func(l *lab, stream streamer) {
		begun, n := time.Now(), 0
		in := slices.Values([]int{5, 4, 3, 2, 1})
		for _, r := range stream(l.ctx, math.MaxInt, in, l.seconds) {
			n += r.Value
		}
		l.took(begun, 5*time.Second)
		if n != 15 || l.peak.Load() != 5 {
			l.Errorf("sum is %d, %d at a time", n, l.peak.Load())
		}
		for range stream(l.ctx, 1, slices.Values([]int{}), l.seconds) {
			l.Error("a result of nothing")
		}
	})
}
