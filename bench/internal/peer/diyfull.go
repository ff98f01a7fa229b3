package peer

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// diyFull is what a careful user writes by hand to have the features: a registry
// of live tasks, a context per task that can be cancelled alone, name, start
// time, recovered panics with their stack, and a done channel per task.
func diyFull() Peer {
	return Peer{
		Name:    "diyfull",
		Doc:     "by hand: registry, context per task, recover with stack, name, time, done",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runDIY),
	}
}

type diyScope struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	next  uint64
	tasks map[uint64]*diyTask
}

type diyTask struct {
	scope   *diyScope
	id      uint64
	name    string
	started time.Time
	cancel  context.CancelCauseFunc
	done    chan struct{} // closed when the task has ended
	err     error         // set before done is closed
}

func runDIY(ctx context.Context, body Body) {
	s := &diyScope{tasks: make(map[uint64]*diyTask)}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.cancel(nil)
	body.Fill(s)
	s.wg.Wait()
}

func (s *diyScope) Go(t Task) { s.start("task", t.Contextual) }

func (s *diyScope) Wait() { s.wg.Wait() }

func (s *diyScope) Context() context.Context { return s.ctx }

func (s *diyScope) start(name string, f func(context.Context) error) *diyTask {
	ctx, cancel := context.WithCancelCause(s.ctx)
	t := &diyTask{
		scope: s, name: name, started: time.Now(),
		cancel: cancel, done: make(chan struct{}),
	}
	s.mu.Lock()
	s.next++
	t.id = s.next
	s.tasks[t.id] = t
	s.mu.Unlock()
	s.wg.Add(1)
	go t.run(ctx, f)
	return t
}

func (t *diyTask) run(ctx context.Context, f func(context.Context) error) {
	err := errors.New("task called runtime.Goexit")
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("task %s: panic: %v\n%s", t.name, v, debug.Stack())
		}
		t.end(err)
	}()
	err = f(ctx)
}

func (t *diyTask) end(err error) {
	t.err = err
	t.cancel(err)
	t.scope.mu.Lock()
	delete(t.scope.tasks, t.id)
	t.scope.mu.Unlock()
	close(t.done)
	t.scope.wg.Done()
}
