package gather

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
)

// A taskName is what the tasks of one function are called.
type taskName string

// nameOf returns the name of a function, without its import path, as the core
// names tasks that were given no name.
func nameOf(f any) taskName {
	name := runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name()
	return taskName(name[strings.LastIndexByte(name, '/')+1:])
}

// at returns the name of the task for the i-th function or input.
func (n taskName) at(i int) string { return string(n) + "[" + strconv.Itoa(i) + "]" }
