package measure

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Memory is what a process holds at one moment, after a collection.
type Memory struct {
	Heap     float64 // bytes of live objects
	Resident float64 // bytes of physical memory; zero where it cannot be told
}

// ReadMemory collects garbage, gives free memory back and returns what is left.
func ReadMemory() Memory {
	runtime.GC()
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	resident, _ := residentBytes()
	return Memory{Heap: float64(stats.HeapAlloc), Resident: resident}
}

// residentBytes reads the second field of /proc/self/statm, which is in pages;
// only Linux has it.
func residentBytes() (float64, bool) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0, false
	}
	return pages * float64(os.Getpagesize()), true
}
