package scope

import (
	"fmt"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/supervisorscope/scope/internal/traceback"
)

// A StragglersError says that a scope did not end in time, and which tasks are
// left. The scope goes on waiting for them; nothing is abandoned.
type StragglersError struct {
	// Scope is the scope's name or path.
	Scope string
	// Err is why the waiting ended: the cause of the caller's context, such as
	// context.DeadlineExceeded. Unwrap returns it.
	Err error
	// Tasks are the tasks that are left, those of nested scopes included, a
	// parent before its children, oldest first. It may be empty if the last one
	// ended while it was looked at.
	Tasks []Straggler
}

// A Straggler is a task that still runs although it was asked to end, or, after
// a drain, although its time is up.
type Straggler struct {
	Task TaskInfo
	// Goroutine is the number of its goroutine; 0, and what follows is empty, if
	// that has not had its first turn yet.
	Goroutine int64
	// Wait is what the goroutine waits for, in the runtime's words, such as
	// "chan receive" or "running", and Minutes for how long, in whole minutes.
	Wait    string
	Minutes int
	// At is the line it is blocked in: the innermost one that is not in the
	// standard library, as "/path/file.go:42".
	At string
	// Stack is the goroutine's traceback.
	Stack string
}

// maxNamed bounds how many stragglers the text of the error names.
const maxNamed = 10

// Error names the tasks, each with its age, where it was started and the line
// it is blocked in; at most ten.
func (e *StragglersError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "scope %q: %v; still running: %d", e.Scope, e.Err, len(e.Tasks))
	sep := ": "
	for i, t := range e.Tasks {
		if i == maxNamed {
			fmt.Fprintf(&b, "; and %d more", len(e.Tasks)-i)
			break
		}
		b.WriteString(sep + t.line())
		sep = "; "
	}
	return b.String()
}

func (t *Straggler) line() string {
	text := fmt.Sprintf("%q (%s, started at %s", t.Task.Path,
		t.Task.Age.Round(time.Millisecond), t.Task.Site)
	if t.Wait != "" {
		text += ", in " + t.Wait
	}
	if t.At != "" {
		text += " at " + t.At
	}
	return text + ")"
}

// Unwrap returns e.Err.
func (e *StragglersError) Unwrap() error { return e.Err }

// Format writes the error; with %+v also the stack of each task.
func (e *StragglersError) Format(w fmt.State, verb rune) {
	var text strings.Builder
	text.WriteString(e.Error())
	if verb == 'v' && w.Flag('+') {
		for _, t := range e.Tasks {
			fmt.Fprintf(&text, "\n\n%s\n%s", t.line(), strings.TrimSpace(t.Stack))
		}
	}
	fmt.Fprintf(w, directive(verb), text.String())
}

// stragglers returns the error for a wait that ended with err.
func (s *Scope) stragglers(err error) *StragglersError {
	raceJoin(unsafe.Pointer(s)) // what has ended was waited for
	e := &StragglersError{Scope: s.label(), Err: err}
	tasks := s.liveBelow(nil)
	if len(tasks) == 0 {
		return e
	}
	stacks := map[uintptr]traceback.Goroutine{}
	for _, g := range traceback.Parse(traceback.All(), taskFrames()...) {
		for _, r := range g.Receivers {
			stacks[r] = g
		}
	}
	for _, t := range tasks {
		g, found := stacks[uintptr(unsafe.Pointer(t))]
		if !found && t.result() != outcomeNone {
			continue // it ended in the meantime
		}
		e.Tasks = append(e.Tasks, Straggler{
			Task: t.Info(), Goroutine: g.ID, Wait: g.Wait, Minutes: g.Minutes,
			At: userLine(g.Text), Stack: g.Text,
		})
	}
	return e
}

// liveBelow appends the live tasks of s and of the scopes nested in it.
func (s *Scope) liveBelow(tasks []*Task) []*Task {
	for _, n := range s.nestedOf(&s.body) {
		tasks = n.liveBelow(tasks)
	}
	s.eachTask(func(t *Task) {
		if t.result() != outcomeNone {
			return
		}
		tasks = append(tasks, t)
		for _, n := range s.nestedOf(t) {
			tasks = n.liveBelow(tasks)
		}
	})
	return tasks
}

// reportStragglers is what the option Grace asks for.
func (s *Scope) reportStragglers() {
	if !s.hold() {
		return
	}
	e := s.stragglers(fmt.Errorf("grace of %v is over", s.setup.grace))
	if len(e.Tasks) > 0 {
		s.report(s.body.failure(e))
		if o := s.reports.watcher(); o != nil {
			o.straggling(s, e)
		}
	}
	s.performRelease()
}

// userLine returns the innermost line of a traceback that is not in the
// standard library, nor in this package.
func userLine(text string) string {
	std := stdDir()
	lines := strings.Split(text, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		file, ok := strings.CutPrefix(lines[i+1], "\t")
		if !ok || strings.HasPrefix(lines[i], "created by ") {
			break
		}
		file, _, _ = strings.Cut(file, " ")
		if !inStd(file, std) && !strings.HasPrefix(lines[i], "github.com/supervisorscope/scope.") {
			return file
		}
	}
	return ""
}

// stdDir returns the directory of the standard library's sources, as it is
// written in tracebacks.
func stdDir() string {
	f := runtime.FuncForPC(entry(runtime.Stack))
	file, _ := f.FileLine(f.Entry())
	dir, _, _ := strings.Cut(file, "runtime/")
	return dir
}

// inStd reports whether file is below dir. In a program built with -trimpath dir
// is empty and files begin with the import path, which in the standard library
// has no dot in its first element.
func inStd(file, dir string) bool {
	if dir != "" {
		return strings.HasPrefix(file, dir)
	}
	first, _, _ := strings.Cut(file, "/")
	return !strings.Contains(first, ".")
}
