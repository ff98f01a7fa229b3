package supervisor

import (
	"slices"
	"time"
)

// A window counts restarts in a sliding time window, exactly: it holds the
// stamps of the last limit+1 restarts, and the limit is exceeded when the oldest
// of them is still inside the window. Stamps are monotonic, counted from an
// origin of the caller's choice, and must not decrease.
//
// The window is closed: two restarts exactly one period apart are both in it.
//
// Source: OTP supervisor, "intensity and period", which rounds to seconds.
type window struct {
	limit  int
	period time.Duration

	ring []time.Duration // grows to limit+1 stamps
	next int             // where the next stamp goes, once the ring is full
}

func newWindow(i Intensity) *window {
	if i.Period <= 0 {
		return nil
	}
	return &window{limit: i.Restarts, period: i.Period}
}

// add records a restart at now. If that is one too many it returns the time
// from the first to the last of the limit+1 restarts, and true. A nil window
// counts nothing and has no limit.
func (w *window) add(now time.Duration) (span time.Duration, exceeded bool) {
	if w == nil {
		return 0, false
	}
	if len(w.ring) <= w.limit {
		w.ring = append(w.ring, now)
	} else {
		w.ring[w.next] = now
		w.next = (w.next + 1) % len(w.ring)
	}
	if len(w.ring) <= w.limit {
		return 0, false
	}
	span = now - w.ring[w.next]
	return span, span <= w.period
}

// takeBack forgets the last restart that was recorded, since it was not made.
func (w *window) takeBack() {
	if w == nil || len(w.ring) == 0 {
		return
	}
	inOrder := slices.Concat(w.ring[w.next:], w.ring[:w.next])
	w.ring, w.next = inOrder[:len(inOrder)-1], 0
}

// used returns how many of the recorded restarts are inside the window that
// ends at now. It is at most limit+1.
func (w *window) used(now time.Duration) int {
	if w == nil {
		return 0
	}
	n := 0
	for _, stamp := range w.ring {
		if now-stamp <= w.period {
			n++
		}
	}
	return n
}

// left returns how many more restarts the window allows at now, -1 for a nil
// window, which allows any number.
func (w *window) left(now time.Duration) int {
	if w == nil {
		return -1
	}
	return max(0, w.limit-w.used(now))
}

// reset forgets all restarts.
func (w *window) reset() {
	if w != nil {
		w.ring, w.next = nil, 0
	}
}
