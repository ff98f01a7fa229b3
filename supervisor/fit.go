package supervisor

import (
	"fmt"
	"math"
	"time"
)

// A fit says how a window of restarts goes with a backoff, for a child that
// fails as soon as it is started: its restarts then come as fast as the backoff
// lets them, first along the ramp, then at the pace of the cap.
//
//	           along the ramp       at the cap
//	fitGuard   never too many       never too many       catches a backoff that is off
//	fitLimit   perhaps too many     certainly too many   ends a child that keeps failing
//	fitRamp    certainly too many   never too many       ends it before the backoff helps
//	fitLuck    anything else: the jitter decides
type fit int

const (
	fitGuard fit = iota + 1
	fitLimit
	fitRamp
	fitLuck
)

// fitOf tells how a window goes with a backoff, both valid.
func fitOf(b Backoff, i Intensity) fit {
	ramp := b.sum(1, i.Restarts) // between the first and the last restart, at most
	atCap := saturate(float64(b.full(math.MaxInt32)) * float64(i.Restarts))
	switch {
	case atCap <= i.Period:
		return fitLimit
	case half(ramp) > i.Period:
		return fitGuard
	case ramp <= i.Period && half(atCap) > i.Period:
		return fitRamp
	default:
		return fitLuck
	}
}

// half is the shortest time for delays that take at most d.
func half(d time.Duration) time.Duration { return d - d/2 }

// fits reports whether a window may go with a backoff.
func fits(b Backoff, i Intensity) bool {
	f := fitOf(b, i)
	return f == fitGuard || f == fitLimit
}

// misfit returns why a window must not go with a backoff, or "".
func misfit(b Backoff, i Intensity) string {
	steady := b.full(math.MaxInt32)
	advice := fmt.Sprintf("use a period of at least %v, or below %v, or another Backoff",
		saturate(float64(steady)*float64(i.Restarts)), half(b.sum(1, i.Restarts)))
	switch fitOf(b, i) {
	case fitGuard, fitLimit:
		return ""
	case fitRamp:
		return fmt.Sprintf("%v does not go with the backoff: a child that fails at once exceeds "+
			"it while the delays are still short, and once they have grown to %v never; %s",
			i, steady, advice)
	case fitLuck:
		return fmt.Sprintf("%v does not go with the backoff: whether a child that fails at once "+
			"exceeds it is a matter of luck, since %d restarts take it between %v and %v; %s",
			i, i.Restarts+1, half(b.sum(1, i.Restarts)), b.sum(1, i.Restarts), advice)
	default:
		panic("supervisor: unknown fit")
	}
}

// downtime returns how long a child that fails at once is tried before it
// exceeds a window that is its limit: from its first failure to the restart
// that is one too many.
func downtime(b Backoff, i Intensity) (shortest, longest time.Duration) {
	longest = b.sum(0, i.Restarts+1)
	return half(longest), longest
}

// jointProblem returns what is wrong with the windows that count the restarts
// of a child with backoff b, each valid by itself: its own and the supervisor's.
func jointProblem(b Backoff, own, all Budget) (field, text string) {
	limited := false
	for _, w := range own.windows() {
		if w.intensity == (Intensity{}) {
			continue
		}
		if text := misfit(b, w.intensity); text != "" {
			return "Budget." + w.field, text
		}
		limited = limited || fitOf(b, w.intensity) == fitLimit
	}
	for _, w := range all.windows() {
		if w.intensity == (Intensity{}) {
			continue
		}
		if text := misfit(b, w.intensity); text != "" {
			return "Backoff", "with Options.Budget." + w.field + ": " + text
		}
		limited = limited || fitOf(b, w.intensity) == fitLimit
	}
	if !limited && !own.Unlimited {
		return "Budget", "can never be exceeded while the backoff works: a child that fails " +
			"for ever would be restarted for ever; add a Sustained window, or say Unlimited"
	}
	return "", ""
}
