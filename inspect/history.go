package inspect

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

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
	Name string `json:"name,omitempty"`
	Kind string `json:"kind"`
	// State is that after the event: how a task ended.
	State string `json:"state"`
	Site  string `json:"site"`
	// Started is when the task was started or the scope opened.
	Started time.Time `json:"started"`
	// Err is why a task failed, or who straggles.
	Err string `json:"err,omitempty"`
	// Causes is why it was cancelled, or, if it failed, the failures of others
	// that this came from: the nearest first.
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

// A History is what a recorder keeps, or a part of it.
type History struct {
	// Dropped is how many events there were before those that are kept, and
	// Kept how many these are, Since when.
	Dropped uint64    `json:"dropped"`
	Kept    int       `json:"kept"`
	Since   time.Time `json:"since,omitzero"`
	// Events are in the order in which they were recorded.
	Events []Event `json:"events"`
}

// History returns a copy of what r keeps.
func (r *Recorder) History() History {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := uint64(len(r.ring))
	if r.next <= size {
		return newHistory(0, append([]Event{}, r.ring[:r.next]...))
	}
	at := r.next % size
	events := append([]Event{}, r.ring[at:]...)
	return newHistory(r.next-size, append(events, r.ring[:at]...))
}

func newHistory(dropped uint64, events []Event) History {
	h := History{Dropped: dropped, Kept: len(events), Events: events}
	if len(events) > 0 {
		h.Since = events[0].At
	}
	return h
}

// Of returns h with no more than the events of what is named so, as in
// [Snapshot.Find].
func (h History) Of(what string) History {
	for _, matches := range matchers(what) {
		of := []Event{}
		for i := range h.Events {
			if e := &h.Events[i]; matches(e.ID, e.Path) {
				of = append(of, *e)
			}
		}
		if len(of) > 0 || what == "" {
			h.Events = of
			return h
		}
	}
	h.Events = []Event{}
	return h
}

// maxEnded is how many of like name are told of.
const maxEnded = 10

// WriteWhy writes how and why the tasks and scopes ended that what names, the
// last ones last, and what the history does not reach back to. It returns an
// error if none of that name ended as far back as it reaches.
func (h History) WriteWhy(w io.Writer, what string) error {
	ended := slices.DeleteFunc(h.Of(what).Events, func(e Event) bool {
		return e.What != eventEnded && e.What != eventClosed
	})
	if len(ended) == 0 {
		return fmt.Errorf("inspect: nothing under %q has ended, as far as is known: %s",
			what, h.reach())
	}
	var b strings.Builder
	if more := len(ended) - maxEnded; more > 0 {
		fmt.Fprintf(&b, "%s of that name ended before these\n", thousands(more))
		ended = ended[more:]
	}
	for i := range ended {
		ended[i].why(&b)
	}
	fmt.Fprintf(&b, "(%s)\n", h.reach())
	_, err := io.WriteString(w, b.String())
	return err
}

// reach says how far h reaches back.
func (h History) reach() string {
	text := "the history keeps " + plural(h.Kept, "event", "events")
	if !h.Since.IsZero() {
		text += ", since " + h.Since.Format(time.DateTime)
	}
	if h.Dropped > 0 {
		return text + "; " + thousands(h.Dropped) + " before that were dropped"
	}
	return text + "; none was dropped"
}

// why tells how a task or scope ended.
func (e *Event) why(b *strings.Builder) {
	fmt.Fprintf(b, "%s  %s %s  at %s, after %s  started at %s\n", clean(e.Path), e.Kind,
		clean(e.State), e.At.Format(time.DateTime), age(e.At.Sub(e.Started)), clean(e.Site))
	if isFailure(e.State) {
		fmt.Fprintf(b, "  %s: %s\n", e.State, clean(e.Err))
	}
	for _, c := range e.Causes {
		fmt.Fprintf(b, "  because %s\n", clean(c.String()))
	}
	if len(e.Causes) == 0 && !isFailure(e.State) {
		b.WriteString("  was not stopped\n")
	}
}

func (s *server) serveHistory(w http.ResponseWriter, r *http.Request) {
	if s.recorder == nil {
		http.Error(w, noRecorder, http.StatusNotFound)
		return
	}
	h := s.recorder.History()
	if what := r.URL.Query().Get("of"); what != "" {
		h = h.Of(what)
	}
	writeJSON(w, h)
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
