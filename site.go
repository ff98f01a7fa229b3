package scope

import (
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"unsafe"
)

// site returns the line at which the call that returns to pc stands.
func site(pc uintptr) string {
	if isRaceBuild {
		return lookUpSite(pc) // a shared cache would order the tasks that use it
	}
	slot := &sites[pc/siteSpacing%uintptr(len(sites))]
	if e := slot.Load(); e != nil && e.pc == pc {
		return e.text
	}
	e := &siteEntry{pc: pc, text: lookUpSite(pc)}
	slot.Store(e)
	return e.text
}

// sites remembers some of the sites that have been asked for: a program has few,
// and to look one up costs as much as several tasks. An entry may be pushed out
// by another one; nothing depends on what is here.
var sites [256]atomic.Pointer[siteEntry]

type siteEntry struct {
	pc   uintptr
	text string
}

// siteSpacing is about the distance of two calls in the code of a program.
const siteSpacing = 16

func lookUpSite(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return f.File + ":" + strconv.Itoa(f.Line)
}

// funcName returns the name of the function at pc without its import path:
// "http.(*Server).Serve".
func funcName(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	name := f.Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}

// entry returns the program counter of the function f, which must be of a
// function type: its value points to a closure, whose first word is the code.
func entry[F any](f F) uintptr { return **(**uintptr)(unsafe.Pointer(&f)) }
