package scope

import "unsafe"

// walkBatch is how many tasks a reader takes at a time, so that the lock is
// never held for long, however many there are.
const walkBatch = 256

// eachTask calls visit for the live tasks of s, in the order they were
// started, without holding the lock. A task that is there from beginning to end
// is visited exactly once, others at most once; a visited task may have ended.
func (s *Scope) eachTask(visit func(*Task)) {
	var cursor *Task
	buf := make([]*Task, 0, walkBatch)
	for {
		buf, cursor = s.nextTasks(buf[:0], cursor)
		raceJoin(unsafe.Pointer(&s.first))
		for _, t := range buf {
			visit(t)
		}
		if cursor == nil {
			return
		}
	}
}

// nextTasks appends to buf the tasks behind the cursor, or the first ones if
// that is nil, and returns a cursor that stands behind them, or nil at the end.
//
//go:norace
func (s *Scope) nextTasks(buf []*Task, cursor *Task) ([]*Task, *Task) {
	s.mu.lock()
	t := s.first
	if cursor != nil {
		t = cursor.next
		s.unlink(cursor)
	}
	for t != nil && len(buf) < walkBatch {
		if t.kind != kindCursor {
			buf = append(buf, t)
		}
		t = t.next
	}
	switch {
	case t == nil:
		cursor = nil
	case cursor == nil:
		cursor = &Task{kind: kindCursor}
		fallthrough
	default:
		s.insertBefore(t, cursor)
	}
	s.mu.unlock()
	return buf, cursor
}

//go:norace
func (l *ledger) insertBefore(t, cursor *Task) {
	cursor.prev, cursor.next = t.prev, t
	if t.prev == nil {
		l.first = cursor
	} else {
		t.prev.next = cursor
	}
	t.prev = cursor
}

// Tasks returns the live tasks of s, oldest first: ordinary tasks, daemons and
// running deferred functions, not those of nested scopes (see [Task.Scopes]).
// It may be called at any time and holds the scope's lock only for a few
// hundred tasks at a time; so under churn the list is not of one instant, but a
// task that lived all the while is in it exactly once.
func (s *Scope) Tasks() []*Task {
	s.mustBeOpened()
	var tasks []*Task
	s.eachTask(func(t *Task) {
		if t.result() == outcomeNone {
			tasks = append(tasks, t)
		}
	})
	return tasks
}
