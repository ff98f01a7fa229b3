// Package traceback reads the text that runtime.Stack prints.
//
// A goroutine cannot be asked what it is waiting for, but a traceback tells:
// its header carries the wait reason, and each frame that was not inlined
// prints its arguments, a method's receiver first. So a pointer receiver that
// stays live in a known frame names the object whose method the goroutine is
// running, and costs nothing until somebody looks.
//
// [All] and [Current] capture such a text; [Parse] is a pure function of it.
// The format is not part of Go's compatibility promise. It is that of the
// functions goroutineheader, traceback2 and printcreatedby in
// runtime/traceback.go of Go 1.26, and live tests pin what is used of it.
package traceback
