// Command mutate changes the core in one place at a time and runs the tests: a
// change that none of them notices is a survivor, and says that a test is missing
// or a line is not needed.
//
//	go run ./mutate                        # 40 mutants, by chance
//	go run ./mutate -n 0                   # all of them
//	go run ./mutate -files settle.go,exit.go -seed 7
//	go run ./mutate -at settle.go:57,exit.go:12
//
// The changes are: a condition negated, a boundary moved by one, && for || and the
// other way round, true for false, a statement dropped. All are built at once, by
// overlay, and a variable of the environment says which of them is in force.
//
// The tests run in stages, and the first that notices is the last that runs: those
// of the core without the slow ones, then the model of this module, its histories
// and races, then all of the core. What hangs is stopped after some times what the
// stage takes without a change. What fails or hangs has to do so again, alone.
//
// The mutants run without the race detector, so what only tells it of something is
// not changed. Run it with nice: it keeps a processor busy.
package main
