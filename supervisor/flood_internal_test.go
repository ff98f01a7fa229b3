package supervisor // the bound on reports is not exported

import (
	"errors"
	"fmt"
	"math/bits"
	"testing"
	"testing/synctest"
	"time"

	"github.com/supervisorscope/scope"
)

// counted returns how many failures the reports stand for.
func counted(fs []*scope.Failure) (n uint64) {
	for _, f := range fs {
		var r *RepeatedError
		if errors.As(f.Err, &r) {
			n += r.New
		} else {
			n++
		}
	}
	return n
}

// None is lost, none told twice, and the number of reports grows like the
// logarithm.
func TestFlood_CountsAll(t *testing.T) {
	for _, n := range []int{0, 1, 5, 6, 7, 8, 9, 16, 17, 100, 1000, 4096} {
		f := newFlood("a")
		var told []*scope.Failure
		for range n {
			told = append(told, f.add(&scope.Failure{Err: errors.New("boom")}, time.Hour)...)
		}
		told = append(told, f.flush()...)
		if got := counted(told); got != uint64(n) {
			t.Errorf("%d failures: reports stand for %d", n, got)
		}
		if most := toldAlone + bits.Len(uint(n)); len(told) > most {
			t.Errorf("%d failures: %d reports, want at most %d", n, len(told), most)
		}
		if rest := f.flush(); rest != nil {
			t.Errorf("flush again: %v", rest)
		}
	}
}

func TestFlood_QuietTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlood("a")
		for range 7 { // two are held back
			f.add(&scope.Failure{Err: errors.New("boom")}, time.Minute)
		}
		time.Sleep(time.Minute)
		told := f.add(&scope.Failure{Err: errors.New("again")}, time.Minute)
		if len(told) != 2 || counted(told[:1]) != 2 || told[1].Err.Error() != "again" {
			t.Errorf("after a quiet time: %v, want the two held back and the new one", told)
		}
	})
}

// A pool's failures are told apart by text, but not without end.
func TestFlood_Kinds(t *testing.T) {
	f := newFlood("")
	var told []*scope.Failure
	const n = 10_000
	for i := range n {
		failure := &scope.Failure{Err: fmt.Errorf("connection %d", i)}
		told = append(told, f.add(failure, time.Hour)...)
	}
	told = append(told, f.flush()...)
	if got := counted(told); got != n {
		t.Errorf("%d failures: reports stand for %d", n, got)
	}
	if len(told) > 2*maxKinds {
		t.Errorf("%d reports", len(told))
	}
}

// Kinds that have been quiet make room for new ones.
func TestFlood_Evicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlood("")
		n := 0
		crowd := func(word string) (told []*scope.Failure) {
			for i := range maxKinds {
				for range 6 { // one is held back
					n++
					err := fmt.Errorf("%s %d", word, i)
					told = append(told, f.add(&scope.Failure{Err: err}, time.Minute)...)
				}
			}
			return told
		}
		told := crowd("old")
		time.Sleep(time.Minute)
		told = append(told, crowd("new")...)
		if _, known := f.kinds["new 0"]; !known || len(f.kinds) > maxKinds+1 {
			t.Errorf("%d kinds are kept, and the new ones are known: %v", len(f.kinds), known)
		}
		told = append(told, f.flush()...)
		if got := counted(told); got != uint64(n) {
			t.Errorf("%d failures: reports stand for %d", n, got)
		}
	})
}

type nasty struct{ error }

// An Error method that panics is the user's bug, and not ours to fall over.
func TestFlood_NastyError(t *testing.T) {
	f := newFlood("")
	if told := f.add(&scope.Failure{Err: nasty{}}, time.Hour); len(told) != 1 {
		t.Errorf("told = %v", told)
	}
}
