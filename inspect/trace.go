package inspect

import (
	"cmp"
	"encoding/json"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WriteTrace writes the history in Chrome's trace-event format, which Perfetto
// (https://ui.perfetto.dev) and chrome://tracing open. Each scope is a process of
// the trace; its tasks are bars on as many tracks as there are at a time, with
// their end, error and causes as arguments. Failures, cancellations and
// stragglers are marks. A task whose start has been dropped is shown all the
// same, since its end tells when it was started; one that lives is drawn up to
// the last event. How many events were dropped is in otherData.
func (r *Recorder) WriteTrace(w io.Writer) error {
	h := r.History()
	b := &traceBuilder{lanes: map[int][]time.Time{}, begun: map[string]Event{}}
	for _, e := range h.Events {
		b.event(e)
	}
	b.bars()
	return json.NewEncoder(w).Encode(map[string]any{
		"traceEvents":     b.all,
		"displayTimeUnit": "ms",
		"otherData":       map[string]any{"dropped": h.Dropped, "events": len(h.Events)},
	})
}

// A traceEvent is one of Chrome's. Source: "Trace Event Format", Google.
type traceEvent struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Time  float64        `json:"ts"` // microseconds
	Dur   *float64       `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Scope string         `json:"s,omitempty"`
	Cat   string         `json:"cat,omitempty"`
	Args  map[string]any `json:"args,omitempty"`
}

type traceBuilder struct {
	all   []traceEvent
	ended []Event             // with a start each
	begun map[string]Event    // by ID, what has no end yet
	lanes map[int][]time.Time // by scope, when each of its tracks is free
	last  time.Time
}

// scopeOf returns the number of the scope that an event is of.
func scopeOf(id string) int {
	scope, _, _ := strings.Cut(id, ".")
	n, err := strconv.Atoi(scope)
	if err != nil {
		return 0
	}
	return n
}

func (b *traceBuilder) event(e Event) {
	b.last = e.At
	switch e.What {
	case eventStarted:
		b.begun[e.ID] = e
	case eventEnded:
		delete(b.begun, e.ID)
		b.ended = append(b.ended, e)
	case eventOpened:
		b.meta("process_name", scopeOf(e.ID), 0, e.Path)
	case eventCancelled, eventStraggling:
		b.mark(e, e.What, 0)
	}
}

// bars draws the tasks. They are taken in the order of their start, and each
// goes on the first track that is free.
func (b *traceBuilder) bars() {
	for _, e := range b.begun {
		e.At, e.State = b.last, "running"
		b.ended = append(b.ended, e)
	}
	slices.SortStableFunc(b.ended, func(x, y Event) int {
		return cmp.Or(x.Started.Compare(y.Started), cmp.Compare(x.ID, y.ID))
	})
	for _, e := range b.ended {
		track := b.track(e)
		dur := microseconds(e.At.Sub(e.Started))
		args := map[string]any{"id": e.ID, "path": e.Path, "state": e.State, "site": e.Site}
		if e.Err != "" {
			args["err"] = e.Err
		}
		if len(e.Causes) > 0 {
			args["causes"] = e.Causes
		}
		b.all = append(b.all, traceEvent{
			Name: path.Base(e.Path), Phase: "X", Time: unixMicro(e.Started), Dur: &dur,
			PID: scopeOf(e.ID), TID: track, Cat: e.Kind + "," + e.State, Args: args,
		})
		if e.State == stateFailed || e.State == statePanicked {
			b.mark(e, e.State+": "+firstLine(e.Err), track)
		}
	}
}

// track returns the number of the first track of e's scope that is free, from 1.
func (b *traceBuilder) track(e Event) int {
	owner := scopeOf(e.ID)
	lanes := b.lanes[owner]
	at := slices.IndexFunc(lanes, func(free time.Time) bool { return !free.After(e.Started) })
	if at < 0 {
		at = len(lanes)
		lanes = append(lanes, e.At)
		b.meta("thread_name", owner, at+1, "tasks")
	}
	lanes[at] = e.At
	b.lanes[owner] = lanes
	return at + 1
}

func (b *traceBuilder) mark(e Event, name string, track int) {
	b.all = append(b.all, traceEvent{
		Name: name, Phase: "i", Time: unixMicro(e.At), PID: scopeOf(e.ID), TID: track, Scope: "t",
		Args: map[string]any{"path": e.Path, "err": e.Err, "causes": e.Causes},
	})
}

func (b *traceBuilder) meta(what string, pid, tid int, name string) {
	b.all = append(b.all, traceEvent{
		Name: what, Phase: "M", PID: pid, TID: tid, Args: map[string]any{"name": name},
	})
}

func unixMicro(t time.Time) float64 { return float64(t.UnixNano()) / 1e3 }

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }
