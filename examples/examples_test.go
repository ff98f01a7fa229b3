// Package examples_test runs the small examples as their readers would.
package examples_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// outputOf runs an example and returns what it prints.
func outputOf(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("go", "run", "./"+dir).CombinedOutput()
	if err != nil {
		t.Fatalf("go run ./%s: %v\n%s", dir, err, out)
	}
	return string(out)
}

func TestHello_PrintsWhatTheReadmeShows(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if out := outputOf(t, "hello"); !strings.Contains(string(readme), "```text\n"+out+"```") {
		t.Errorf("the README does not show the output of examples/hello:\n%s", out)
	}
}

func TestAccept_NamesTheConnectionThatIsLeft(t *testing.T) {
	want := regexp.MustCompile(`^scope "server": context deadline exceeded; still running: 1: ` +
		`"server/conn" \(.*, started at \S+/examples/accept/main.go:43, ` +
		`in IO wait at \S+/examples/accept/main.go:51\)\n<nil>\n$`)
	if out := outputOf(t, "accept"); !want.MatchString(out) {
		t.Errorf("examples/accept prints\n%s\nwant a match of\n%s", out, want)
	}
}
