// Command bench measures this library beside others on the same work and prints
// how each compares to plain goroutines.
//
//	go run ./bench                              # everything, Markdown on stdout
//	go run ./bench -quick -work n1k,steady      # a first look
//	go run ./bench -peers raw,scope,errgroup
//	go run ./bench -o docs/benchmarks.md        # the report in the repository
//
// Each workload runs in a process of its own. There the peers take turns, in a
// new order each round, and a peer's time is compared to that of the base in the
// same round, so that a slow moment of the machine hits both. The same workloads
// run as ordinary benchmarks: go test -bench . in this directory.
package main
