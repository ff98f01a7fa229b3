// Command mutate changes the core in one place at a time, by overlay, and runs
// the tests: a change that none of them notices is a survivor, and says that a
// test is missing or a line is not needed.
//
//	go run ./mutate              # 40 mutants, by chance
//	go run ./mutate -n 0         # all; takes hours
//	go run ./mutate -files settle.go,exit.go -seed 7
//
// The changes are: a condition negated, a statement dropped. What does not build
// does not count. First the core's own tests run, then for survivors the model,
// the histories and the races of this module. Without the race detector: a
// raceRelease that is missing survives here, and is for TestRace_InABuildWithRace.
package main
