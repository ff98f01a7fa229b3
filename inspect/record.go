package inspect

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A Recorder keeps the last transitions of the scopes that it observes, so that
// what happened before somebody looked can be seen. Make one with [Record]. All
// methods are safe for concurrent use.
type Recorder struct {
	mu   sync.Mutex
	ring []Event
	next uint64 // how many were recorded; the place of the next one, modulo len
}

// An Event is a transition: a task started or ended, a scope was opened,
// cancelled, or ended, or had stragglers.
type Event struct {
	// At is when it happened.
	At time.Time `json:"at"`
	// What is started, ended, opened, cancelled, closed or straggling; started
	// and ended are those of a task, the others those of a scope.
	What string `json:"what"`
	ID   string `json:"id"`
	Path string `json:"path"`
	Kind string `json:"kind"`
	// State is that after the event: how a task ended.
	State string `json:"state"`
	Site  string `json:"site"`
	// Started is when the task was started or the scope opened.
	Started time.Time `json:"started"`
	// Err is why a task failed, or who straggles.
	Err string `json:"err,omitempty"`
	// Causes is why it was cancelled.
	Causes []Cause `json:"causes,omitempty"`
}

// What an Event can be.
const (
	eventStarted    = "started"
	eventEnded      = "ended"
	eventOpened     = "opened"
	eventCancelled  = "cancelled"
	eventClosed     = "closed"
	eventStraggling = "straggling"
)

// Record returns a recorder that keeps the last n events. It panics if n is less
// than one.
func Record(n int) *Recorder {
	if n < 1 {
		panic("inspect: Record of less than one event; say how many to keep")
	}
	return &Recorder{ring: make([]Event, n)}
}

// Option makes a scope, and those nested in it, tell r what happens. It takes
// the place of another [scope.Observe], and costs what that costs: some
// microseconds a task.
func (r *Recorder) Option() scope.Option {
	return scope.Observe(scope.Observer{
		TaskStarted:    func(i scope.TaskInfo) { r.task(eventStarted, i) },
		TaskEnded:      func(i scope.TaskInfo) { r.task(eventEnded, i) },
		ScopeOpened:    func(i scope.ScopeInfo) { r.scope(eventOpened, i) },
		ScopeCancelled: func(i scope.ScopeInfo) { r.scope(eventCancelled, i) },
		ScopeEnded:     func(i scope.ScopeInfo) { r.scope(eventClosed, i) },
		Straggling: func(e *scope.StragglersError) {
			r.add(Event{
				At: time.Now(), What: eventStraggling, Path: e.Scope, Kind: kindScope,
				State: stateCancelling, Err: errorText(e),
			})
		},
	})
}

func (r *Recorder) task(what string, i scope.TaskInfo) {
	e := Event{
		At: i.Started.Add(i.Age), What: what, ID: i.ID, Path: i.Path, Kind: i.Kind,
		State: i.State, Site: i.Site, Started: i.Started, Causes: causes(i.Cause),
	}
	if i.Err != nil {
		e.Err = failureText(i.Err)
	}
	r.add(e)
}

func (r *Recorder) scope(what string, i scope.ScopeInfo) {
	r.add(Event{
		At: i.Opened.Add(i.Age), What: what, ID: i.ID, Path: i.Path, Kind: kindScope,
		State: i.State, Site: i.Site, Started: i.Opened, Causes: causes(i.Cause),
	})
}

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
}

// A History is what a recorder keeps.
type History struct {
	// Dropped is how many events there were before the first one.
	Dropped uint64 `json:"dropped"`
	// Events are in the order in which they were recorded.
	Events []Event `json:"events"`
}

// History returns a copy of what r keeps.
func (r *Recorder) History() History {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := uint64(len(r.ring))
	if r.next <= size {
		return History{Events: append([]Event{}, r.ring[:r.next]...)}
	}
	at := r.next % size
	events := append([]Event{}, r.ring[at:]...)
	return History{Dropped: r.next - size, Events: append(events, r.ring[:at]...)}
}

func (s *server) serveHistory(w http.ResponseWriter) {
	if s.recorder == nil {
		http.Error(w, noRecorder, http.StatusNotFound)
		return
	}
	writeJSON(w, s.recorder.History())
}

const noRecorder = "inspect: this program keeps no history; see inspect.Record"

func (s *server) serveTrace(w http.ResponseWriter) {
	if s.recorder == nil {
		http.Error(w, noRecorder, http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="scope-trace.json"`)
	_ = s.recorder.WriteTrace(w) // the reader has gone
}
