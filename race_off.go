//go:build !race

package scope

import (
	"sync"
	"unsafe"
)

const isRaceBuild = false

// A mutex is a sync.Mutex, but for builds with -race; see race_on.go.
type mutex struct{ mu sync.Mutex }

func (m *mutex) lock()   { m.mu.Lock() }
func (m *mutex) unlock() { m.mu.Unlock() }

// A latch is opened once. A WaitGroup of one costs no allocation.
type latch struct{ closed sync.WaitGroup }

func (l *latch) init() { l.closed.Add(1) }
func (l *latch) open() { l.closed.Done() }
func (l *latch) wait() { l.closed.Wait() }

func raceRelease(unsafe.Pointer) {}
func raceJoin(unsafe.Pointer)    {}
func raceShown(f func())         { f() }
func raceHidden(f func())        { f() }
