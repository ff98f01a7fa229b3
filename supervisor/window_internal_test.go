package supervisor // the window is not exported, and is a pure function

import (
	"math/rand/v2"
	"testing"
	"time"
)

// naiveWindow is the definition: all stamps, counted anew each time.
type naiveWindow struct {
	Intensity
	stamps []time.Duration
}

func (w *naiveWindow) add(now time.Duration) bool {
	w.stamps = append(w.stamps, now)
	return w.used(now) > w.Restarts
}

func (w *naiveWindow) used(now time.Duration) int {
	n := 0
	for _, s := range w.stamps {
		if now-s <= w.Period {
			n++
		}
	}
	return n
}

// compare feeds both windows the same stamps.
func compareWindows(t *testing.T, i Intensity, stamps []time.Duration) {
	t.Helper()
	w, naive := newWindow(i), &naiveWindow{Intensity: i}
	for k, now := range stamps {
		span, exceeded := w.add(now)
		if want := naive.add(now); exceeded != want {
			t.Fatalf("%v: stamps %v: exceeded = %v, want %v", i, stamps[:k+1], exceeded, want)
		}
		if exceeded && span != now-stamps[k-i.Restarts] {
			t.Fatalf("%v: stamps %v: span = %v", i, stamps[:k+1], span)
		}
		if got, want := w.used(now), min(naive.used(now), i.Restarts+1); got != want {
			t.Fatalf("%v: stamps %v: used = %d, want %d", i, stamps[:k+1], got, want)
		}
		if len(w.ring) > i.Restarts+1 {
			t.Fatalf("%v: the ring holds %d stamps", i, len(w.ring))
		}
	}
}

// All limits up to 3, periods up to 4, and sequences of 7 gaps up to 3.
//
// Guarantee 3.
func TestWindow_Exhaustive(t *testing.T) {
	const gaps = 7
	for limit := range 4 {
		for period := 1; period <= 4; period++ {
			for code := range 1 << (2 * gaps) {
				stamps := make([]time.Duration, gaps)
				var now time.Duration
				for k := range stamps {
					now += time.Duration(code >> (2 * k) & 3)
					stamps[k] = now
				}
				compareWindows(t, Intensity{Restarts: limit, Period: time.Duration(period)}, stamps)
			}
		}
	}
}

func TestWindow_Property(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		period := 1 + time.Duration(rnd.Int64N(int64(time.Minute)))
		i := Intensity{Restarts: rnd.IntN(30), Period: period}
		var stamps []time.Duration
		var now time.Duration
		for range rnd.IntN(200) {
			now += time.Duration(rnd.ExpFloat64() * float64(i.Period) / float64(i.Restarts+1))
			stamps = append(stamps, now)
		}
		compareWindows(t, i, stamps)
	}
}

// Exact to the nanosecond, at both sides of the edge.
func TestWindow_Edge(t *testing.T) {
	for _, tc := range []struct {
		last time.Duration
		want bool
	}{
		{last: 5*time.Second - 1, want: true},
		{last: 5 * time.Second, want: true},
		{last: 5*time.Second + 1, want: false},
	} {
		w := newWindow(Intensity{Restarts: 1, Period: 5 * time.Second})
		w.add(0)
		if _, got := w.add(tc.last); got != tc.want {
			t.Errorf("restarts %v apart exceed 1 in 5s: %v, want %v", tc.last, got, tc.want)
		}
	}
}

func TestWindow_Nil(t *testing.T) {
	w := newWindow(Intensity{})
	if w != nil {
		t.Fatal("a window without a period is not nil")
	}
	for range 100 {
		if _, exceeded := w.add(0); exceeded {
			t.Error("no window is exceeded")
		}
	}
	if w.used(0) != 0 || w.left(0) != -1 {
		t.Errorf("used = %d, left = %d", w.used(0), w.left(0))
	}
	w.reset()
}

func TestWindow_ResetAndLeft(t *testing.T) {
	w := newWindow(Intensity{Restarts: 2, Period: time.Second})
	for n := range 4 {
		if got, want := w.left(0), max(0, 2-n); got != want {
			t.Errorf("after %d restarts %d are left, want %d", n, got, want)
		}
		w.add(0)
	}
	w.reset()
	if got := w.left(0); got != 2 {
		t.Errorf("after a reset %d are left", got)
	}
}

// What is taken back was never there.
func TestWindow_TakeBack(t *testing.T) {
	for n := range 6 {
		limit := Intensity{Restarts: 2, Period: 3}
		w, want := newWindow(limit), newWindow(limit)
		for now := range time.Duration(n) {
			w.add(now)
			want.add(now)
		}
		w.add(time.Duration(n))
		w.takeBack()
		for now := time.Duration(n); now < 12; now += 2 {
			_, got := w.add(now)
			if _, exceeded := want.add(now); got != exceeded {
				t.Errorf("after %d restarts and one taken back, at %d: %v, want %v",
					n, now, got, exceeded)
			}
		}
	}
}
