package inspect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// recorded runs a small program under r: of three tasks the second one fails.
func recorded(t *testing.T, r *inspect.Recorder) {
	t.Helper()
	err := scope.Supervise(t.Context(), func(ctx context.Context, s *scope.Scope) error {
		for i := range 3 {
			s.Go(fmt.Sprint("task ", i), func(context.Context) error {
				time.Sleep(time.Duration(i+1) * time.Second)
				if i == 1 {
					return errBoom
				}
				return nil
			})
			synctest.Wait()
		}
		return s.Wait(ctx)
	}, scope.Name("play"), r.Option(), scope.OnFailure(scope.Ignore))
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecorder_KeepsTransitionsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(100)
		began := time.Now()
		recorded(t, r)
		h := r.History()
		var got []string
		for _, e := range h.Events {
			at := e.At.Sub(began)
			got = append(got, fmt.Sprintf("%v %s %s %s%s", at, e.Path, e.What, e.State, e.Err))
		}
		want := []string{
			"0s play opened open",
			"0s play/task 0 started running",
			"0s play/task 1 started running",
			"0s play/task 2 started running",
			"1s play/task 0 ended ok",
			"2s play/task 1 ended failedboom",
			"3s play/task 2 ended ok",
			"3s play closed ended",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || h.Dropped != 0 {
			t.Errorf("got %q, want %q; %d dropped", got, want, h.Dropped)
		}
	})
}

func TestRecorder_DropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(3)
		recorded(t, r)
		h := r.History()
		if h.Dropped != 5 || len(h.Events) != 3 || h.Events[0].Path != "play/task 1" ||
			h.Events[2].What != "closed" {
			t.Errorf("%d dropped, kept %+v", h.Dropped, h.Events)
		}
	})
}

func TestRecorder_RefusesNothing(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Record(0) does not panic")
		}
	}()
	inspect.Record(0)
}

func TestRecorder_Causes(t *testing.T) {
	r := inspect.Record(100)
	_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("victim", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		s.Go("culprit", func(context.Context) error { return errBoom })
		return nil
	}, scope.Name("case"), r.Option())
	for _, e := range r.History().Events {
		if e.Path == "case/victim" && e.What == "ended" {
			if e.State != "cancelled" || len(e.Causes) != 1 || e.Causes[0].Task != "case/culprit" {
				t.Errorf("the victim: %+v", e)
			}
			return
		}
	}
	t.Error("the end of the victim is not recorded")
}

func TestRecorder_Straggling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inspect.Record(100)
		release := make(chan struct{})
		s := scope.Open(t.Context(), scope.Name("slow"), scope.Grace(time.Second), r.Option(),
			scope.OnFailure(scope.Ignore))
		s.Go("stuck", func(context.Context) error { <-release; return nil })
		s.Cancel(nil)
		time.Sleep(2 * time.Second)
		close(release)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, e := range r.History().Events {
			if e.What == "straggling" && strings.Contains(e.Err, `"slow/stuck"`) {
				return
			}
		}
		t.Errorf("the straggler is not recorded: %+v", r.History().Events)
	})
}

func TestRecorder_Handler(t *testing.T) {
	r := inspect.Record(100)
	synctest.Test(t, func(t *testing.T) { recorded(t, r) })
	srv := serve(t, r.Handler())
	body := get(t, srv, http.MethodGet, "history.json").body
	var h inspect.History
	if err := json.Unmarshal([]byte(body), &h); err != nil || len(h.Events) != 8 {
		t.Errorf("history %s (%v)", body, err)
	}
	body = get(t, srv, http.MethodGet, "history.json?of=task+1").body
	h = inspect.History{}
	if err := json.Unmarshal([]byte(body), &h); err != nil || len(h.Events) != 2 || h.Kept != 8 {
		t.Errorf("history of task 1 %s (%v)", body, err)
	}
	got := get(t, srv, http.MethodGet, "trace.json")
	if !strings.Contains(got.body, `"traceEvents"`) ||
		!strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("trace %s", got.body)
	}
}
