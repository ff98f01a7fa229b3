package model_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// checks is how many programs are tried without a flag. One of some 35 steps
// costs a millisecond; rapid's own default is 100.
const checks = "8000"

// TestMain keeps the last resort, to which handlers that panic lead, off the
// screen.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	flag.Parse() // what is given on the command line comes after
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	os.Stderr = null // it is where the core writes
	os.Exit(m.Run())
}

func property(t *rapid.T) {
	program := slices.Concat(genProgram().Draw(t, "program")...)
	rapid.SyncTest(t, func(t *rapid.T) { run(t, program) })
}

// A program of random steps looks, after each, as the model says.
func TestModel(t *testing.T) { rapid.Check(t, property) }

// The same programs, drawn from the bytes of native fuzzing.
func FuzzModel(f *testing.F) { f.Fuzz(rapid.MakeFuzz(property)) }
