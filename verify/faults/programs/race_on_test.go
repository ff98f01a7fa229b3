//go:build race

package programs_test

const withRace = true
