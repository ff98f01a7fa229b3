package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// A trace is what the readers of the format take, as far as it is used.
type trace struct {
	TraceEvents []mark `json:"traceEvents"`
	OtherData   struct {
		Dropped, Events int
		Start           time.Time
	} `json:"otherData"`
}

type mark struct {
	Name  string         `json:"name"`
	Ph    string         `json:"ph"`
	TS    *float64       `json:"ts"`
	Dur   *float64       `json:"dur"`
	PID   *int           `json:"pid"`
	TID   *int           `json:"tid"`
	Scope string         `json:"s"`
	Cat   string         `json:"cat"`
	Color string         `json:"cname"`
	Args  map[string]any `json:"args"`
}

func readTrace(t *testing.T, r *inspect.Recorder) trace {
	t.Helper()
	return parseTrace(t, write(t, r.WriteTrace))
}

func parseTrace(t *testing.T, text string) trace {
	t.Helper()
	var tr trace
	if err := json.Unmarshal([]byte(text), &tr); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, `{"displayTimeUnit":"ms","otherData":{`) {
		t.Errorf("the unit and the rest do not come first: %.60s", text)
	}
	if strings.HasSuffix(text, "\n") || strings.Contains(text, `\u0000`) {
		t.Error("there is a newline behind the end, or the character that ends a text")
	}
	for _, wrong := range tr.violations() {
		t.Error(wrong)
	}
	return tr
}

// violations checks what the format demands, and what readers make of it: in
// Perfetto a track is known by its number alone, a bar that overlaps another one
// of its track is moved or lost, one that touches another may be nested in it, a
// mark belongs to the bar that it is in, and what has no name is a number. It reads
// a time as a float64 of microseconds.
func (tr *trace) violations() []string {
	c := &traceCheck{
		processOf: map[int]int{}, named: map[string]bool{}, bars: map[int][]mark{},
	}
	for _, e := range tr.TraceEvents {
		if wrong := c.check(e); wrong != "" {
			c.wrong = append(c.wrong, fmt.Sprintf("%s: %+v", wrong, e))
		}
	}
	return c.wrong
}

type traceCheck struct {
	processOf map[int]int     // by track
	named     map[string]bool // "process_name 3"
	bars      map[int][]mark  // by track
	wrong     []string
}

// check returns what is wrong with e.
func (c *traceCheck) check(e mark) string {
	switch {
	case e.Name == "" || e.PID == nil || e.TID == nil || e.TS == nil || *e.PID < 1 || *e.TS < 0:
		return "lacks what each event has"
	case e.Ph == "M":
		return c.checkMeta(e)
	case !c.named[fmt.Sprint("process_name ", *e.PID)]:
		return "is in a process without a name"
	case !c.named[fmt.Sprint("thread_name ", *e.TID)] || c.processOf[*e.TID] != *e.PID:
		return "is on a track without a name, or of another process"
	case e.Ph == "X":
		return c.checkBar(e)
	case e.Ph != "i" || e.Scope != "t":
		return "is neither a bar nor a mark of a track"
	case !slices.ContainsFunc(c.bars[*e.TID], e.isIn):
		return "is a mark on no bar"
	}
	return ""
}

func (c *traceCheck) checkBar(e mark) string {
	if e.Dur == nil || *e.Dur < 0 || e.Cat == "" {
		return "is no bar"
	}
	earlier := c.bars[*e.TID]
	if n := len(earlier); n > 0 && *e.TS <= *earlier[n-1].TS+*earlier[n-1].Dur {
		return "is on another bar, or touches it"
	}
	c.bars[*e.TID] = append(earlier, e)
	return ""
}

// isIn reports whether e is within the bar, and says that it is of it.
func (e mark) isIn(bar mark) bool {
	within := *e.TS >= *bar.TS && *e.TS < *bar.TS+*bar.Dur || *e.TS == *bar.TS
	return within && e.Args["id"] == bar.Args["id"]
}

func (c *traceCheck) checkMeta(e mark) string {
	key := fmt.Sprint(e.Name, " ", *e.PID)
	switch e.Name {
	case "thread_name":
		key = fmt.Sprint(e.Name, " ", *e.TID)
		c.processOf[*e.TID] = *e.PID
	case "process_name", "process_sort_index":
		if *e.TID != *e.PID {
			return "is not on the first track of its process"
		}
	default:
		return "is no metadata that is known"
	}
	if c.named[key] || len(e.Args) != 1 {
		return "is said twice, or says nothing"
	}
	c.named[key] = true
	return ""
}

// text writes the bars and marks.
func (tr *trace) text() string {
	var all []string
	for _, e := range tr.TraceEvents {
		at := *e.TS / 1e6
		switch e.Ph {
		case "X":
			all = append(all, fmt.Sprintf("%s %v+%v %s", e.Name, at, *e.Dur/1e6, e.Args["state"]))
		case "i":
			at = math.Ceil(*e.TS) / 1e6 // what is at the end of a bar is put before it
			all = append(all, fmt.Sprintf("%s at %v", e.Name, at))
		case "M":
			if name, ok := e.Args["name"]; ok && name != "tasks" {
				all = append(all, fmt.Sprintf("[%v]", name))
			}
		}
	}
	return strings.Join(all, "; ")
}

func TestRecorder_WriteTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(100)
		began := time.Now()
		recorded(t, r)
		tr := readTrace(t, r)
		want := "[play]; play 0+3 ended; task 0 0+1 ok; task 1 0+2 failed; failed: boom at 2; " +
			"task 2 0+3 ok"
		if got := tr.text(); got != want || !tr.OtherData.Start.Equal(began) {
			t.Errorf("trace %q from %v, want %q", got, tr.OtherData.Start, want)
		}
	})
}

func TestRecorder_TraceOfACutHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(4)
		recorded(t, r)
		tr := readTrace(t, r)
		want := "[play]; play 0+3 ended; task 0 0+1 ok; task 1 0+2 failed; failed: boom at 2; " +
			"task 2 0+3 ok"
		if got := tr.text(); got != want || tr.OtherData.Dropped != 4 || tr.OtherData.Events != 4 {
			t.Errorf("trace %q, want %q; %+v", got, want, tr.OtherData)
		}
	})
}

func TestRecorder_TraceOfNothing(t *testing.T) {
	if got := readTrace(t, inspect.Record(1)); got.TraceEvents == nil || len(got.TraceEvents) > 0 {
		t.Errorf("trace %+v, want an empty list", got)
	}
}

// Requests have a scope each: in a trace they share a process, and no more tracks
// than there are at a time. What lives, straggles and is named with a slash is
// there, too.
func TestRecorder_TraceOfAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(1000)
		release := make(chan struct{})
		work := func(ctx context.Context) error {
			time.Sleep(999 * time.Millisecond)
			return ctx.Err()
		}
		s := scope.OpenSupervised(t.Context(), scope.Name("shop"), scope.Grace(time.Second),
			r.Option(), scope.OnFailure(scope.Ignore))
		for i := range 20 {
			_ = s.Go(fmt.Sprint("GET /order/", i), func(ctx context.Context) error {
				return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
					s.Go("charge", work)
					s.Go("pack", work)
					return nil
				}, scope.Name(fmt.Sprint("order ", i)))
			}).Wait(t.Context())
			time.Sleep(time.Millisecond)
		}
		s.Go("GET /hang", stubborn(release))
		s.Cancel(errBoom)
		time.Sleep(2 * time.Second)
		tr := readTrace(t, r)
		text := tr.text()
		for want, n := range map[string]int{
			"[shop]": 1, "[shop/GET /order/*/order *]": 1, "[": 2,
			"charge ": 20, "order 7 7+0.999 ended": 1, "GET /order/7 7+0.999 ok": 1,
			"GET /hang 20+1 running": 1, "straggling at 21": 1, "cancelled at 20": 1,
		} {
			if got := strings.Count(text, want); got != n {
				t.Errorf("%d times %q, want %d:\n%s", got, want, n, text)
			}
		}
		tracks := map[int]bool{}
		for _, e := range tr.TraceEvents {
			tracks[*e.TID] = true
		}
		if len(tracks) != 5 { // shop and its task, order and its two
			t.Errorf("%d tracks", len(tracks))
		}
		close(release)
		if err := s.Shutdown(t.Context()); err != errBoom {
			t.Error(err)
		}
	})
}

// handmade returns the trace of events that no recorder has seen.
func handmade(t *testing.T, events ...inspect.Event) trace {
	t.Helper()
	return parseTrace(t, write(t, inspect.History{Events: events}.WriteTrace))
}

// traceBegan is when handmade events begin.
var traceBegan = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func happened(what, id string, from, at time.Duration) inspect.Event {
	kind, path := "task", "s/t"
	if !strings.Contains(id, ".") {
		kind, path = "scope", "s"
	}
	return inspect.Event{
		What: what, ID: id, Path: path, Name: path[len(path)-1:], Kind: kind, State: "ok",
		Started: traceBegan.Add(from), At: traceBegan.Add(at),
	}
}

// Events are recorded in the order of a lock, not in that of their times: the last
// one need not be the latest.
func TestHistory_TraceOfEventsOutOfOrder(t *testing.T) {
	tr := handmade(t,
		happened("opened", "1", 0, 0), happened("started", "1.1", 10, 10),
		happened("started", "1.2", 100, 100), happened("ended", "1.1", 10, 99))
	for _, e := range tr.TraceEvents {
		if e.Args["id"] == "1" && *e.Dur != 0.1 {
			t.Errorf("the scope is drawn up to %v us, want 0.1", *e.Dur)
		}
	}
}

// With a clock that stands still, as in a bubble, all is at one instant. What has no
// length has a track of its own then, or readers would nest it.
func TestHistory_TraceOfOneInstant(t *testing.T) {
	var events []inspect.Event
	for i := range 600 {
		failed := happened("ended", fmt.Sprint("1.", i), 0, 0)
		failed.State = "failed"
		events = append(events, failed)
	}
	events = append(events, happened("ended", "1.600", 0, 10), happened("ended", "1.601", 10, 10))
	if tr := handmade(t, events...); strings.Count(tr.text(), "failed: ") != 600 {
		t.Error("marks are missing")
	}
}

// A mark at the end of a bar is on that, also if the next one begins there.
func TestHistory_TraceMarksTheBarThatEnds(t *testing.T) {
	failed := happened("ended", "1.1", 0, 10)
	failed.State = "failed"
	handmade(t, failed, happened("ended", "1.2", 10, 20), happened("cancelled", "2", 0, 10),
		happened("closed", "2", 0, 10), happened("closed", "3", 10, 20))
}

// Half a year after the first start a microsecond as a float64 has no three digits
// behind the point.
func TestHistory_TraceOfALongRun(t *testing.T) {
	events := []inspect.Event{happened("opened", "1", 0, 0)}
	at := 200 * 24 * time.Hour
	for i := range 2_000 {
		events = append(events, happened("ended", fmt.Sprint("1.", i), at, at+1_237))
		at += 1_237 + time.Duration(i)%3
	}
	handmade(t, events...)
}

// What lives is drawn if anything of it is kept, and what started at one time comes
// in the order of the numbers.
func TestHistory_TraceOfWhatLivesBehindTheCut(t *testing.T) {
	tr := handmade(t, happened("ended", "1.10", 0, 5), happened("ended", "1.9", 0, 5),
		happened("cancelled", "1", 0, 7), happened("cancelled", "2", 0, 8),
		happened("closed", "2", 0, 9))
	var ids []any
	for _, e := range tr.TraceEvents {
		if e.Ph != "M" {
			ids = append(ids, e.Args["id"])
		}
	}
	if got, want := fmt.Sprint(ids), "[1 1.9 1.10 2 1 2]"; got != want {
		t.Errorf("bars and marks of %s, want %s", got, want)
	}
}

// A reader that takes a NUL for the end of a text would show the half of it.
func TestHistory_TraceShowsANUL(t *testing.T) {
	e := happened("ended", "1.1", 0, 5)
	e.Name, e.Path, e.State, e.Err = "\x00", "a\x00b/\x00", "failed", "no \x00 in path"
	e.Causes = []inspect.Cause{{Text: "\x00", Task: "a\x00b"}}
	tr := handmade(t, e)
	want := "[a␀b]; ␀ 0+5e-09 failed; failed: no ␀ in path at 1e-06"
	if got := tr.text(); got != want {
		t.Errorf("trace %q, want %q", got, want)
	}
}
