package peer

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// diyList is the least that is written by hand to know at any moment which tasks
// are alive: a record in a list under a mutex, with a name and the time, and a
// recover. What scope costs beyond it is what its other features cost.
func diyList() Peer {
	return Peer{
		Name:    "diylist",
		Doc:     "by hand: a record per task in a list under a mutex, with name and time, recover",
		Form:    Contextual,
		Catches: true,
		Open:    ready(runList),
	}
}

type listScope struct {
	ctx    context.Context
	opened time.Time
	wg     sync.WaitGroup

	mu          sync.Mutex
	first, last *listTask
}

type listTask struct {
	scope      *listScope
	name       string
	f          func(context.Context) error
	started    time.Duration // since scope.opened
	next, prev *listTask
	err        error
}

func runList(ctx context.Context, body Body) {
	s := &listScope{ctx: ctx, opened: time.Now()}
	body.Fill(s)
	s.wg.Wait()
}

func (s *listScope) Wait() { s.wg.Wait() }

func (s *listScope) Context() context.Context { return s.ctx }

func (s *listScope) Go(t Task) {
	r := &listTask{
		scope: s, name: "task", f: t.Contextual, started: time.Since(s.opened),
	}
	s.wg.Add(1)
	s.mu.Lock()
	r.prev = s.last
	if s.last == nil {
		s.first = r
	} else {
		s.last.next = r
	}
	s.last = r
	s.mu.Unlock()
	go r.run()
}

func (r *listTask) run() {
	defer func() {
		if v := recover(); v != nil {
			r.err = fmt.Errorf("task %s: panic: %v", r.name, v)
		}
		r.scope.remove(r)
		r.scope.wg.Done()
	}()
	r.err = r.f(r.scope.ctx)
}

func (s *listScope) remove(r *listTask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.prev == nil {
		s.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		s.last = r.prev
	} else {
		r.next.prev = r.prev
	}
}
