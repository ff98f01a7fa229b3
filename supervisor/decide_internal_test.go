package supervisor // the decision table is not exported

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/supervisorscope/scope"
)

// The 15 cells, in words: r restart, k keep the spec, f a failure to be told,
// l see whether this was the last one.
func TestDecide_AllCells(t *testing.T) {
	want := map[RestartType][ends]string{
		//          ok     error  panic  Goexit cancelled
		Permanent: {"rkf", "rkf", "rkf", "rkf", "k"},
		Transient: {"kl", "rkf", "rkf", "rkf", "k"},
		Temporary: {"l", "fl", "fl", "fl", ""},
	}
	for r, row := range want {
		for e, cell := range row {
			v := decide(r, end(e))
			var got strings.Builder
			for _, c := range []struct {
				letter string
				set    bool
			}{{"r", v.restart}, {"k", v.keep}, {"f", v.failure}, {"l", v.last}} {
				if c.set {
					got.WriteString(c.letter)
				}
			}
			if got.String() != cell {
				t.Errorf("%v child, end %v: %q, want %q", r, end(e), got.String(), cell)
			}
		}
	}
}

// What holds in every cell.
func TestDecide_Invariants(t *testing.T) {
	for cell := range int(ends) * int(Temporary) {
		r, e := Permanent+RestartType(cell)/RestartType(ends), end(cell)%ends
		v := decide(r, e)
		if v.restart && (!v.keep || v.last) {
			t.Errorf("%v, %v: restarted, and not kept or the last", r, e)
		}
		if e == endCancelled && (v.restart || v.last || v.failure) {
			t.Errorf("%v: being stopped counts", r)
		}
		if v.keep == (r == Temporary) {
			t.Errorf("%v, %v: keep = %v", r, e, v.keep)
		}
	}
}

func TestEndOf(t *testing.T) {
	boom := errors.New("boom")
	inner := &scope.Failure{Err: &scope.PanicError{Value: 1}}
	for _, tc := range []struct {
		err  error
		want end
	}{
		{err: nil, want: endOK},
		{err: boom, want: endError},
		{err: &scope.Failure{Err: boom}, want: endError},
		{err: &scope.Failure{Err: &scope.PanicError{Value: 1}}, want: endPanic},
		{err: &scope.Failure{Err: scope.ErrGoexit}, want: endGoexit},
		{err: &scope.Failure{Err: inner}, want: endError}, // told of a panic further down
		{err: &scope.Failure{Err: fmt.Errorf("x: %w", scope.ErrGoexit)}, want: endError},
	} {
		if got := endOf(tc.err); got != tc.want {
			t.Errorf("endOf(%v) = %v, want %v", tc.err, got, tc.want)
		}
	}
}
