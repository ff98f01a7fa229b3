package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"time"
)

// MaxLine is the length of the longest line, in bytes and with its newline,
// that a sink gets in one Write. A longer line reaches it in pieces of this
// size, without a newline between them; nothing is lost.
const MaxLine = 64 << 10

// LineFunc makes a sink of a function that is called once for each line,
// without its newline. A line longer than [MaxLine] gives several calls. The
// line is valid only during the call. An error ends the process; see
// [Spec.Stdout].
type LineFunc func(line []byte) error

// Write calls f for each line in p. It is meant to be called by [Run], which
// never splits a line between two calls but for its length.
func (f LineFunc) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		if err := f(bytes.TrimSuffix(line, []byte{'\n'})); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// stream carries what the process writes from a pipe to a sink.
type stream struct {
	name     string
	sink     io.Writer
	from     *os.File // our end
	to       *os.File // the process's end; closed here once the process has it
	draining bool     // the group is gone, read only what is there; the pump's own
	left     int      // bytes still read when draining; the pump's own
}

// maxPipe is the largest buffer that an unprivileged process can give a pipe.
// Source: pipe(7), /proc/sys/fs/pipe-max-size.
const maxPipe = 1 << 20

// openStreams makes the pipes for the sinks of spec and hands cmd their ends.
func openStreams(spec Spec, cmd *exec.Cmd) (streams []*stream, err error) {
	defer func() {
		if err != nil {
			closeStreams(streams)
		}
	}()
	if spec.Stdout != nil {
		out, err := openStream("stdout", spec.Stdout)
		if err != nil {
			return streams, err
		}
		streams = append(streams, out)
		cmd.Stdout = out.to
	}
	switch {
	case spec.Stderr == nil:
	case same(spec.Stdout, spec.Stderr):
		cmd.Stderr = cmd.Stdout
	default:
		errOut, err := openStream("stderr", spec.Stderr)
		if err != nil {
			return streams, err
		}
		streams = append(streams, errOut)
		cmd.Stderr = errOut.to
	}
	return streams, nil
}

func openStream(name string, sink io.Writer) (*stream, error) {
	from, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &stream{name: name, sink: sink, from: from, to: to, left: maxPipe}, nil
}

// same reports whether a and b are one sink.
func same(a, b io.Writer) bool {
	return a != nil && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

func closeStreams(streams []*stream) {
	for _, st := range streams {
		_ = st.from.Close() // a pipe has nothing to flush: no error can matter
		_ = st.to.Close()
	}
}

// pump writes whole lines to the sink until the pipe ends or, once finish has
// been called, is empty. When the sink fails, pump calls failed once and reads
// on, so that the process does not block before it has been asked to end.
func (st *stream) pump(failed func(error)) error {
	buf := make([]byte, 0, MaxLine)
	for {
		held := len(buf)
		n, readErr := st.read(buf[held:cap(buf)])
		buf = buf[:held+n]

		ripe := 0
		if i := bytes.LastIndexByte(buf[held:], '\n'); i >= 0 {
			ripe = held + i + 1
		}
		if readErr != nil || ripe == 0 && len(buf) == cap(buf) {
			ripe = len(buf)
		}
		if err := st.write(buf[:ripe]); err != nil {
			failed(fmt.Errorf("write its %s: %w", st.name, err))
			st.sink = nil
		}
		buf = append(buf[:0], buf[ripe:]...)

		switch {
		case errors.Is(readErr, io.EOF):
			return nil
		case readErr != nil:
			return fmt.Errorf("read its %s: %w", st.name, readErr)
		}
	}
}

func (st *stream) write(p []byte) error {
	if len(p) == 0 || st.sink == nil {
		return nil
	}
	n, err := st.sink.Write(p)
	if err == nil && n < len(p) {
		return io.ErrShortWrite
	}
	return err
}

// finish tells the pump that the group is gone. What it wrote is in the pipe
// now, so the pump reads what is there and no more: the pipe may stay open for
// ever in the hands of a process that left the group. (Package os/exec waits
// for WaitDelay here, because it cannot know that the writers are gone; that
// would lose output to a slow sink.)
func (st *stream) finish() {
	// Pipes have deadlines on the systems we run on.
	_ = st.from.SetReadDeadline(time.Unix(1, 0))
}

func (st *stream) read(p []byte) (int, error) {
	if !st.draining {
		n, err := st.from.Read(p)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		st.draining = true
		if err := st.from.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
	n, err := readNow(st.from, p[:min(len(p), st.left)])
	st.left -= n
	return n, err
}
