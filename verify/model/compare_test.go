package model_test

import (
	"context"
	"errors"
	"slices"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// compare holds what is to be seen from outside against the model. Letters and
// numbers at the checks name the invariants. Safety: S1 nothing runs after the end,
// S3 what is admitted is called once, what is refused never, S5 each failure is told
// once, S7 the cause leads to who is to blame, S8 counts add up, S9 no lock is held
// while foreign code runs. Liveness: L1 who is late is named, L3 who waits goes on
// when it can, L4 a cancellation reaches what was registered with it. S2, S4, S6, L2
// and L5 are about supervisors.
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
	for _, d := range x.m.Derived {
		x.compareDerived(what, d)
	}
	x.compareLate(what)
	x.compareSeen(what)
}

// compareLate: L1, when the grace of a scope is over, who is left is named, once.
func (x *machine) compareLate(what string) {
	for _, s := range x.m.Scopes {
		got, want := slices.Sorted(slices.Values(x.r.late[s.Name])), x.m.Late[s.Name]
		slices.Sort(want)
		if (x.r.late[s.Name] == nil) != (want == nil) || !slices.Equal(got, want) {
			x.Fatalf("%s: late in %s: %v, want %v", what, s.Name, got, want)
		}
	}
}

func (x *machine) compareScope(what string, s *model.Scope) {
	actual := x.r.scopes[s.Name]
	if actual == nil {
		x.Fatalf("%s: %s was not opened", what, s.Name)
	}
	info := actual.Info()
	want := s.Phase.String()
	if s.Phase == model.Open && s.Body != nil && s.Body.Returned {
		want = "completing"
	}
	if info.State != want {
		x.Fatalf("%s: S1: %s is %s, want %s", what, s.Name, info.State, want)
	}
	x.compareCounts(what, s, info)
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

// compareCounts: S8, the counts add up and are right; S7, why it is cancelled.
func (x *machine) compareCounts(what string, s *model.Scope, info scope.ScopeInfo) {
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
		x.Fatalf("%s: L3: Done of %s is closed: %v, but it is %v", what, s.Name, closed, s.Phase)
	}
}

// compareCause checks why something is cancelled.
func (x *machine) compareCause(what, name string, got error, want model.Set) {
	if (got != nil) != (want != nil) {
		x.Fatalf("%s: S7: cause of %s = %v, want one of %v", what, name, got, want)
	}
	for _, tag := range tags(got) {
		if !want[tag] {
			x.Fatalf("%s: S7: cause of %s = %v (%s), want one of %v", what, name, got, tag, want)
		}
	}
}

func (x *machine) compareResult(what, name string, got error, want model.Result) {
	if want.Some && got == nil {
		x.Fatalf("%s: S5: result of %s = nil, want one of %v", what, name, want.May)
	}
	for _, tag := range tags(got) {
		if !want.May[tag] {
			x.Fatalf("%s: S5: result of %s = %v (%s), want one of %v", what, name, got, tag, want)
		}
	}
}

func (x *machine) compareWorker(what string, w *model.Worker) {
	actual := x.r.find(w.Name)
	began := w.Live || w.Returned
	if calls := actual.calls.Load(); began && calls != 1 || !began && calls != 0 {
		x.Fatalf("%s: S3: %s was called %d times; admitted: %v", what, w.Name, calls, began)
	}
	if got, want := actual.running.Load() == 1, w.Live && !w.Returned; got != want {
		x.Fatalf("%s: S1: the function of %s runs: %v, want %v", what, w.Name, got, want)
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

// states are those of tasks that have ended.
func states() map[model.End]string {
	return map[model.End]string{
		model.OK: "ok", model.Error: "failed", model.Fatal: "failed", model.Goexit: "failed",
		model.Panic: "panicked", model.Echo: "cancelled",
	}
}

// liveState is the state of a task that has not ended.
func liveState(w *model.Worker) string {
	switch {
	case w.Returned:
		return "completing"
	case w.Done():
		return "cancelling"
	case w.Kind == model.Start && !w.Ready:
		return "starting"
	default:
		return "running"
	}
}

func (x *machine) compareState(what string, w *model.Worker, info scope.TaskInfo) {
	want := states()[w.Outcome]
	switch {
	case w.Live:
		if info.State != liveState(w) {
			x.Fatalf("%s: %s is %s, want %s", what, w.Name, info.State, liveState(w))
		}
		if detail := "doing " + w.Name; info.Detail != detail {
			x.Fatalf("%s: Detail of %s = %v, want %q", what, w.Name, info.Detail, detail)
		}
		if !w.Returned && info.Err != nil {
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
		x.Fatalf("%s: L3: %v of %s has returned: %v (%v), want %v",
			what, c.Verb, c.Scope.Name, actual.over, actual.err, c.Over)
	}
	if c.Maybe && actual.over {
		return
	}
	late := actual.err == nil || errors.Is(actual.err, context.DeadlineExceeded)
	if c.Hasty && c.Over && c.Verb != model.DoVerb && late {
		return
	}
	_, straggling := errors.AsType[*scope.StragglersError](actual.err)
	switch {
	case !c.Over:
	case c.Verb == model.DoVerb:
		x.compareDo(what, c, actual)
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
	// Of two that failed at once, the one that is not in the result may have been
	// fetched, and the model cannot know.
	open := x.m.Failures[name].Scope.Claims[name] && (want == 0 || x.fetched[name])
	if got != want && (!open || got > 1) {
		x.Fatalf("%s: S5: the failure of %s reached a handler %d times, want %d",
			what, name, got, want)
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
	x.compareBalance()
	x.compareKept()
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
			x.Fatalf("S5: the failure of %s was told %d times", name, times)
		}
	}
}

// compareKept: S5, a failure goes to the handler of a scope with KeepErrors only
// when the result is full.
func (x *machine) compareKept() {
	for _, s := range x.m.Scopes {
		if s.Keep == 0 || s.Passed {
			continue
		}
		kept, told := 0, 0
		in := tags(x.result(s))
		for _, name := range x.failuresOf(s) {
			if slices.Contains(in, name) {
				kept++
			}
			told += x.r.handled[name]
		}
		if room := s.Keep - kept; room > 0 && told > 0 || kept > s.Keep+2 {
			x.Fatalf("%s keeps %d failures, up to %d; %d went to the handler",
				s.Name, kept, s.Keep, told)
		}
	}
}

// failuresOf returns the names of all tasks of s that may have failed, or have
// been refused, which is one, too.
func (x *machine) failuresOf(s *model.Scope) (names []string) {
	for name, w := range x.m.Failures {
		if w.Scope == s && w.Kind != model.Body {
			names = append(names, name)
		}
	}
	for _, w := range x.workers {
		if w.Scope == s && w.Kind != model.Body && x.m.Failures[w.Name] == nil {
			names = append(names, w.Name)
		}
	}
	return names
}
