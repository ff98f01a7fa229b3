package supervisor

import (
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A flood bounds the reports of failures that repeat. The first few are told as
// they are; after that one report stands for all since the last, at each
// doubling of their number. After a quiet time the next failure is news again.
//
// Failures of one child are one kind, those of a pool's children are told apart
// by their text, up to maxKinds.
type flood struct {
	child string // "" for a pool

	mu    sync.Mutex // guards kinds and what they point to
	kinds map[string]*repeats
}

// repeats counts the failures of one kind.
type repeats struct {
	count uint64
	told  uint64         // how many of them have been told, alone or summed up
	since time.Time      // of the first that has not been told
	last  time.Time      // of the latest
	held  *scope.Failure // the latest, if it has not been told
}

const (
	toldAlone = 5
	maxKinds  = 64
	otherKind = ""
)

func newFlood(child string) *flood {
	return &flood{child: child, kinds: map[string]*repeats{}}
}

// add takes a failure and returns what is to be told now.
func (f *flood) add(failure *scope.Failure, quiet time.Duration) (tell []*scope.Failure) {
	kind := otherKind
	if f.child == "" {
		kind = textOf(failure.Err)
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	r, known := f.kinds[kind]
	if !known && len(f.kinds) >= maxKinds {
		tell = f.evict(now, quiet)
		if len(f.kinds) >= maxKinds {
			kind = otherKind
			r, known = f.kinds[kind]
		}
	}
	if known && now.Sub(r.last) >= quiet {
		tell = append(tell, f.sumUp(r)...)
		known = false
	}
	if !known {
		r = &repeats{}
		f.kinds[kind] = r
	}
	if r.held == nil {
		r.since = now
	}
	r.count++
	r.last = now
	r.held = failure
	switch {
	case r.count <= toldAlone:
		r.told, r.held = r.count, nil
		return append(tell, failure)
	case r.count&(r.count-1) == 0:
		return append(tell, f.sumUp(r)...)
	default:
		return tell
	}
}

// evict makes room by forgetting the kinds that have been quiet.
func (f *flood) evict(now time.Time, quiet time.Duration) (tell []*scope.Failure) {
	for kind, r := range f.kinds {
		if now.Sub(r.last) >= quiet {
			tell = append(tell, f.sumUp(r)...)
			delete(f.kinds, kind)
		}
	}
	return tell
}

// sumUp returns one report for the failures that have not been told.
func (f *flood) sumUp(r *repeats) []*scope.Failure {
	if r.held == nil {
		return nil
	}
	report := *r.held
	if r.count-r.told == 1 {
		r.told, r.held = r.count, nil
		return []*scope.Failure{&report}
	}
	report.Err = &RepeatedError{
		Child: f.child, Failures: r.count, New: r.count - r.told, Since: r.since, Err: r.held.Err,
	}
	r.told, r.held = r.count, nil
	return []*scope.Failure{&report}
}

// flush returns the reports for all that has not been told. It is called once,
// at the end.
func (f *flood) flush() (tell []*scope.Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.kinds {
		tell = append(tell, f.sumUp(r)...)
	}
	f.kinds = map[string]*repeats{}
	return tell
}
