package leak_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/verify/internal/leak"
)

func planted(ch <-chan int, started chan<- struct{}) {
	close(started)
	<-ch
}

// A leak that was planted is found: the control for all tests that find none.
func TestProfile_findsAPlantedLeak(t *testing.T) {
	if _, known := leak.Profile(); !known {
		t.Skip("NOT TESTED: built without GOEXPERIMENT=goroutineleakprofile; nightly.sh has it")
	}
	started := make(chan struct{})
	go planted(make(chan int), started)
	<-started
	for range 100 {
		runtime.Gosched() // into its channel
	}
	if text, _ := leak.Profile(); !strings.Contains(text, "leak_test.planted") {
		t.Errorf("the profile lacks the planted leak:\n%s", text)
	}
}
