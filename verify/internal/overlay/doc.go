// Package overlay builds and tests packages of the core with some of its source
// changed, by the flag -overlay of the go command. The files stay as they are.
package overlay
