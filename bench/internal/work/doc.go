// Package work holds the workloads: what every peer is asked to do, once, for the
// command and for the ordinary benchmarks alike.
package work
