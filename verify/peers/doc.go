// Package peers holds what the test suites of other libraries prove, written
// anew against package scope and its neighbours. It has no code, only tests:
// whoever knows a peer can look up what became of a behaviour he relies on.
//
// A behaviour is a row of a table. Its origin is the peer's name, a colon, and
// the name of the peer's own test, after which may stand a comma and what this
// row takes of it:
//
//	errgroup: TestZeroGroup
//	conc: pool.TestPool/panics_do_not_exhaust_goroutines
//	errgroup: TestTryGo, a limit that admits nobody
//
// A test has as many rows as it takes. Where this library differs from the peer
// on purpose, the row asserts what is promised here, and its comment says what
// the peer does. A defect that a peer's users reported has the number of the
// report for a name (errgroup's are golang/go's), and one that was found by
// running the peer is a probe:
//
//	errgroup: #61611, Go after the first failure
//	tomb: probe, a task that calls Goexit
//
// The file testdata/peer.txt has the names of all tests of a peer, one a line,
// under a first line that says which version they are of. A test that has no
// row has a line in NOT_CARRIED.md that says why, or which test of this project
// has it already. TestOrigins_AreAllThere compares the three. It reads origins
// from the source, so they are literals: origin: "…".
//
// Most of suture's suite is in package supervisor; see supervisor/CASES.md. A
// peer without a list, such as pond, ants or fx, is here for its defects alone.
package peers
