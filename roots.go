package scope

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
	"weak"
)

// Roots returns the scopes of this process that have no parent task and have
// not ended, oldest first; those that were opened at one reading of the clock, as
// in a bubble of testing/synctest, in any order. The registry behind it keeps no
// long-lived scope from being collected.
func Roots() []*Scope { return roots.list() }

// roots is the registry of scopes without a parent.
var roots registry

// A registry lists scopes. A lexical scope is listed directly: the call that
// opened it holds it, and takes it off. A long-lived scope is listed weakly, so
// that one that was forgotten can be collected, and reported.
type registry struct {
	ids atomic.Uint64 // given out so far, in the whole process

	// A program that opens a scope per request does so on all its processors.
	// One list would have them wait for each other.
	shards [rootShards]rootShard

	mu        sync.Mutex
	longLived map[weak.Pointer[Scope]]struct{}
}

const rootShards = 16

// A rootShard is a list of lexical scopes, linked by older and newer. It fills
// two cache lines, so that its neighbour's lock is in another.
type rootShard struct {
	mu     mutex
	newest *Scope

	_ [128 - unsafe.Sizeof(mutex{}) - unsafe.Sizeof(uintptr(0))]byte
}

// shard returns the list for s. The runtime's spans of 8 KiB belong to one
// processor at a time, so scopes of different ones mostly are in different lists.
func (r *registry) shard(s *Scope) *rootShard {
	return &r.shards[uintptr(unsafe.Pointer(s))>>13%rootShards]
}

func (r *registry) add(s *Scope) {
	if s.lexical {
		r.shard(s).push(s)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.longLived == nil {
		r.longLived = map[weak.Pointer[Scope]]struct{}{}
	}
	r.longLived[weak.Make(s)] = struct{}{}
}

func (r *registry) remove(s *Scope) {
	if s.lexical {
		r.shard(s).drop(s)
	} else {
		r.forget(weak.Make(s))
	}
}

// forget drops the entry of a long-lived scope that has ended or is collected.
func (r *registry) forget(w weak.Pointer[Scope]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.longLived, w)
}

//go:norace
func (l *rootShard) push(s *Scope) {
	raceRelease(unsafe.Pointer(&roots))
	l.mu.lock()
	s.pushTo(&l.newest)
	s.rooted = true
	l.mu.unlock()
}

//go:norace
func (l *rootShard) drop(s *Scope) {
	l.mu.lock()
	if s.rooted {
		s.takeOff(&l.newest)
		s.rooted = false
	}
	l.mu.unlock()
}

// appendTo copies the list.
//
//go:norace
func (l *rootShard) appendTo(found []*Scope) []*Scope {
	l.mu.lock()
	for s := l.newest; s != nil; s = s.older {
		found = append(found, s)
	}
	l.mu.unlock()
	return found
}

func (r *registry) list() []*Scope {
	var found []*Scope
	for i := range r.shards {
		found = r.shards[i].appendTo(found)
	}
	raceJoin(unsafe.Pointer(r))
	r.mu.Lock()
	for w := range r.longLived {
		if s := w.Value(); s != nil {
			found = append(found, s)
		}
	}
	r.mu.Unlock()
	found = slices.DeleteFunc(found, (*Scope).hasEnded)
	slices.SortFunc(found, func(a, b *Scope) int { return a.opened.Compare(b.opened) })
	return found
}

// number returns the scope's number in the process. It is given out when somebody
// asks: most scopes end without, and a count of all would be one more thing that
// processors share.
//
//go:norace
func (s *Scope) number() (id uint64) {
	raceHidden(func() {
		if id = s.id.Load(); id == 0 {
			s.id.CompareAndSwap(0, roots.ids.Add(1))
			id = s.id.Load()
		}
	})
	return id
}
