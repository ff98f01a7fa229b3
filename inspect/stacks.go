package inspect

import (
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/internal/traceback"
)

const (
	modulePath   = "github.com/supervisorscope/scope/"
	scopePackage = "github.com/supervisorscope/scope."
)

// taskFrames returns the functions of package scope that name what a goroutine
// runs: what calls a task's function, and what ends the task; and a task or body on
// its caller's goroutine.
func taskFrames() []string {
	const task = scopePackage + "(*Task)."
	return []string{task + "run", task + "exit", task + "inline"}
}

// maxStackBytes is where package traceback cuts off.
const maxStackBytes = 64 << 20

func printStacks() (dump []byte, took time.Duration) {
	began := time.Now()
	dump = traceback.All()
	return dump, time.Since(began)
}

// addresses finds what was walked by where it lies in memory.
type addresses struct {
	tasks  map[uintptr]int
	scopes []scopeAt // a body lies within its scope
}

type scopeAt struct {
	from, to uintptr
	index    int
}

func (w *walker) addresses() *addresses {
	a := &addresses{tasks: make(map[uintptr]int, len(w.found))}
	size := reflect.TypeFor[scope.Scope]().Size()
	for i, found := range w.found {
		if found.task != nil {
			a.tasks[reflect.ValueOf(found.task).Pointer()] = i
			continue
		}
		from := reflect.ValueOf(found.scope).Pointer()
		a.scopes = append(a.scopes, scopeAt{from: from, to: from + size, index: i})
	}
	a.sort()
	return a
}

// join hangs each goroutine of dump at the task or scope that it runs, strays at
// whose they are, and counts.
func (w *walker) join(dump []byte) *Goroutines {
	known := w.addresses()
	parsed := traceback.Parse(dump, taskFrames()...)
	count := &Goroutines{Total: len(parsed)}
	owner := map[int64]int{} // by goroutine, the innermost origin that it runs
	loose := map[int64]int{} // index in parsed of those that run none
	reader := newStackReader()
	for i, g := range parsed {
		if len(g.Receivers) > 0 {
			count.Tasks++
		} else {
			loose[g.ID] = i
		}
		for _, r := range g.Receivers {
			at, ok := known.find(r)
			if !ok {
				continue // it began after the walk
			}
			if _, inner := owner[g.ID]; !inner {
				owner[g.ID] = at
				w.found[at].waitsFor = known.waits(g.Text)
			}
			w.found[at].goroutine = reader.read(g)
		}
	}
	count.Strays = w.addStrays(parsed, owner, loose, reader)
	count.Others = count.Total - count.Tasks - count.Strays
	return count
}

// addStrays hangs the loose goroutines at the owners of those that started them,
// directly or through others that are loose, and returns how many there are. A
// goroutine whose creator has ended cannot be traced.
func (w *walker) addStrays(
	parsed []traceback.Goroutine, owner map[int64]int, loose map[int64]int, reader *stackReader,
) int {
	strays := 0
	for _, g := range parsed {
		if _, isLoose := loose[g.ID]; !isLoose {
			continue
		}
		creator := g.CreatedIn
		for range parsed { // a bound: a forged traceback could lead in a circle
			i, isLoose := loose[creator]
			if !isLoose {
				break
			}
			creator = parsed[i].CreatedIn
		}
		if at, ok := owner[creator]; ok {
			w.found[at].strays = append(w.found[at].strays, *reader.read(g))
			strays++
		}
	}
	return strays
}

// A stackReader reads the text of goroutines. Thousands are in the same calls:
// it keeps one copy of each string.
type stackReader struct {
	std     string
	strings map[string]string
}

func newStackReader() *stackReader {
	return &stackReader{std: stdDir(), strings: map[string]string{}}
}

func (r *stackReader) intern(text string) string {
	if known, ok := r.strings[text]; ok {
		return known
	}
	text = strings.Clone(text)
	r.strings[text] = text
	return text
}

func (r *stackReader) read(g traceback.Goroutine) *Goroutine {
	read := &Goroutine{
		ID: g.ID, Wait: r.intern(g.Wait), Minutes: g.Minutes, CreatedBy: r.intern(g.CreatedBy),
	}
	_, rest, _ := strings.Cut(g.Text, "\n")
	for rest != "" {
		call, after, _ := strings.Cut(rest, "\n")
		if strings.HasPrefix(call, "created by ") {
			break
		}
		place, next, whole := strings.Cut(after, "\n")
		frame, ok := r.frame(call, place)
		if !whole || !ok {
			rest = after // that was "...additional frames elided...", or the cut-off end
			continue
		}
		read.Frames = append(read.Frames, frame)
		rest = next
	}
	if r.isJoin(read.Frames) {
		read.Wait = waitsForTasks
		return read
	}
	read.At = r.at(read.Frames)
	return read
}

// at returns the innermost line of the user's own code; if there is none, that of
// this module; if there is none either, "".
func (r *stackReader) at(frames []Frame) string {
	ours := ""
	for _, f := range frames {
		place := f.File + ":" + strconv.Itoa(f.Line)
		switch {
		case r.isStd(f) || strings.HasPrefix(f.Func, scopePackage):
		case !isOurs(f):
			return r.intern(place)
		case ours == "":
			ours = place
		}
	}
	return r.intern(ours)
}

// isOurs reports whether f is a call of a package of this module that others are
// built on.
func isOurs(f Frame) bool {
	name, ok := strings.CutPrefix(f.Func, modulePath)
	name, _, _ = strings.Cut(name, ".")
	return ok && slices.Contains(
		[]string{"inspect", "internal/traceback", "process", "supervisor"}, name)
}

// frame reads the two lines of a call:
//
//	main.(*server).handle(0xc000123080, {0x6b2f60, 0xc00001e0a0})
//		/src/server.go:88 +0x1f
func (r *stackReader) frame(call, place string) (Frame, bool) {
	place, ok := strings.CutPrefix(place, "\t")
	if !ok {
		return Frame{}, false
	}
	place, _, _ = strings.Cut(place, " ")
	colon := strings.LastIndexByte(place, ':')
	line, err := strconv.Atoi(place[colon+1:])
	if colon < 0 || err != nil {
		return Frame{}, false
	}
	if open := strings.LastIndexByte(call, '('); open > 0 && strings.HasSuffix(call, ")") {
		call = call[:open]
	}
	return Frame{Func: r.intern(call), File: r.intern(place[:colon]), Line: line}, true
}

// isStd reports whether f is of the standard library.
func (r *stackReader) isStd(f Frame) bool {
	if r.std != "" {
		return strings.HasPrefix(f.File, r.std)
	}
	// Built with -trimpath: files begin with the import path, which in the
	// standard library has no dot in its first element.
	first, _, _ := strings.Cut(f.File, "/")
	return !strings.Contains(first, ".")
}

// stdDir returns the directory of the standard library's sources as tracebacks
// show it, or "" in a program built with -trimpath.
func stdDir() string {
	f := runtime.FuncForPC(reflect.ValueOf(runtime.Stack).Pointer())
	file, _ := f.FileLine(f.Entry())
	dir, _, _ := strings.Cut(file, "runtime/")
	return dir
}
