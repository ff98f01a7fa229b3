package model_test

import (
	"fmt"

	"pgregory.net/rapid"
)

// An op is one step of a program. What A, B, C and D choose depends on the step;
// each is taken modulo what there is to choose from, so every program makes
// sense and stays sensible when rapid cuts pieces out of it.
type op struct {
	Do         verb
	A, B, C, D int
}

type verb int

const (
	spawn    verb = iota
	spawnToo      // more often than the rest
	finish
	finishToo
	open
	enter
	cancelTask
	cancelScope
	drain
	shutdown
	wait
	advance
	ready
	deferred
	waitInside
	cancelRoot
	fetch
	doTask
	derive
	deriveToo
	cancelDerived
	verbs
)

var verbNames = [...]string{
	"spawn", "spawn", "finish", "finish", "open", "enter", "cancelTask", "cancelScope", "drain",
	"shutdown", "wait", "advance", "ready", "deferred", "waitInside", "cancelRoot", "fetch",
	"do", "derive", "derive", "cancelDerived",
}

func (o op) String() string {
	return fmt.Sprintf("%s(%d,%d,%d,%d)", verbNames[o.Do], o.A, o.B, o.C, o.D)
}

const choices = 60 // divisible by most of what is chosen from

func genOp() *rapid.Generator[op] {
	return rapid.Custom(func(t *rapid.T) op {
		n := rapid.IntRange(0, choices-1)
		return op{
			Do: verb(rapid.IntRange(0, int(verbs)-1).Draw(t, "do")),
			A:  n.Draw(t, "a"), B: n.Draw(t, "b"), C: n.Draw(t, "c"), D: n.Draw(t, "d"),
		}
	})
}

// GoString keeps what rapid prints short.
func (o op) GoString() string { return o.String() }

// A slice has some six elements, whatever its longest: so this is one of slices.
func genProgram() *rapid.Generator[[][]op] {
	return rapid.SliceOfN(rapid.SliceOfN(genOp(), 1, 10), 1, 10)
}
