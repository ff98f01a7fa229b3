package gather_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

// A dueContext is cancelled when it has been asked a number of times, so that a
// test can go through the instants of a call one by one.
type dueContext struct {
	context.Context

	cancel context.CancelFunc
	asked  atomic.Int32
	due    int32
}

func (c *dueContext) Err() error {
	if c.asked.Add(1) == c.due {
		c.cancel()
	}
	return c.Context.Err()
}

func (c *dueContext) Done() <-chan struct{} { return c.Context.Done() }

// instants calls f with a context that is cancelled at the first instant, the
// second and so on, until f has ended before it was.
func instants(t *testing.T, f func(l *lab, ctx context.Context)) {
	t.Helper()
	for due, missed := int32(1), false; !missed; due++ {
		t.Run(fmt.Sprint(due), func(t *testing.T) {
			inLab(t, func(l *lab) {
				ctx, cancel := context.WithCancel(l.ctx)
				defer cancel()
				c := &dueContext{Context: ctx, cancel: cancel, due: due}
				f(l, c)
				missed = ctx.Err() == nil
				l.over()
				l.refusalsOnly()
			})
		})
		if t.Failed() {
			return
		}
	}
}

// refusalsOnly checks what the handler was told of. In the one instant between the
// look at the context and the start, the core tells it of a refusal that the
// result tells as well.
func (l *lab) refusalsOnly() {
	l.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.told {
		if f.Task.State != "refused" {
			l.Errorf("the handler was told of %v", f)
		}
	}
}

func TestStreams_CancelledAtAnyInstant(t *testing.T) {
	inBothAtAnyInstant(t, func(l *lab, ctx context.Context, stream streamer) {
		pulled, ended := 0, 0
		in := func(yield func(int) bool) {
			for i := range 4 {
				pulled++
				if !yield(i) {
					return
				}
			}
		}
		for _, r := range stream(ctx, 2, in, l.seconds) {
			if ended++; r.Err != nil && !errors.Is(r.Err, context.Canceled) {
				l.Error(r.Err)
			}
		}
		if pulled != ended {
			l.Errorf("%d pulled, %d yielded", pulled, ended)
		}
	})
}

func inBothAtAnyInstant(
	t *testing.T, f func(l *lab, ctx context.Context, stream streamer),
) {
	t.Helper()
	for name, stream := range map[string]streamer{
		"Ordered": gather.Ordered[int, int], "Completed": gather.Completed[int, int],
	} {
		t.Run(name, func(t *testing.T) {
			instants(t, func(l *lab, ctx context.Context) { f(l, ctx, stream) })
		})
	}
}

func TestSettled_CancelledAtAnyInstant(t *testing.T) {
	instants(t, func(l *lab, ctx context.Context) {
		called := 0
		for i, r := range gather.Settled(ctx, l.after(0, 0, nil), l.after(time.Second, 1, nil)) {
			if !errors.Is(r.Err, scope.ErrClosed) {
				called++
			}
			if r.Err != nil && !errors.Is(r.Err, context.Canceled) || r.Err == nil && r.Value != i {
				l.Errorf("result %d is %+v", i, r)
			}
		}
		if n := int(l.calls.Load()); n != called {
			l.Errorf("%d calls, %d results say so", n, called)
		}
	})
}

func TestRace_CancelledAtAnyInstant(t *testing.T) {
	instants(t, func(l *lab, ctx context.Context) {
		v, err := gather.Race(ctx, l.after(0, 0, errBoom), l.after(time.Second, 1, nil))
		if err == nil && v != 1 || err != nil && !errors.Is(err, context.Canceled) {
			l.Errorf("Race() = %v, %v", v, err)
		}
	})
}
