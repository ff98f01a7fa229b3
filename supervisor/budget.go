package supervisor

import (
	"fmt"
	"time"
)

// Intensity is a number of restarts allowed in any window of length Period: one
// more within it exceeds the budget. Restarts 0 allows none. The zero Intensity,
// with no Period, is no limit.
type Intensity struct {
	Restarts int
	Period   time.Duration
}

// String returns "5 in 30s".
func (i Intensity) String() string {
	if i.Period <= 0 {
		return "no limit"
	}
	return fmt.Sprintf("%d in %v", i.Restarts, i.Period)
}

// Budget is how often a child, or all children of a supervisor together, may
// be restarted. One window cannot tell a burst from a steady trickle, so there
// are two, and each may be left out. A restart of a group counts once, for the
// child that caused it; each attempt to start again counts.
//
// The zero Budget of a [Spec] is 5 in 5 s and 20 in 10 min, fitted to the
// backoff: the first is left out where the backoff would make it a matter of
// luck, and the second is longer where Cap is longer than 30 s. The zero Budget
// of [Options] is no limit.
type Budget struct {
	// Burst catches restarts in quick succession: a backoff that is off or
	// does not work. Optional; zero means no such window.
	Burst Intensity

	// Sustained catches a child that keeps failing in spite of the backoff.
	// Optional; zero means no such window.
	Sustained Intensity

	// Unlimited restarts for ever. Burst and Sustained must be zero then.
	Unlimited bool
}

const (
	defaultBurst     = 5
	burstPeriod      = 5 * time.Second
	defaultSustained = 20
	sustainedPeriod  = 10 * time.Minute
)

// withDefaults returns the budget of a child with backoff b.
func (g Budget) withDefaults(b Backoff) Budget {
	if g != (Budget{}) {
		return g
	}
	if burst := (Intensity{Restarts: defaultBurst, Period: burstPeriod}); fits(b, burst) {
		g.Burst = burst
	}
	g.Sustained = Intensity{
		Restarts: defaultSustained,
		Period:   max(sustainedPeriod, saturate(defaultSustained*float64(b.Cap))),
	}
	return g
}

// problem returns what is wrong with g by itself, and in which field.
func (g Budget) problem() (field, text string) {
	for _, w := range g.windows() {
		switch i := w.intensity; {
		case i == (Intensity{}):
		case g.Unlimited:
			return "Budget." + w.field, "is set, and so is Unlimited; choose one"
		case i.Restarts < 0:
			return "Budget." + w.field, "has a negative number of Restarts"
		case i.Period <= 0:
			return "Budget." + w.field, "has no Period; say in what time the restarts are counted"
		}
	}
	return "", ""
}

type namedIntensity struct {
	field     string
	intensity Intensity
}

func (g Budget) windows() [2]namedIntensity {
	return [2]namedIntensity{
		{field: "Burst", intensity: g.Burst},
		{field: "Sustained", intensity: g.Sustained},
	}
}

// A pair of windows counts the restarts of a Budget.
type counter struct{ burst, sustained *window }

func newCounter(g Budget) counter {
	return counter{burst: newWindow(g.Burst), sustained: newWindow(g.Sustained)}
}

// add records a restart at now. It returns the error of the window that is
// exceeded, or nil.
func (c counter) add(now time.Duration) *IntensityError {
	burst, tooFast := c.burst.add(now)
	sustained, tooMany := c.sustained.add(now)
	switch {
	case tooFast:
		return c.burst.exceeded(burst)
	case tooMany:
		return c.sustained.exceeded(sustained)
	default:
		return nil
	}
}

func (w *window) exceeded(span time.Duration) *IntensityError {
	return &IntensityError{
		Restarts: w.limit + 1, Span: span,
		Limit: Intensity{Restarts: w.limit, Period: w.period},
	}
}

func (c counter) takeBack() {
	c.burst.takeBack()
	c.sustained.takeBack()
}

func (c counter) reset() {
	c.burst.reset()
	c.sustained.reset()
}
