package inspect

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

func (a *addresses) sort() {
	slices.SortFunc(a.scopes, func(x, y scopeAt) int {
		if x.from < y.from {
			return -1
		}
		return 1 // no two are the same
	})
}

// find returns the index of the task at the address, or of the scope around it.
func (a *addresses) find(address uintptr) (int, bool) {
	if i, ok := a.tasks[address]; ok {
		return i, true
	}
	i := sort.Search(len(a.scopes), func(i int) bool { return a.scopes[i].to > address })
	if i < len(a.scopes) && a.scopes[i].from <= address {
		return a.scopes[i].index, true
	}
	return 0, false
}

// waitFrames are the calls that wait for the end of their receiver. A future's
// Wait waits in that of its task.
func waitFrames() []string {
	return []string{
		scopePackage + "(*Task).Wait(", scopePackage + "(*Scope).Wait(",
		scopePackage + "(*Scope).Drain(", scopePackage + "(*Scope).Shutdown(",
	}
}

// waits returns the indexes of what the goroutine with this traceback waits for.
// Calls are nested: the innermost one is what it is blocked in, so only the
// first counts, and only if no task begins before it.
func (a *addresses) waits(text string) []int {
	frames, roots := waitFrames(), taskFrames()
	for line := range strings.SplitSeq(text, "\n") {
		if function, _, _ := strings.Cut(line, "(0x"); slices.Contains(roots, function) {
			return nil
		}
		for _, f := range frames {
			address, ok := firstArgument(line, f)
			if !ok {
				continue
			}
			if i, known := a.find(address); known {
				return []int{i}
			}
			return nil
		}
	}
	return nil
}

// waitsForTasks is said of a goroutine whose scope's function is over, instead of
// how the scope waits and at which call of the user's: he knows of no WaitGroup.
const waitsForTasks = "waits for its tasks"

// isJoin reports whether frames are those of a scope that waits for its tasks.
func (r *stackReader) isJoin(frames []Frame) bool {
	at := slices.IndexFunc(frames, func(f Frame) bool { return !r.isStd(f) })
	return at >= 0 && at+1 < len(frames) && frames[at].Func == scopePackage+"(*latch).wait" &&
		frames[at+1].Func == scopePackage+"(*Scope).join"
}

// firstArgument returns the receiver that line shows, if it is a call of the
// method. A value marked with "?" may be stale and is not believed.
func firstArgument(line, method string) (uintptr, bool) {
	digits, ok := strings.CutPrefix(line, method)
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutPrefix(digits, "0x")
	end := strings.IndexAny(digits, ",)")
	if !ok || end < 0 {
		return 0, false
	}
	value, err := strconv.ParseUint(digits[:end], 16, strconv.IntSize)
	return uintptr(value), err == nil
}
