package traceback_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/supervisorscope/scope/internal/traceback"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte("goroutine 1 [running]:\nmain.main()\n\tmain.go:3 +0x1\n"), run)
	f.Add([]byte("goroutine 1 [select]:\n"+run+"(0xc1, 0x2?)\n\tx.go:1 +0x1\n"), run)
	f.Add(readDump(f, "bubble.txt"), run)
	f.Add(readDump(f, "crash.txt"), "")
	f.Fuzz(func(t *testing.T, dump []byte, marker string) {
		for _, g := range traceback.Parse(dump, marker) {
			checkGoroutine(t, dump, g)
		}
	})
}

func checkGoroutine(t *testing.T, dump []byte, g traceback.Goroutine) {
	t.Helper()
	if g.ID < 0 || g.Minutes < 0 || g.CreatedIn < 0 {
		t.Errorf("a negative number in %+v", g)
	}
	if !bytes.Contains(dump, []byte(g.Text)) || !strings.HasPrefix(g.Text, "goroutine ") {
		t.Errorf("the text is no block of the dump: %q", g.Text)
	}
	if strings.Contains(g.Text, "\n\n") {
		t.Errorf("the text has several blocks: %q", g.Text)
	}
	if !strings.Contains(g.Text, g.Wait) || !strings.Contains(g.Text, g.CreatedBy) {
		t.Errorf("%q or %q is not in the text: %q", g.Wait, g.CreatedBy, g.Text)
	}
}
