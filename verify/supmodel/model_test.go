package supmodel_test

import (
	"flag"
	"os"
	"slices"
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

// A child that is ready at once leaves something behind also if the next one fails,
// and ends all, before the first line of its function.
func TestSupervisor_AsksAChildBeforeItsFirstLine(t *testing.T) {
	try(t, program{
		Children: []op{{}, {D: 1}},           // the second has a Start
		Plans:    []op{{B: 1, D: 4}, {A: 4}}, // leaves something until told; fails
		Yields:   1_000_000,                  // until it is asked
	}, false)
}

// Who waits for a place in a pool does not get that of a child whose end stops the
// pool.
func TestPool_StopsByTheEndThatMakesAPlace(t *testing.T) {
	enter := func(name int) op { return op{Do: add, A: name, B: 1, C: 2} }
	steps := []op{enter(0), enter(1), enter(2), enter(3), enter(4)} // Limit is 4
	for name, p := range map[string]program{
		"escalated": {
			Setup: op{D: 1}, Children: []op{{A: 2}},
			Steps: append(slices.Clone(steps), op{Do: finish, B: 8}),
		},
		"significant": {
			Setup: op{B: 2, D: 1}, Children: []op{{A: 5}},
			Steps: append(slices.Clone(steps), op{Do: finish, B: 2}),
		},
	} {
		t.Run(name, func(t *testing.T) { try(t, p, true) })
	}
}

// try makes the steps of one program.
func try(t *testing.T, p program, pool bool) {
	t.Helper()
	once(t)
	rapid.Check(t, func(t *rapid.T) {
		rapid.SyncTest(t, func(t *rapid.T) { run(t, p, pool) })
	})
}

// once has the test try no more than one program.
func once(t *testing.T) {
	flags := flag.Lookup("rapid.checks")
	old := flags.Value.String()
	t.Cleanup(func() { _ = flags.Value.Set(old) })
	if err := flags.Value.Set("1"); err != nil {
		t.Fatal(err)
	}
}

// The same programs, drawn from the bytes of native fuzzing.
func FuzzSupervisor(f *testing.F) { f.Fuzz(rapid.MakeFuzz(property(false))) }

func FuzzPool(f *testing.F) { f.Fuzz(rapid.MakeFuzz(property(true))) }
