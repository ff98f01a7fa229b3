package supervisor // the delays are not exported, and are pure functions

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// naiveFull is min(cap, base·factorⁿ) by multiplying exactly.
func naiveFull(b Backoff, n int) time.Duration {
	d, f := new(big.Float).SetInt64(int64(b.Base)), big.NewFloat(b.Factor)
	limit := new(big.Float).SetInt64(int64(b.Cap))
	for range n {
		if d.Cmp(limit) >= 0 {
			break
		}
		d.Mul(d, f)
	}
	if d.Cmp(limit) >= 0 {
		return b.Cap
	}
	i, _ := d.Int64()
	return time.Duration(i)
}

func randomBackoff(rnd *rand.Rand) Backoff {
	b := Backoff{
		Base:   time.Duration(1 + rnd.Int64N(int64(time.Minute))),
		Factor: 1 + rnd.Float64()*float64(rnd.IntN(10)),
	}
	b.Cap = b.Base + time.Duration(rnd.Int64N(int64(time.Hour)))
	return b.withDefaults()
}

func TestBackoff_Property(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		b := randomBackoff(rnd)
		for n := range 40 {
			want := naiveFull(b, n)
			got := b.full(n)
			if diff := (got - want).Abs(); float64(diff) > 1+1e-9*float64(want) {
				t.Fatalf("%+v: full(%d) = %v, want %v", b, n, got, want)
			}
			for _, u := range []float64{0, rnd.Float64(), math.Nextafter(1, 0)} {
				d := b.delay(n, u)
				if d < b.Base/2 || d > b.Cap || d < got/2 || d > got {
					t.Fatalf("%+v: delay(%d, %v) = %v of %v", b, n, u, d, got)
				}
			}
		}
	}
}

// However often it was tried, the delay is the cap, not an overflow.
func TestBackoff_Overflow(t *testing.T) {
	b := Backoff{}.withDefaults()
	for _, n := range []int{8, 100, 1000, 1 << 30, math.MaxInt} {
		if got := b.full(n); got != b.Cap {
			t.Errorf("full(%d) = %v, want %v", n, got, b.Cap)
		}
	}
	b.Cap = math.MaxInt64
	if got := b.full(1 << 30); got != math.MaxInt64 {
		t.Errorf("full = %v", got)
	}
	if got := b.sum(0, math.MaxInt); got != math.MaxInt64 {
		t.Errorf("sum = %v", got)
	}
	if got := (Backoff{Cap: math.MaxInt64}).withDefaults().ResetAfter; got != math.MaxInt64 {
		t.Errorf("ResetAfter = %v", got)
	}
}

func TestBackoff_Defaults(t *testing.T) {
	b := Backoff{}.withDefaults()
	want := Backoff{
		Base: 200 * time.Millisecond, Factor: 2, Cap: 30 * time.Second, ResetAfter: time.Minute,
	}
	if b != want {
		t.Errorf("defaults are %+v, want %+v", b, want)
	}
	if got := (Backoff{Cap: time.Second}).withDefaults().ResetAfter; got != 10*time.Second {
		t.Errorf("ResetAfter for a short cap is %v, want 10s", got)
	}
	if got := (Backoff{Base: time.Hour}).withDefaults().Cap; got != time.Hour {
		t.Errorf("Cap for a long base is %v, want 1h", got)
	}
	if got := (Backoff{Off: true}).withDefaults().delay(7, 0.5); got != 0 {
		t.Errorf("delay of a backoff that is off is %v", got)
	}
}

func TestBackoff_Sum(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		b, first, count := randomBackoff(rnd), rnd.IntN(10), rnd.IntN(100)
		var want time.Duration
		for n := range count {
			want += b.full(first + n)
		}
		if got := b.sum(first, count); (got - want).Abs() > 100 {
			t.Fatalf("%+v: sum(%d, %d) = %v, want %v", b, first, count, got, want)
		}
	}
}
