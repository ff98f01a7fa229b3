//go:build linux || darwin

package process

// Internal, because from outside nobody can tell when the group is gone.

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// finished returns a stream to sink whose group is gone, while somebody else
// still holds the process's end of the pipe.
func finished(t *testing.T, sink io.Writer, output string) *stream {
	t.Helper()
	st, err := openStream("stdout", sink)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStreams([]*stream{st}) })
	if _, err := st.to.WriteString(output); err != nil {
		t.Fatal(err)
	}
	st.finish()
	return st
}

// Guarantee 3, for a sink that was too slow to see it while the group lived.
func TestStream_DeliversWhatTheGroupLeft(t *testing.T) {
	output := strings.Repeat("0123456\n", 8000) + "no newline"
	var sink bytes.Buffer
	st := finished(t, &sink, output)
	if err := st.pump(func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	if sink.String() != output {
		t.Errorf("%d bytes, want %d", sink.Len(), len(output))
	}
}

// echo is a sink that writes what it gets into the pipe again.
type echo struct {
	st    *stream
	bytes int
}

func (e *echo) Write(p []byte) (int, error) {
	e.bytes += len(p)
	return e.st.to.Write(p)
}

func TestStream_IsNotHeldByAWriterThatNeverStops(t *testing.T) {
	sink := new(echo)
	st := finished(t, sink, strings.Repeat("more\n", 1000))
	sink.st = st
	if err := st.pump(func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	if sink.bytes != maxPipe {
		t.Errorf("%d bytes, want %d", sink.bytes, maxPipe)
	}
}
