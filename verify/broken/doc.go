// Package broken holds variants of the core with one thing wrong, each a mistake
// that a library of this kind has made. Its tests build the checks of this
// module with a variant and see them fail.
package broken
