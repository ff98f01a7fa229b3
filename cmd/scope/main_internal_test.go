package main

import (
	"os"
	"testing"
)

// TestMain makes the test binary the command itself when a test asks for it. So
// what is driven is what was compiled for the tests, with their race detector
// and coverage. A binary built by the tests would not do: the go command caches
// the result of tests that it believes unchanged, and does not see such a build.
func TestMain(m *testing.M) {
	if os.Getenv("SCOPE_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}
