package inspect

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteTrace writes the history in Chrome's trace-event format, which Perfetto
// (https://ui.perfetto.dev), chrome://tracing and others open. Scopes with like
// paths, as those of the requests of a server, are one process of the trace; its
// tasks are bars on as many tracks as there are at a time, with their end, error
// and causes as arguments. Failures, cancellations and stragglers are marks. A
// task whose start has been dropped is shown all the same, since its end tells
// when it was started; one that lives is drawn up to the last event. The time 0
// of the trace, and how many events were dropped, are in otherData.
func (r *Recorder) WriteTrace(w io.Writer) error {
	h := r.History()
	b := newTraceBuilder(h.Events)
	b.bars()
	return json.NewEncoder(w).Encode(traceFile{
		Unit: "ms", Other: traceOther{Dropped: h.Dropped, Events: len(h.Events), Start: b.zero},
		Events: b.all,
	})
}

// A traceFile is a trace. Perfetto wants the unit first, before the end of what it
// reads at once, and nothing that it does not know before the events.
type traceFile struct {
	Unit   string       `json:"displayTimeUnit"`
	Other  traceOther   `json:"otherData"`
	Events []traceEvent `json:"traceEvents"`
}

type traceOther struct {
	Dropped uint64    `json:"dropped"`
	Events  int       `json:"events"`
	Start   time.Time `json:"start"`
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
	Color string         `json:"cname,omitempty"` // one of Chrome's; Perfetto takes its own
	Args  map[string]any `json:"args,omitempty"`
}

// A traceBuilder makes the events of a trace.
type traceBuilder struct {
	all   []traceEvent
	bar   []Event          // of what has a start and an end
	begun map[string]Event // by ID, what has no end yet
	marks []Event
	zero  time.Time // the trace counts from here: an absolute time has too many digits
	last  time.Time

	processes map[string]*traceProcess // by the path of its scopes, without numbers
	trackOf   map[string]*traceTrack   // by the ID of a task or scope

	// tracks counts them. Perfetto knows a track by its number alone, and takes
	// the one with the number of a process for its main one, wherever it is: so
	// all numbers differ, but for those two.
	tracks int
}

// A traceProcess stands for scopes that are alike.
type traceProcess struct {
	id    int
	lanes []*traceTrack
}

// A traceTrack is a row on which one bar stands after the other.
type traceTrack struct {
	process, id int
	free        time.Time
}

func newTraceBuilder(events []Event) *traceBuilder {
	b := &traceBuilder{
		all: []traceEvent{}, begun: map[string]Event{},
		processes: map[string]*traceProcess{}, trackOf: map[string]*traceTrack{},
	}
	for _, e := range events {
		b.sort(e)
	}
	for _, e := range b.begun {
		e.At, e.State = b.last, stateRunning
		b.bar = append(b.bar, e)
	}
	slices.SortStableFunc(b.bar, func(x, y Event) int {
		return cmp.Or(x.Started.Compare(y.Started), cmp.Compare(x.ID, y.ID))
	})
	return b
}

func (b *traceBuilder) sort(e Event) {
	b.last = e.At
	if first := e.Started; !first.IsZero() && (b.zero.IsZero() || first.Before(b.zero)) {
		b.zero = first
	}
	switch e.What {
	case eventStarted, eventOpened:
		b.begun[e.ID] = e
	case eventEnded, eventClosed:
		delete(b.begun, e.ID)
		b.bar = append(b.bar, e)
	case eventCancelled, eventStraggling:
		b.marks = append(b.marks, e)
	}
}

// bars draws scopes and tasks in the order of their start, each on the first
// track that is free, and then the marks on the tracks that they belong to.
func (b *traceBuilder) bars() {
	for _, e := range b.bar {
		track := b.track(e)
		b.trackOf[e.ID] = track
		dur := microseconds(e.At.Sub(e.Started))
		b.all = append(b.all, traceEvent{
			Name: label(e), Phase: "X", Time: b.time(e.Started), Dur: &dur,
			PID: track.process, TID: track.id, Cat: e.Kind + "," + e.State,
			Color: traceColor(e.State), Args: traceArgs(e),
		})
		if isFailure(e.State) {
			b.mark(e, e.State+": "+firstLine(e.Err), track)
		}
	}
	for _, e := range b.marks {
		if track, ok := b.trackOf[e.ID]; ok {
			b.mark(e, e.What, track)
		}
	}
}

// label is the name of a bar.
func label(e Event) string {
	switch {
	case e.Name != "":
		return e.Name
	case e.Kind == kindScope:
		return "scope " + e.ID
	default:
		return e.Path
	}
}

// traceColor makes what went wrong stand out.
func traceColor(state string) string {
	switch state {
	case stateFailed, statePanicked:
		return "terrible"
	case "cancelled":
		return "bad"
	default:
		return ""
	}
}

func traceArgs(e Event) map[string]any {
	args := map[string]any{"id": e.ID, "path": e.Path, "state": e.State, "site": e.Site}
	if e.Err != "" {
		args["err"] = e.Err
	}
	if len(e.Causes) > 0 {
		args["causes"] = e.Causes
	}
	return args
}

// process returns what stands for the scope that e is of.
func (b *traceBuilder) process(e Event) *traceProcess {
	owner := e.Path
	if e.Kind != kindScope {
		owner = strings.TrimSuffix(strings.TrimSuffix(e.Path, e.Name), "/")
	}
	owner = stemOf(owner)
	if p, ok := b.processes[owner]; ok {
		return p
	}
	p := &traceProcess{id: b.tracks + 1}
	b.processes[owner] = p
	b.meta("process_name", p.id, p.id, map[string]any{"name": owner})
	b.meta("process_sort_index", p.id, p.id, map[string]any{"sort_index": len(b.processes)})
	return p
}

// track returns the first track of e's process that is free.
func (b *traceBuilder) track(e Event) *traceTrack {
	p := b.process(e)
	at := slices.IndexFunc(p.lanes, func(t *traceTrack) bool { return !t.free.After(e.Started) })
	if at < 0 {
		at = len(p.lanes)
		b.tracks++ // the first one of p gets the number of p
		p.lanes = append(p.lanes, &traceTrack{process: p.id, id: b.tracks})
		b.meta("thread_name", p.id, b.tracks, map[string]any{"name": "tasks"})
	}
	p.lanes[at].free = e.At
	return p.lanes[at]
}

func (b *traceBuilder) mark(e Event, name string, track *traceTrack) {
	b.all = append(b.all, traceEvent{
		Name: name, Phase: "i", Time: b.time(e.At), PID: track.process, TID: track.id, Scope: "t",
		Args: map[string]any{"path": e.Path, "err": e.Err, "causes": e.Causes},
	})
}

func (b *traceBuilder) meta(what string, pid, tid int, args map[string]any) {
	b.all = append(b.all, traceEvent{Name: what, Phase: "M", PID: pid, TID: tid, Args: args})
}

func (b *traceBuilder) time(t time.Time) float64 { return microseconds(t.Sub(b.zero)) }

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }
