//go:build race

package scope

import (
	"runtime"
	"sync"
	"unsafe"
)

const isRaceBuild = true

// A mutex is a lock that the race detector does not see.
//
// Every task passes through its scope's lock when it starts and when it ends.
// An ordinary mutex would order the end of each task before the start of the
// next, and the detector would take that for synchronization between the two
// and miss the user's race. Only the join synchronizes; see raceJoin.
type mutex struct{ mu sync.Mutex }

func (m *mutex) lock() {
	runtime.RaceDisable()
	m.mu.Lock()
}

func (m *mutex) unlock() {
	m.mu.Unlock()
	runtime.RaceEnable()
}

// raceRelease publishes what the goroutine has done so far to those who
// raceJoin p later. It takes nothing in, so it orders no task behind another.
func raceRelease(p unsafe.Pointer) { runtime.RaceReleaseMerge(p) }

// raceJoin takes in what was released to p: the reader now happens after.
func raceJoin(p unsafe.Pointer) { runtime.RaceAcquire(p) }

// A latch is opened once. Here it is a channel: a WaitGroup parks its waiter
// where the detector does not see what happened before, and synctest.Wait, which
// takes that in, would then give rise to false reports.
type latch struct{ opened chan struct{} }

func (l *latch) init() { l.opened = make(chan struct{}) }
func (l *latch) open() { close(l.opened) }
func (l *latch) wait() { <-l.opened }

// raceShown runs f, which is called under a mutex, so that the detector sees it.
func raceShown(f func()) {
	runtime.RaceEnable()
	f()
	runtime.RaceDisable()
}

// raceHidden runs f, a step that passes a token between tasks, unseen.
func raceHidden(f func()) {
	runtime.RaceDisable()
	f()
	runtime.RaceEnable()
}
