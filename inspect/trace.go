package inspect

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"
)

// WriteTrace writes what r keeps as [History.WriteTrace] does.
func (r *Recorder) WriteTrace(w io.Writer) error { return r.History().WriteTrace(w) }

// WriteTrace writes the history in Chrome's trace-event format, which Perfetto
// (https://ui.perfetto.dev), chrome://tracing and others open. Scopes with like
// paths, as those of the requests of a server, are one process of the trace; its
// tasks are bars on as many tracks as there are at a time, with their end, error
// and causes as arguments. Failures, cancellations and stragglers are marks.
//
// A task whose start has been dropped is shown all the same, since its end tells
// when it was started; one that lives is drawn up to the last event, but not if all
// its events have been dropped. The time 0 of the trace, and how many events were
// dropped, are in otherData.
func (h History) WriteTrace(w io.Writer) error {
	b := newTraceBuilder(h.Events)
	b.bars()
	text, err := json.Marshal(traceFile{
		Unit: "ms", Other: traceOther{Dropped: h.Dropped, Events: len(h.Events), Start: b.zero},
		Events: b.all,
	})
	if err != nil {
		return err
	}
	// Without a newline: behind the end of what it reads at once, Perfetto takes one
	// for a second file.
	_, err = w.Write(text)
	return err
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
	over  map[string]bool  // by ID, what has
	marks []Event
	zero  time.Time // the trace counts from here: an absolute time has too many digits
	last  time.Time

	processes map[string]*traceProcess // by the path of its scopes, without numbers
	drawn     map[string]drawnBar      // by the ID of a task or scope

	// tracks counts them. Perfetto knows a track by its number alone, and takes
	// the one with the number of a process for its main one, wherever it is: so
	// all numbers differ, but for those two.
	tracks int
}

// A drawnBar is where the bar of a task or scope is.
type drawnBar struct {
	track    *traceTrack
	from, to time.Time
}

func newTraceBuilder(events []Event) *traceBuilder {
	b := &traceBuilder{
		all: []traceEvent{}, begun: map[string]Event{}, over: map[string]bool{},
		processes: map[string]*traceProcess{}, drawn: map[string]drawnBar{},
	}
	for _, e := range events {
		b.sort(e)
	}
	for _, e := range b.begun {
		e.At, e.State = b.last, stateRunning
		b.bar = append(b.bar, e)
	}
	slices.SortFunc(b.bar, func(x, y Event) int {
		return cmp.Or(x.Started.Compare(y.Started), compareIDs(x.ID, y.ID))
	})
	return b
}

// compareIDs compares by the number of the scope and then by that of the task.
func compareIDs(x, y string) int {
	xScope, xTask, _ := strings.Cut(x, ".")
	yScope, yTask, _ := strings.Cut(y, ".")
	return cmp.Or(
		cmp.Compare(len(xScope), len(yScope)), strings.Compare(xScope, yScope),
		cmp.Compare(len(xTask), len(yTask)), strings.Compare(xTask, yTask),
	)
}

// sort takes the next event in. Events that are close in time may have been recorded
// in another order.
func (b *traceBuilder) sort(e Event) {
	if e.At.After(b.last) {
		b.last = e.At
	}
	if first := e.Started; !first.IsZero() && (b.zero.IsZero() || first.Before(b.zero)) {
		b.zero = first
	}
	switch e.What {
	case eventStarted, eventOpened:
		b.begun[e.ID] = e
	case eventEnded, eventClosed:
		delete(b.begun, e.ID)
		b.over[e.ID] = true
		b.bar = append(b.bar, e)
	case eventCancelled, eventStraggling:
		b.marks = append(b.marks, e)
		// Its start may have been dropped, and its end be still to come.
		if _, known := b.begun[e.ID]; !known && !b.over[e.ID] && !e.Started.IsZero() {
			b.begun[e.ID] = e
		}
	}
}

// bars draws scopes and tasks in the order of their start, each on the first
// track that is free, and then the marks on the bars that they belong to.
func (b *traceBuilder) bars() {
	for _, e := range b.bar {
		track := b.track(e)
		b.drawn[e.ID] = drawnBar{track: track, from: e.Started, to: track.end}
		dur := microseconds(track.end.Sub(e.Started))
		b.all = append(b.all, traceEvent{
			Name: visible(label(e)), Phase: "X", Time: b.time(e.Started), Dur: &dur,
			PID: track.process, TID: track.id, Cat: e.Kind + "," + e.State,
			Color: traceColor(e.State), Args: traceArgs(e),
		})
		if isFailure(e.State) {
			b.mark(e, e.State+": "+firstLine(e.Err))
		}
	}
	for _, e := range b.marks {
		b.mark(e, e.What)
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

// traceArgs returns what is said of a bar or of a mark.
func traceArgs(e Event) map[string]any {
	args := map[string]any{
		"id": e.ID, "path": visible(e.Path), "state": e.State, "site": e.Site,
	}
	if e.Err != "" {
		args["err"] = visible(e.Err)
	}
	if len(e.Causes) > 0 {
		causes := slices.Clone(e.Causes)
		for i := range causes {
			causes[i].Text, causes[i].Task = visible(causes[i].Text), visible(causes[i].Task)
		}
		args["causes"] = causes
	}
	return args
}

// visible returns text without the character that ends a text in Perfetto.
func visible(text string) string { return strings.ReplaceAll(text, "\x00", "\u2400") }

// mark puts a mark on the bar of e, if there is one, and within it: what is at its
// end is behind it for Perfetto.
func (b *traceBuilder) mark(e Event, name string) {
	bar, ok := b.drawn[e.ID]
	if !ok {
		return
	}
	at := e.At
	if last := bar.to.Add(-time.Nanosecond); at.After(last) {
		at = last
	}
	if at.Before(bar.from) {
		at = bar.from
	}
	b.all = append(b.all, traceEvent{
		Name: visible(name), Phase: "i", Time: b.time(at), PID: bar.track.process,
		TID: bar.track.id, Scope: "t", Args: traceArgs(e),
	})
}

func (b *traceBuilder) meta(what string, pid, tid int, args map[string]any) {
	b.all = append(b.all, traceEvent{Name: what, Phase: "M", PID: pid, TID: tid, Args: args})
}

func (b *traceBuilder) time(t time.Time) float64 { return microseconds(t.Sub(b.zero)) }

func microseconds(d time.Duration) float64 { return float64(d) / 1e3 }
