package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	text := write(t, func(w io.Writer) error { return r.WriteTrace(w) })
	var tr trace
	if err := json.Unmarshal([]byte(text), &tr); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, `{"displayTimeUnit":"ms","otherData":{`) {
		t.Errorf("the unit and the rest do not come first: %.60s", text)
	}
	for _, wrong := range tr.violations() {
		t.Error(wrong)
	}
	return tr
}

// violations checks what the format demands, and what readers make of it: in
// Perfetto a track is known by its number alone, a bar that overlaps another one
// of its track is moved or lost, and what has no name is a number.
func (tr *trace) violations() []string {
	c := &traceCheck{
		processOf: map[int]int{}, named: map[string]bool{}, free: map[int]float64{},
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
	free      map[int]float64 // by track, the end of the last bar
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
		if e.Dur == nil || *e.Dur < 0 || *e.TS < c.free[*e.TID] || e.Cat == "" {
			return "is no bar, or on another one"
		}
		c.free[*e.TID] = *e.TS + *e.Dur
	case e.Ph != "i" || e.Scope != "t":
		return "is neither a bar nor a mark of a track"
	}
	return ""
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
		work := func(ctx context.Context) error { time.Sleep(time.Second); return ctx.Err() }
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
		}
		s.Go("GET /hang", stubborn(release))
		s.Cancel(errBoom)
		time.Sleep(2 * time.Second)
		tr := readTrace(t, r)
		text := tr.text()
		for want, n := range map[string]int{
			"[shop]": 1, "[shop/GET /order/*/order *]": 1, "[": 2,
			"charge ": 20, "order 7 7+1 ended": 1, "GET /order/7 7+1 ok": 1,
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
