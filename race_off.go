//go:build !race

package scope

import (
	"sync"
	"unsafe"
)

// A mutex is a sync.Mutex, but for builds with -race; see race_on.go.
type mutex struct{ mu sync.Mutex }

func (m *mutex) lock()   { m.mu.Lock() }
func (m *mutex) unlock() { m.mu.Unlock() }

func raceRelease(unsafe.Pointer) {}
func raceJoin(unsafe.Pointer)    {}
func raceHidden(f func())        { f() }
