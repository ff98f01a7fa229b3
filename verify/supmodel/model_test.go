package supmodel_test

import (
	"flag"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// checks is how many programs are tried without a flag; rapid's own default is
// 100.
const checks = "3000"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	flag.Parse() // what is given on the command line comes after
	os.Exit(m.Run())
}

func property(pool bool) func(t *rapid.T) {
	return func(t *rapid.T) {
		p := genProgram().Draw(t, "program")
		rapid.SyncTest(t, func(t *rapid.T) { run(t, p, pool) })
	}
}

// A supervisor of a random program looks, after each step, as the model says.
func TestSupervisor(t *testing.T) { rapid.Check(t, property(false)) }

// The same for a pool.
func TestPool(t *testing.T) { rapid.Check(t, property(true)) }

// The same programs, drawn from the bytes of native fuzzing.
func FuzzSupervisor(f *testing.F) { f.Fuzz(rapid.MakeFuzz(property(false))) }

func FuzzPool(f *testing.F) { f.Fuzz(rapid.MakeFuzz(property(true))) }
