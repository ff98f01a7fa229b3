package supervisor

import (
	"math"
	"time"
)

// Backoff is the delay before a restart. It grows with each restart that did
// not help, from Base by Factor up to Cap, and starts again at Base once the
// child has been ready for ResetAfter.
//
// Half of each delay is chance: the n-th delay is between d/2 and d for
// d = min(Cap, Base·Factorⁿ), so that it never exceeds Cap, is never shorter than
// Base/2, and children that failed together do not come back together.
//
// The zero Backoff is 0.2 s, doubling up to 30 s.
type Backoff struct {
	// Base is the first delay. Optional; zero means 200 ms.
	Base time.Duration

	// Factor is how much longer each delay is than the one before, at least 1.
	// Optional; zero means 2.
	Factor float64

	// Cap is the longest delay. Optional; zero means 30 s, or Base if that is
	// longer.
	Cap time.Duration

	// ResetAfter is how long a child must have been ready for its next failure
	// to count as the first again. Optional; zero means twice Cap, at least 10 s.
	ResetAfter time.Duration

	// Off restarts without any delay, as OTP does. Then only the budget stands
	// between a child that fails at once and a busy loop.
	Off bool
}

const (
	defaultBase   = 200 * time.Millisecond
	defaultFactor = 2
	defaultCap    = 30 * time.Second
	minResetAfter = 10 * time.Second
)

// withDefaults returns b with its zero fields filled in.
func (b Backoff) withDefaults() Backoff {
	if b.Base == 0 {
		b.Base = defaultBase
	}
	if b.Factor == 0 {
		b.Factor = defaultFactor
	}
	if b.Cap == 0 {
		b.Cap = max(defaultCap, b.Base)
	}
	if b.ResetAfter == 0 {
		b.ResetAfter = max(minResetAfter, saturate(2*float64(b.Cap)))
	}
	return b
}

// problem returns what is wrong with b, defaults filled in, and in which field.
func (b Backoff) problem() (field, text string) {
	switch {
	case b.Base < 0:
		return "Backoff.Base", "is negative; leave it out for 200ms, or set Off"
	case !(b.Factor >= 1): // NaN, too
		return "Backoff.Factor", "is below 1; a delay must not shrink"
	case b.Cap < b.Base:
		return "Backoff.Cap", "is shorter than Base, the first delay"
	case b.ResetAfter < 0:
		return "Backoff.ResetAfter", "is negative"
	}
	return "", ""
}

// full returns the n-th delay, n counted from 0, before chance shortens it.
func (b Backoff) full(n int) time.Duration {
	if b.Off {
		return 0
	}
	d := float64(b.Base) * math.Pow(b.Factor, float64(n))
	if !(d < float64(b.Cap)) { // +Inf and NaN, too
		return b.Cap
	}
	return time.Duration(d)
}

// delay returns the n-th delay for u, a random number in [0, 1).
func (b Backoff) delay(n int, u float64) time.Duration {
	d := b.full(n)
	half := d / 2
	return d - half + time.Duration(u*float64(half))
}

// sum returns the longest time that the delays from the first-th on, count of
// them, can take together; the shortest is half of it.
func (b Backoff) sum(first, count int) time.Duration {
	total, limit := 0.0, b.full(math.MaxInt32)
	for i := range count {
		d := b.full(first + i)
		if d == limit {
			total += float64(d) * float64(count-i)
			break
		}
		total += float64(d)
	}
	return saturate(total)
}

// saturate converts a number of nanoseconds that may be too large.
func saturate(ns float64) time.Duration {
	if ns >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(ns)
}
