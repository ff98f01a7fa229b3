package supervisor // the state table is not exported

import (
	"os"
	"strings"
	"testing"
)

// The table in the comment of state.go is the one in the code, cell by cell.
func TestState_TableIsTheComment(t *testing.T) {
	source, err := os.ReadFile("state.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(source), "//\tstate     start")
	if !found {
		t.Fatal("state.go has no table")
	}
	names := map[string]state{"-": noState}
	for s := stateQueued; s < states; s++ {
		names[s.String()] = s
	}
	rows := 0
	for _, line := range strings.Split(rest, "\n")[1:] {
		fields := strings.Fields(strings.TrimPrefix(line, "//"))
		if len(fields) != 1+int(events) {
			break
		}
		got := names[fields[0]].transitions()
		for e, word := range fields[1:] {
			if got[e] != names[word] {
				t.Errorf("%s, event %d: %d in the code, not %q", fields[0], e, got[e], word)
			}
		}
		rows++
	}
	if rows != int(states)-1 {
		t.Errorf("the comment has %d rows, want %d", rows, states-1)
	}
}

// cells calls f for every state × event.
func cells(f func(s state, e event, to state)) {
	for s := stateQueued; s < states; s++ {
		for e := range events {
			f(s, e, s.transitions()[e])
		}
	}
}

// Every state × event: the table's cell, or a panic.
func TestState_Next(t *testing.T) {
	cells(func(s state, e event, want state) {
		got, panicked := tryNext(s, e)
		if panicked != (want == noState) || got != want {
			t.Errorf("%v, event %d: %d, panic %v, want %d", s, e, got, panicked, want)
		}
	})
}

func tryNext(s state, e event) (to state, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return s.next(e), false
}

// Never two live incarnations: none is started beside a live one, and a live
// state is entered only from another, or by a start.
//
// Guarantee 1.
func TestState_OneIncarnation(t *testing.T) {
	cells(func(s state, e event, to state) {
		switch {
		case to == noState:
		case e == eventStart && (s.live() || to != stateStarting):
			t.Errorf("%v is started", s)
		case e != eventStart && !s.live() && to.live():
			t.Errorf("%v becomes %v without a start", s, to)
		case s == stateGone:
			t.Errorf("a child that is gone can become %v", to)
		}
	})
}
