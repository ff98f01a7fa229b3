package peers_test

import (
	"testing"
	"testing/synctest"
)

// A row is one behaviour that a peer's own suite proves.
type row struct {
	origin string // the peer's name for it: "errgroup: TestZeroGroup"
	run    func(t *testing.T)
}

// runRows runs each row in a bubble of its own. The bubble fails a row that
// leaves a goroutine behind.
func runRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.origin, func(t *testing.T) { synctest.Test(t, r.run) })
	}
}

// runRowsLive runs rows that need real time, or goroutines that the scheduler
// interleaves as it likes.
func runRowsLive(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.origin, r.run)
	}
}
