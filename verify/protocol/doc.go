// Package protocol explores every state that the end of a scope can go through,
// in small configurations: who spawns, cancels, drains, shuts down, waits, and
// whose end is the last, in every order.
//
// A process of the model makes one step for each time that the core takes the
// scope's lock, and one for each thing that it does after the unlock. The names
// of the phases, and the functions that move a scope from one to the next, are
// read from the core's source and compared, so the model cannot fall behind
// unseen.
package protocol
