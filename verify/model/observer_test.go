package model_test

import (
	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// A sighting is what observers were told of one task or scope. All fields count
// calls, but for those that say who was told, what, and when.
type sighting struct {
	by                        string // whose observer
	opened, cancelled, ended  int    // of a task: started, -, ended
	late                      int
	state                     string
	openedAt, endedAt, toldAt int // in the order of all events; 0 for never
}

// seen returns what was told of a task or scope. The caller holds r.mu.
func (r *actual) seen(name string) *sighting {
	if r.sightings[name] == nil {
		r.sightings[name] = &sighting{}
	}
	return r.sightings[name]
}

// note takes note of an event for an observer of the scope by. S9: no lock is
// held, so the tree can be looked at.
func (r *actual) note(by, name string, f func(s *sighting, at int)) {
	for _, s := range scope.Roots() {
		_ = s.Tasks()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events++
	s := r.seen(name)
	if s.by == "" {
		s.by = by
	}
	if s.by != by {
		r.faults = append(r.faults, name+" was told to the observers of "+by+" and "+s.by)
	}
	f(s, r.events)
}

// observer returns one that takes note of everything.
func (r *actual) observer(by string) scope.Observer {
	return scope.Observer{
		TaskStarted: func(t scope.TaskInfo) {
			r.note(by, t.Name, func(s *sighting, at int) { s.opened++; s.openedAt = at })
		},
		TaskEnded: func(t scope.TaskInfo) {
			r.note(by, t.Name, func(s *sighting, at int) {
				s.ended++
				s.endedAt, s.state = at, t.State
			})
		},
		ScopeOpened: func(i scope.ScopeInfo) {
			r.note(by, i.Name, func(s *sighting, at int) { s.opened++; s.openedAt = at })
		},
		ScopeCancelled: func(i scope.ScopeInfo) {
			r.note(by, i.Name, func(s *sighting, _ int) { s.cancelled++ })
		},
		ScopeEnded: func(i scope.ScopeInfo) {
			r.note(by, i.Name, func(s *sighting, at int) {
				s.ended++
				s.endedAt, s.state = at, i.State
			})
		},
		Straggling: func(e *scope.StragglersError) {
			r.note(by, e.Scope, func(s *sighting, _ int) { s.late++ })
		},
	}
}

// compareSeen: S3, S8 and S9, observers were told of each task and scope exactly
// once, in order.
func (x *machine) compareSeen(what string) {
	for _, s := range x.m.Scopes {
		x.compareSeenScope(what, s)
	}
	for _, w := range x.workers {
		if w.Kind != model.Body {
			x.compareSeenTask(what, w)
		}
	}
	for name, seen := range x.r.sightings {
		if seen.ended > 0 && seen.openedAt > seen.endedAt {
			x.Fatalf("%s: the end of %s was told too early: %+v", what, name, seen)
		}
	}
}

func (x *machine) compareSeenScope(what string, s *model.Scope) {
	got := *x.r.seen(s.Name)
	if s.Watcher == "" {
		if got != (sighting{}) {
			x.Fatalf("%s: an observer was told of %s: %+v", what, s.Name, got)
		}
		return
	}
	want := sighting{
		by: s.Watcher, opened: 1, openedAt: got.openedAt, endedAt: got.endedAt,
		cancelled: got.cancelled, late: got.late,
	}
	if s.Phase == model.Ended {
		want.ended, want.state = 1, "ended"
		want.cancelled = min(want.cancelled, 1) // it may have been too late
	} else if s.Cause != nil {
		want.cancelled = 1
	} else {
		want.cancelled = 0
	}
	if x.m.Late[s.Name] != nil {
		want.late = 1
	} else {
		want.late = 0
	}
	if got != want {
		x.Fatalf("%s: the observer was told of %s %+v, want %+v", what, s.Name, got, want)
	}
}

func (x *machine) compareSeenTask(what string, w *model.Worker) {
	got, in := *x.r.seen(w.Name), *x.r.seen(w.Scope.Name)
	want := sighting{openedAt: got.openedAt, endedAt: got.endedAt, toldAt: got.toldAt}
	if began := w.Live || w.Returned; began && w.Scope.Watcher != "" {
		want.by, want.opened = w.Scope.Watcher, 1
		if w.Returned { // scopes below it may still hold it
			want.ended, want.state = 1, states()[w.Outcome]
		}
	}
	if got != want {
		x.Fatalf("%s: the observer was told of %s %+v, want %+v", what, w.Name, got, want)
	}
	// Of what was to be the result the handler may hear later.
	if got.ended == 1 && got.toldAt > got.endedAt && !w.Scope.Claims[w.Name] {
		x.Fatalf("%s: the end of %s was told before its failure: %+v", what, w.Name, got)
	}
	if want.opened == 1 && got.openedAt < in.openedAt || in.ended == 1 && got.endedAt > in.endedAt {
		x.Fatalf("%s: what was told of %s is not within what was told of its scope: %+v, %+v",
			what, w.Name, got, in)
	}
}

// compareBalance: S8, in the end all that was begun has ended, deferred functions
// and what handlers have started included.
func (x *machine) compareBalance() {
	for name, s := range x.r.sightings {
		if s.opened != s.ended || s.opened > 1 {
			x.Fatalf("the observers were told of %s: %+v", name, s)
		}
	}
}
