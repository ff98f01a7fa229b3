// Package linear asks whether what concurrent callers of a scope see can be
// explained by one order in which the calls took effect, each at one moment
// between its call and its return.
package linear
