package supervisor // how budgets and backoffs go together is a pure function

import (
	"math/rand/v2"
	"testing"
	"time"
)

// simulate restarts a child that fails at once, up to most times, and returns
// when the window was exceeded, or 0. The jitter is drawn by u.
func simulate(b Backoff, i Intensity, most int, u func() float64) time.Duration {
	w := newWindow(i)
	var now time.Duration
	for n := range most {
		now += b.delay(n, u())
		if _, exceeded := w.add(now); exceeded {
			return now
		}
	}
	return 0
}

func TestFit_KnownPairs(t *testing.T) {
	def := Backoff{}.withDefaults()
	for _, tc := range []struct {
		backoff Backoff
		window  Intensity
		want    fit
	}{
		{backoff: def, window: Intensity{Restarts: 5, Period: 5 * time.Second}, want: fitGuard},
		{backoff: def, window: Intensity{Restarts: 20, Period: 10 * time.Minute}, want: fitLimit},
		{backoff: def, window: Intensity{Restarts: 5, Period: 10 * time.Second}, want: fitLuck},
		{backoff: def, window: Intensity{Restarts: 5, Period: 30 * time.Second}, want: fitRamp},
		{backoff: def, window: Intensity{Restarts: 0, Period: time.Second}, want: fitLimit},
		{
			backoff: Backoff{Cap: time.Minute}.withDefaults(),
			window:  Intensity{Restarts: 5, Period: 30 * time.Second}, want: fitRamp,
		},
		{
			backoff: Backoff{Off: true}.withDefaults(),
			window:  Intensity{Restarts: 5, Period: time.Second}, want: fitLimit,
		},
	} {
		if got := fitOf(tc.backoff, tc.window); got != tc.want {
			t.Errorf("%v with %+v: fit %d, want %d", tc.window, tc.backoff, got, tc.want)
		}
		if text := misfit(tc.backoff, tc.window); (text == "") != fits(tc.backoff, tc.window) {
			t.Errorf("%v: misfit is %q", tc.window, text)
		}
	}
}

// The four answers against simulated children.
func TestFit_Simulated(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	seen := map[fit]int{}
	for range 3000 {
		b := randomBackoff(rnd)
		i := Intensity{Restarts: rnd.IntN(30)}
		i.Period = time.Duration(rnd.ExpFloat64() * float64(10*time.Minute))
		if i.Period == 0 {
			continue
		}
		f := fitOf(b, i)
		seen[f]++
		slowest := func() float64 { return 0.999999 }
		fastest := func() float64 { return 0 }
		for k, u := range []func() float64{rnd.Float64, slowest, fastest} {
			at := simulate(b, i, 4*(i.Restarts+1), u)
			shortest, longest := downtime(b, i)
			switch {
			case f == fitGuard && at != 0:
				t.Fatalf("%v with %+v is a guard, and is exceeded after %v (%d)", i, b, at, k)
			case f == fitLimit && (at == 0 || at < shortest || at > longest):
				t.Fatalf("%v with %+v is a limit for %v to %v, and is exceeded after %v (%d)",
					i, b, shortest, longest, at, k)
			case f == fitRamp && at == 0:
				t.Fatalf("%v with %+v is exceeded on the ramp, and was not (%d)", i, b, k)
			}
		}
	}
	for f := fitGuard; f <= fitLuck; f++ {
		if seen[f] < 20 {
			t.Errorf("fit %d was seen %d times", f, seen[f])
		}
	}
}

// What the defaults mean to an operator.
func TestFit_Defaults(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := Backoff{}.withDefaults()
	luck := 0
	var sum time.Duration
	for range 2000 {
		if simulate(b, Intensity{Restarts: 5, Period: 10 * time.Second}, 100, rnd.Float64) != 0 {
			luck++
		}
		at := simulate(b, Intensity{Restarts: 20, Period: 10 * time.Minute}, 100, rnd.Float64)
		if at < 4*time.Minute || at > 7*time.Minute {
			t.Fatalf("20 in 10m is exceeded after %v", at)
		}
		sum += at
	}
	if luck < 1200 || luck > 1600 {
		t.Errorf("5 in 10s is exceeded in %d of 2000 runs, want about 1420: a matter of luck", luck)
	}
	if mean := sum / 2000; mean < 320*time.Second || mean > 340*time.Second {
		t.Errorf("20 in 10m is exceeded after %v in the mean, want about 5.5m", mean)
	}
}

func TestBudget_Defaults(t *testing.T) {
	for _, tc := range []struct {
		backoff Backoff
		want    Budget
	}{
		{want: Budget{
			Burst:     Intensity{Restarts: 5, Period: 5 * time.Second},
			Sustained: Intensity{Restarts: 20, Period: 10 * time.Minute},
		}},
		{backoff: Backoff{Off: true}, want: Budget{
			Burst:     Intensity{Restarts: 5, Period: 5 * time.Second},
			Sustained: Intensity{Restarts: 20, Period: 10 * time.Minute},
		}},
		{backoff: Backoff{Base: 100 * time.Millisecond}, want: Budget{ // the burst would be luck
			Sustained: Intensity{Restarts: 20, Period: 10 * time.Minute},
		}},
		{backoff: Backoff{Cap: time.Hour}, want: Budget{
			Burst:     Intensity{Restarts: 5, Period: 5 * time.Second},
			Sustained: Intensity{Restarts: 20, Period: 20 * time.Hour},
		}},
	} {
		if got := (Budget{}).withDefaults(tc.backoff.withDefaults()); got != tc.want {
			t.Errorf("budget for %+v is %+v, want %+v", tc.backoff, got, tc.want)
		}
	}
}

// Whatever the backoff, the default budget goes with it.
func TestBudget_DefaultsFit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 5000 {
		b := randomBackoff(rnd)
		g := (Budget{}).withDefaults(b)
		if field, text := jointProblem(b, g, Budget{}); field != "" {
			t.Fatalf("%+v: %s %s", b, field, text)
		}
	}
}

func TestBudget_Joint(t *testing.T) {
	b := Backoff{}.withDefaults()
	limit := Budget{Sustained: Intensity{Restarts: 20, Period: 10 * time.Minute}}
	guard := Budget{Burst: Intensity{Restarts: 5, Period: 5 * time.Second}}
	bad := Budget{Burst: Intensity{Restarts: 5, Period: 30 * time.Second}}
	for _, tc := range []struct {
		name     string
		own, all Budget
		field    string
	}{
		{name: "limit", own: limit},
		{name: "guard alone never ends it", own: guard, field: "Budget"},
		{name: "guard, and a limit for all", own: guard, all: limit},
		{name: "unlimited", own: Budget{Unlimited: true}},
		{name: "bad", own: bad, field: "Budget.Burst"},
		{name: "bad for all", own: limit, all: bad, field: "Backoff"},
		{name: "unlimited, bad for all", own: Budget{Unlimited: true}, all: bad, field: "Backoff"},
	} {
		if field, text := jointProblem(b, tc.own, tc.all); field != tc.field {
			t.Errorf("%s: problem with %q (%s), want %q", tc.name, field, text, tc.field)
		}
	}
}
