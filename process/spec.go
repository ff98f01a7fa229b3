package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// DefaultGrace is the time between the stop signal and SIGKILL for a [Spec]
// that sets none.
const DefaultGrace = 10 * time.Second

// Spec describes a process. It is data: [Run] does not change it, and one Spec
// may be run many times, also at once if its sinks allow that.
type Spec struct {
	// Name is what errors call the process. Optional; zero means the base
	// name of the command.
	Name string

	// Args is the command and its arguments. A command without a slash is
	// looked up in the PATH of this program, whatever Env says; a relative
	// one with a slash is relative to Dir. No shell is involved. Required.
	Args []string

	// Dir is the working directory. Optional; zero means that of this
	// program.
	Dir string

	// Env is the environment, "key=value" each; of two entries for a key the
	// later one counts. Optional; nil means that of this program.
	Env []string

	// Stdin is the standard input. Optional; nil means the null device. It is
	// a file and not a reader because a read cannot be taken back: copying
	// from a reader could outlive the process. A terminal will not do: the
	// process is in a background group and is stopped when it reads from one.
	Stdin *os.File

	// Stdout and Stderr are the sinks for what the process writes. Optional;
	// nil means that it is thrown away.
	//
	// Each Write gets one or more whole lines, as the process wrote them. It
	// ends without a newline only where the output does, or inside a line
	// longer than MaxLine. [LineFunc] makes a sink of a function.
	//
	// Stdout and Stderr are written by two goroutines, unless both are the
	// same comparable value: then the process has one stream, in the order of
	// its writes. A sink shared with other processes must be safe for
	// concurrent use. Run returns only after the last Write, so a sink that
	// blocks for ever blocks Run. A sink that returns an error gets no more
	// and makes Run stop the process and return that error.
	Stdout, Stderr io.Writer

	// Started is called once when the process has been started, with its
	// number, by a task of its own: it holds nobody up, but Run waits for it.
	// That is not readiness: the process may have ended again. Optional.
	Started func(pid int)

	// StopSignal asks the group to end. Optional; zero means SIGTERM. With
	// SIGKILL nobody is asked and there is no grace.
	StopSignal syscall.Signal

	// Grace is the time between the stop signal and SIGKILL. It is also what
	// the rest of the group gets when the process itself has ended. Optional;
	// zero means DefaultGrace, negative means none: SIGKILL at once.
	Grace time.Duration

	// Kill, once closed, ends the grace: a group that has been asked is killed
	// at once. It does not stop a process that nobody has asked. Optional; nil
	// means that every process gets its whole grace.
	Kill <-chan struct{}
}

// Check reports whether the process could be started, as far as that can be
// known without starting it. [Run] does the same first.
//
// The error is a [*StartError]. It is matched by [exec.ErrNotFound] or
// [fs.ErrNotExist] if there is no such command, by [fs.ErrPermission] if it may
// not be executed, by [syscall.EISDIR] if it is a directory, and by
// [errors.ErrUnsupported] on a system without process groups.
func (s Spec) Check() error {
	_, err := s.resolve()
	return err
}

// resolve returns s with its defaults filled in and its command looked up.
func (s Spec) resolve() (command, error) {
	if len(s.Args) == 0 || s.Args[0] == "" {
		return command{}, &StartError{Name: s.Name, Err: errors.New("no command; set Spec.Args")}
	}
	if s.Name == "" {
		s.Name = filepath.Base(s.Args[0])
	}
	if s.StopSignal == 0 {
		s.StopSignal = syscall.SIGTERM
	}
	if s.Grace < 0 {
		s.StopSignal = syscall.SIGKILL
	}
	if s.Grace == 0 {
		s.Grace = DefaultGrace
	}
	if err := supported(); err != nil {
		return command{}, &StartError{Name: s.Name, Err: err}
	}
	path, err := s.lookUp()
	if err != nil {
		return command{}, &StartError{Name: s.Name, Err: err}
	}
	return command{Spec: s, path: path}, nil
}

// lookUp finds the file to execute.
func (s Spec) lookUp() (string, error) {
	if s.Dir != "" {
		// The system's own error for a missing directory reads as if the
		// command were missing.
		info, err := os.Stat(s.Dir)
		if err != nil {
			return "", fmt.Errorf("working directory: %w", err)
		}
		if !info.IsDir() {
			return "", fmt.Errorf("working directory %q: %w", s.Dir, syscall.ENOTDIR)
		}
	}
	name := s.Args[0]
	if strings.ContainsRune(name, filepath.Separator) && !filepath.IsAbs(name) {
		path := name
		if s.Dir != "" { // not filepath.Join, which makes ./web of . and web, sought in PATH
			path = s.Dir + string(filepath.Separator) + name
		}
		_, err := exec.LookPath(path)
		return name, err // relative to Dir: the child is there when it executes it
	}
	return exec.LookPath(name)
}

// command is a Spec that has been checked and filled in.
type command struct {
	Spec

	path string // what to execute
}

// cmd returns a fresh command for package os/exec, without its output.
func (c command) cmd() *exec.Cmd {
	cmd := &exec.Cmd{
		Path:        c.path,
		Args:        c.Args,
		Dir:         c.Dir,
		Env:         c.Env,
		SysProcAttr: sysProcAttr(),
	}
	if c.Stdin != nil { // a nil *os.File in the interface would not mean "none"
		cmd.Stdin = c.Stdin
	}
	return cmd
}
