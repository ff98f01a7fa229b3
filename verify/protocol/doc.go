// Package protocol explores every state that the end of a scope can go through,
// in small configurations: who spawns, cancels, drains, shuts down, waits, and
// whose end is the last, in every order. A second scope may be opened with the
// context of a task of the first; then a cancellation goes down, and the end of
// the task waits for it.
//
// A process of the model makes one step for each time that the core takes a
// scope's lock, and one for each thing that it does after the unlock. The names
// of the phases, and the functions that move a scope from one to the next, are
// read from the core's source and compared, so the model cannot fall behind
// unseen.
//
// The checker is explore.go, and short. The model is several times as long, since
// it says in a line what the core says in a function: there is nothing in it twice.
// What it leaves out is named in docs/evidence.md.
package protocol
