// Package peer holds one small adapter per library that the benchmarks compare.
//
// An adapter is written in the library's favour: each task function is handed
// over in the shape the library takes, made once and shared, and what users of
// the library keep for the life of a program (a pool) is made before the clock
// starts. What a library cannot do is said in [Peer.Cannot], not imitated.
package peer
