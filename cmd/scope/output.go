package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// output is what scope and its commands write to.
type output struct {
	stdout, stderr *screen
}

func newOutput(stdout, stderr io.Writer) *output {
	return &output{
		stdout: &screen{w: stdout, colour: wantsColour(stdout)},
		stderr: &screen{w: stderr, colour: wantsColour(stderr)},
	}
}

// tellf writes a line of scope's own.
func (o *output) tellf(format string, args ...any) {
	// There is nobody to tell that nobody can be told.
	_, _ = fmt.Fprintf(o.stderr, "scope: "+format+"\n", args...)
}

// misused tells that the verb, or scope itself if that is "", was called wrongly,
// and returns the exit status.
func (o *output) misused(verb string, err error) int {
	command := "scope"
	if verb != "" {
		command += " " + verb
	}
	o.tellf("%v; try %s --help", err, command)
	return statusUsage
}

// screen is a writer that many write to. Each Write stays in one piece.
type screen struct {
	colour bool

	mu sync.Mutex
	w  io.Writer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// wantsColour reports whether w is a terminal whose user has not asked for
// plain text. Source: https://no-color.org
func wantsColour(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(file.Fd()))
}

// prefix returns what stands in front of the lines of the i-th command.
func prefix(name string, width, i int, colour bool) string {
	text := fmt.Sprintf("%-*s |", width, name)
	if colour {
		// In ANSI's numbers: what can be read on dark and on light ground.
		colours := [...]int{36, 33, 32, 35, 34, 31}
		text = fmt.Sprintf("\x1b[%dm%s\x1b[0m", colours[i%len(colours)], text)
	}
	return text + " "
}

// prefixer is the sink of one stream of one command. Like every sink it is
// written by one goroutine.
type prefixer struct {
	prefix string
	to     io.Writer
	buf    []byte // for one Write, kept for its capacity
}

// Write writes the lines in p with the prefix, in one Write. A last line
// without a newline gets one: the next line may be another command's.
func (x *prefixer) Write(p []byte) (int, error) {
	x.buf = appendPrefixed(x.buf[:0], x.prefix, p)
	if _, err := x.to.Write(x.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func appendPrefixed(dst []byte, prefix string, lines []byte) []byte {
	for line := range bytes.Lines(lines) {
		dst = append(dst, prefix...)
		dst = append(dst, line...)
	}
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		dst = append(dst, '\n')
	}
	return dst
}
