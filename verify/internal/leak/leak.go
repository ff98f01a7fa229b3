package leak

import (
	"fmt"
	"io"
	"runtime/pprof"
	"strings"
	"testing"
)

// Main runs the tests and then fails if one of them has left a goroutine that
// nothing can wake. It returns the exit code.
func Main(m *testing.M, out io.Writer) int {
	code := m.Run()
	profile, known := Profile()
	if known && strings.Contains(profile, " @ ") {
		_, _ = fmt.Fprintf(out, "goroutines leaked by the tests:\n%s", profile)
		return max(code, 1)
	}
	return code
}

// Profile returns the profile as text, and whether this build has one.
func Profile() (text string, known bool) {
	profile := pprof.Lookup("goroutineleak")
	if profile == nil {
		return "", false
	}
	var b strings.Builder
	if err := profile.WriteTo(&b, 1); err != nil {
		return err.Error(), true
	}
	return b.String(), true
}
