package traceback

import "runtime"

const (
	minCurrentBytes = 4 << 10
	maxCurrentBytes = 64 << 10
	minAllBytes     = 64 << 10
	maxAllBytes     = 64 << 20
	// bytesPerGoroutine is a generous guess: too small a buffer stops the
	// world a second time.
	bytesPerGoroutine = 1 << 10
)

// All returns the traceback of all goroutines, the calling one first.
//
// It stops the world while it prints, a few microseconds per goroutine, and
// once more whenever the buffer proves too small. The text is cut off at
// 64 MiB.
func All() []byte {
	size := min(max(minAllBytes, runtime.NumGoroutine()*bytesPerGoroutine), maxAllBytes)
	for {
		buf := make([]byte, size)
		n := runtime.Stack(buf, true)
		if n < size || size == maxAllBytes {
			return buf[:n]
		}
		size = min(2*size, maxAllBytes)
	}
}

// Current returns the traceback of the calling goroutine, cut off at 64 KiB.
func Current() []byte {
	for size := minCurrentBytes; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, false); n < size || size == maxCurrentBytes {
			return buf[:n]
		}
	}
}
