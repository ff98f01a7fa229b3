package inspect

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A Recorder keeps the last transitions of the scopes that it observes, so that
// what happened before somebody looked can be seen, and the last failure of each
// of those that live. Make one with [Record]. All methods are safe for concurrent
// use.
type Recorder struct {
	mu   sync.Mutex
	ring []Event
	next uint64             // how many were recorded; the place of the next one, modulo len
	last map[string]Failure // by the ID of a scope that lives; as many as the ring at most
}

// Record returns a recorder that keeps the last n events. It panics if n is less
// than one.
func Record(n int) *Recorder {
	if n < 1 {
		panic("inspect: Record of less than one event; say how many to keep")
	}
	return &Recorder{ring: make([]Event, n), last: map[string]Failure{}}
}

// Option makes a scope, and those nested in it, tell r what happens. It takes
// the place of another [scope.Observe], and costs what that costs: some
// microseconds a task.
func (r *Recorder) Option() scope.Option {
	return scope.Observe(scope.Observer{
		TaskStarted:    func(i scope.TaskInfo) { r.add(taskEvent(eventStarted, i)) },
		TaskEnded:      func(i scope.TaskInfo) { r.add(taskEvent(eventEnded, i)) },
		ScopeOpened:    func(i scope.ScopeInfo) { r.add(scopeEvent(eventOpened, i)) },
		ScopeCancelled: func(i scope.ScopeInfo) { r.add(scopeEvent(eventCancelled, i)) },
		ScopeEnded:     func(i scope.ScopeInfo) { r.add(scopeEvent(eventClosed, i)) },
		Straggling:     func(e *scope.StragglersError) { r.add(stragglingEvent(e)) },
	})
}

func taskEvent(what string, i scope.TaskInfo) Event {
	e := Event{
		At: i.Started.Add(i.Age), What: what, ID: i.ID, Path: i.Path, Name: i.Name, Kind: i.Kind,
		State: i.State, Site: i.Site, Started: i.Started, Causes: causes(i.Cause),
	}
	if f, ok := errors.AsType[*scope.Failure](i.Err); ok && isFailure(i.State) {
		e.Err = errorText(f.Err)
		e.Causes = causes(f)[1:]
	} else if i.Err != nil {
		e.Err = failureText(i.Err)
	}
	return e
}

func scopeEvent(what string, i scope.ScopeInfo) Event {
	return Event{
		At: i.Opened.Add(i.Age), What: what, ID: i.ID, Path: i.Path, Name: i.Name, Kind: kindScope,
		State: i.State, Site: i.Site, Started: i.Opened, Causes: causes(i.Cause),
	}
}

// stragglingEvent is of the scope that the outermost straggler is in: the report
// does not tell the ID of its own.
func stragglingEvent(err *scope.StragglersError) Event {
	e := Event{
		At: time.Now(), What: eventStraggling, Path: err.Scope, Kind: kindScope,
		State: stateStraggling, Err: errorText(err),
	}
	nearest := -1
	for _, t := range err.Tasks {
		if depth := strings.Count(t.Task.Path, "/"); nearest < 0 || depth < nearest {
			nearest, e.ID = depth, scopeOf(t.Task.ID)
		}
	}
	return e
}

func isFailure(state string) bool { return state == stateFailed || state == statePanicked }

// failureText is the text of how a task ended: without the name of the task,
// which the reader knows.
func failureText(err error) string {
	if f, ok := errors.AsType[*scope.Failure](err); ok {
		err = f.Err
	}
	return errorText(err)
}

func (r *Recorder) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ring[r.next%uint64(len(r.ring))] = e
	r.next++
	switch {
	case e.What == eventClosed:
		delete(r.last, e.ID)
	case e.What == eventEnded && isFailure(e.State):
		r.keepLocked(scopeOf(e.ID), Failure{
			Text: e.Err, Task: e.Path, ID: e.ID, Site: e.Site, At: e.At,
		})
	}
}

// keepLocked keeps f as the last failure of a scope. One that is forgotten by
// its program never tells of its end: the oldest failure makes room.
func (r *Recorder) keepLocked(scopeID string, f Failure) {
	if _, known := r.last[scopeID]; !known && len(r.last) >= len(r.ring) {
		oldest := ""
		for id, kept := range r.last {
			if oldest == "" || kept.At.Before(r.last[oldest].At) {
				oldest = id
			}
		}
		delete(r.last, oldest)
	}
	r.last[scopeID] = f
}

// lastFailure returns the last failure in the scope, or nil, also if there is no
// recorder.
func (r *Recorder) lastFailure(scopeID string) *Failure {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.last[scopeID]; ok {
		return &f
	}
	return nil
}

// scopeOf returns the ID of the scope of a task, or that of a scope itself.
func scopeOf(id string) string {
	owner, _, _ := strings.Cut(id, ".")
	return owner
}
