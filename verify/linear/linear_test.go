package linear_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/linear"
)

var histories = flag.Int("histories", 3000, "how many histories are recorded")

// A recorder makes calls and writes down when.
type recorder struct {
	s     *scope.Scope
	clock atomic.Int64
	mu    sync.Mutex
	ops   []porcupine.Operation
}

func (r *recorder) record(client int, call linear.Call, f func() linear.Seen) {
	begun := r.clock.Add(1)
	seen := f()
	op := porcupine.Operation{
		ClientId: client, Input: call, Call: begun, Output: seen, Return: r.clock.Add(1),
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// A client has at most one task at a time, which it ends before it waits.
type client struct {
	*recorder
	id   int
	rnd  *rand.Rand
	task *scope.Task
	end  chan struct{}
}

const calls = 7

func (c *client) run() {
	for range calls {
		switch n := c.rnd.IntN(20); {
		case n < 8 && c.task == nil:
			c.tryGo()
		case n < 8:
			c.endTask()
		case n < 9:
			c.do(linear.Cancel, func() { c.s.Cancel(nil) })
		case n < 10:
			c.do(linear.Drain, func() { _ = c.s.Drain(done()) })
		case n < 13:
			c.endTask()
			c.do(linear.Wait, func() { _ = c.s.Wait(context.Background()) })
		default:
			c.record(c.id, linear.Look, c.look)
		}
	}
	c.endTask()
}

// do records a call of which nothing but its end is seen.
func (c *client) do(call linear.Call, f func()) {
	c.record(c.id, call, func() linear.Seen {
		f()
		return linear.Seen{}
	})
}

// done returns a context that is over, so that Drain does not wait.
func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (c *client) tryGo() {
	end := make(chan struct{})
	c.record(c.id, linear.TryGo, func() linear.Seen {
		task, err := c.s.TryGo("task", func(context.Context) error { <-end; return nil })
		c.task, c.end = task, end
		return linear.Seen{Admitted: err == nil}
	})
}

func (c *client) endTask() {
	if c.task == nil {
		return
	}
	c.record(c.id, linear.EndTask, func() linear.Seen {
		close(c.end)
		<-c.task.Done()
		return linear.Seen{}
	})
	c.task = nil
}

func (c *client) look() linear.Seen {
	info := c.s.Info()
	n := info.Counts
	return linear.Seen{State: info.State, Live: n.Live, Started: n.Started, OK: n.OK}
}

// Every history of concurrent calls has an order that explains it.
func TestLinearizable(t *testing.T) {
	n := *histories
	if testing.Short() {
		n /= 10
	}
	for range n {
		seed := rand.Uint64()
		ops := history(seed)
		//nolint:exhaustive // default is the rest
		switch porcupine.CheckOperationsTimeout(linear.Spec(), ops, 10*time.Second) {
		case porcupine.Ok:
		case porcupine.Unknown:
			t.Logf("seed %d: no answer in time", seed)
		default:
			t.Fatalf("seed %d: no order explains %+v", seed, ops)
		}
	}
}

const clients = 4

func history(seed uint64) []porcupine.Operation {
	r := &recorder{s: scope.Open(context.Background())}
	var wg sync.WaitGroup
	for id := range clients {
		c := &client{recorder: r, id: id, rnd: rand.New(rand.NewPCG(seed, uint64(id)))}
		wg.Go(c.run)
	}
	wg.Wait()
	_ = r.s.Shutdown(context.Background())
	return r.ops
}

// The specification refuses what must not be.
func TestSpec_refuses(t *testing.T) {
	type seen = linear.Seen
	op := func(call linear.Call, from, to int64, seen seen) porcupine.Operation {
		return porcupine.Operation{Input: call, Call: from, Return: to, Output: seen}
	}
	for _, tt := range []struct {
		name string
		ops  []porcupine.Operation
	}{
		{"admission after Cancel", []porcupine.Operation{
			op(linear.Cancel, 1, 2, seen{}), op(linear.TryGo, 3, 4, seen{Admitted: true}),
		}},
		{"a wait that returns early", []porcupine.Operation{
			op(linear.TryGo, 1, 2, seen{Admitted: true}),
			op(linear.Wait, 3, 4, seen{}),
			op(linear.EndTask, 5, 6, seen{}),
		}},
		{"a count that lags", []porcupine.Operation{
			op(linear.TryGo, 1, 2, seen{Admitted: true}),
			op(linear.Look, 3, 4, seen{State: "open"}),
			op(linear.EndTask, 5, 6, seen{}),
		}},
	} {
		if porcupine.CheckOperations(linear.Spec(), tt.ops) {
			t.Errorf("%s: the specification has an order for it", tt.name)
		}
	}
}
