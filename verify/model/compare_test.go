package model_test

import (
	"context"
	"errors"
	"slices"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// compare holds what is to be seen from outside against the model.
func (x *machine) compare(what string) {
	x.r.mu.Lock()
	faults := x.r.faults
	x.r.mu.Unlock()
	for _, fault := range faults {
		x.Fatalf("%s: %s", what, fault)
	}
	for _, s := range x.m.Scopes {
		x.compareScope(what, s)
	}
	for _, w := range x.workers {
		x.compareWorker(what, w)
	}
	for _, c := range x.m.Waiters {
		x.compareWaiter(what, c)
	}
	for name := range x.m.Failures {
		x.compareFailure(what, name)
	}
}

func (x *machine) compareScope(what string, s *model.Scope) {
	actual := x.r.scopes[s.Name]
	if actual == nil {
		x.Fatalf("%s: %s was not opened", what, s.Name)
	}
	info := actual.Info()
	if info.State != s.Phase.String() {
		x.Fatalf("%s: %s is %s, want %v", what, s.Name, info.State, s.Phase)
	}
	if s.Phase != model.Ended {
		x.compareCause(what, s.Name, info.Cause, s.Cause)
	}
	c := info.Counts
	sum := uint64(c.Live+c.Daemons) + c.OK + c.Failed + c.Panicked + c.Cancelled
	if sum != c.Started {
		x.Fatalf("%s: the counts of %s do not add up: %+v", what, s.Name, c)
	}
	got := []int{
		c.Live, c.Daemons, int(c.Failed), int(c.Panicked), int(c.Cancelled),
	}
	want := []int{s.Ordinary(), s.Daemons(), s.Failed, s.Panicked, s.Cancelled}
	if !slices.Equal(got, want) {
		x.Fatalf("%s: live, daemons, failed, panicked, cancelled of %s = %v, want %v",
			what, s.Name, got, want)
	}
	// A failure that may have gone to the handler may have been answered.
	doubt := max(0, len(s.Claims)-1)
	if n := int(c.Refused); n < s.Refused || n > s.Refused+doubt {
		x.Fatalf("%s: refused in %s: %d, want %d, up to %d more", what, s.Name, n, s.Refused, doubt)
	}
	if ran := x.r.ran[s.Name]; !slices.Equal(ran, s.Ran) {
		x.Fatalf("%s: deferred functions of %s ran: %v, want %v", what, s.Name, ran, s.Ran)
	}
	x.compareTasks(what, s, actual)
	if s.Phase == model.Ended && s.Body == nil {
		x.compareResult(what, s.Name, x.result(s), s.Result)
	}
	if err, ok := x.r.results[s.Name]; ok {
		x.compareResult(what, s.Name, err, s.Result)
	}
}

// result fetches the result of s, which has ended.
func (x *machine) result(s *model.Scope) error {
	return x.r.scopes[s.Name].Wait(context.Background())
}

func (x *machine) compareTasks(what string, s *model.Scope, actual *scope.Scope) {
	var got, want []string
	for _, t := range actual.Tasks() {
		got = append(got, t.Name())
	}
	for _, w := range s.Workers {
		want = append(want, w.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		x.Fatalf("%s: tasks of %s = %v, want %v", what, s.Name, got, want)
	}
	closed := false
	select {
	case <-actual.Done():
		closed = true
	default:
	}
	if closed != (s.Phase == model.Ended) {
		x.Fatalf("%s: Done of %s is closed: %v, but it is %v", what, s.Name, closed, s.Phase)
	}
}

// compareCause checks why something is cancelled.
func (x *machine) compareCause(what, name string, got error, want model.Set) {
	if (got != nil) != (want != nil) {
		x.Fatalf("%s: cause of %s = %v, want one of %v", what, name, got, want)
	}
	for _, tag := range tags(got) {
		if !want[tag] {
			x.Fatalf("%s: cause of %s = %v (%s), want one of %v", what, name, got, tag, want)
		}
	}
}

func (x *machine) compareResult(what, name string, got error, want model.Result) {
	if want.Some && got == nil {
		x.Fatalf("%s: result of %s = nil, want one of %v", what, name, want.May)
	}
	for _, tag := range tags(got) {
		if !want.May[tag] {
			x.Fatalf("%s: result of %s = %v (%s), want one of %v", what, name, got, tag, want)
		}
	}
}

func (x *machine) compareWorker(what string, w *model.Worker) {
	actual := x.r.find(w.Name)
	began := w.Live || w.Returned
	if calls := actual.calls.Load(); began && calls != 1 || !began && calls != 0 {
		x.Fatalf("%s: %s was called %d times; admitted: %v", what, w.Name, calls, began)
	}
	if got, want := actual.running.Load() == 1, w.Live && !w.Returned; got != want {
		x.Fatalf("%s: the function of %s runs: %v, want %v", what, w.Name, got, want)
	}
	if w.Kind == model.Body || w.Queued() {
		return
	}
	task := x.task(w)
	if task == nil {
		return
	}
	info := task.Info()
	if w.Live && !w.Returned {
		x.compareCause(what, w.Name, info.Cause, w.Cause())
	}
	x.compareState(what, w, info)
}

func (x *machine) compareState(what string, w *model.Worker, info scope.TaskInfo) {
	want := map[model.End]string{
		model.OK: "ok", model.Error: "failed", model.Fatal: "failed", model.Goexit: "failed",
		model.Panic: "panicked", model.Echo: "cancelled",
	}[w.Outcome]
	switch {
	case w.Live:
		if info.Err != nil {
			x.Fatalf("%s: Err of %s, which is live, = %v", what, w.Name, info.Err)
		}
		return
	case !w.Returned:
		if !errors.Is(info.Err, scope.ErrClosed) || info.State != "refused" {
			x.Fatalf("%s: %s is %s with %v, want refused", what, w.Name, info.State, info.Err)
		}
		return
	}
	if info.State != want {
		x.Fatalf("%s: %s is %s, want %s", what, w.Name, info.State, want)
	}
}

func (x *machine) compareWaiter(what string, c *model.Waiter) { //nolint:gocognit // a table
	actual := x.r.calls[c]
	if actual.over != c.Over && (!c.Maybe || !actual.over) {
		x.Fatalf("%s: %v of %s has returned: %v (%v), want %v",
			what, c.Verb, c.Scope.Name, actual.over, actual.err, c.Over)
	}
	if c.Maybe && actual.over {
		return
	}
	if c.Hasty && c.Over && (actual.err == nil || errors.Is(actual.err, context.DeadlineExceeded)) {
		return
	}
	_, straggling := errors.AsType[*scope.StragglersError](actual.err)
	switch {
	case !c.Over:
	case c.Verb == model.StartVerb:
		if got, want := actual.err == nil, c.Worker.Ready; got != want {
			x.Fatalf("%s: Start of %s = %v; ready: %v", what, c.Worker.Name, actual.err, want)
		}
	case c.TimedOut && c.Verb == model.Wait:
		if !errors.Is(actual.err, context.DeadlineExceeded) || straggling {
			x.Fatalf("%s: Wait of %s out of time = %v", what, c.Scope.Name, actual.err)
		}
	case c.TimedOut:
		if !straggling {
			x.Fatalf("%s: %v of %s out of time = %v", what, c.Verb, c.Scope.Name, actual.err)
		}
	case straggling:
		x.Fatalf("%s: %v of %s = %v, want a result", what, c.Verb, c.Scope.Name, actual.err)
	default:
		x.compareResult(what, c.Scope.Name, actual.err, c.Want)
	}
}

// compareFailure checks that a failure was told as often as it must be by now.
func (x *machine) compareFailure(what, name string) {
	x.r.mu.Lock()
	got := x.r.handled[name]
	x.r.mu.Unlock()
	want := x.m.Told[name]
	open := x.m.Failures[name].Scope.Claims[name] && want == 0
	if got != want && (!open || got > 1) {
		x.Fatalf("%s: the failure of %s reached a handler %d times, want %d", what, name, got, want)
	}
}

// endAll ends who can be told to, until there is nobody.
func (x *machine) endAll() {
	for w := pick(x.free(), 0); w != nil; w = pick(x.free(), 0) {
		x.end(w, model.OK)
		x.settle("the end of " + w.Name)
	}
}

// wrapUp ends everything and counts once more: each failure must be in the
// result, at the handler, or with who asked for it, exactly once.
func (x *machine) wrapUp() {
	x.endAll()
	for _, s := range x.m.Scopes {
		x.m.Cancel(s, "")
		x.r.scopes[s.Name].Cancel(nil)
	}
	x.settle("the end")
	x.endAll() // who came back from a scope that waited for the cancellation
	for name, w := range x.m.Failures {
		s := w.Scope
		if s.Phase != model.Ended {
			x.Fatalf("%s has not ended: the model is wrong", s.Name)
		}
		times := x.r.handled[name]
		if slices.Contains(tags(x.result(s)), name) && !s.Passed {
			times++
		}
		// Of two that failed at once, the one that is not in the result may have
		// been fetched, and the model cannot know.
		if x.m.Fetched[name] || times == 0 && s.Claims[name] && x.fetched[name] {
			times++
		}
		if times != 1 {
			x.Fatalf("the failure of %s was told %d times", name, times)
		}
	}
}
