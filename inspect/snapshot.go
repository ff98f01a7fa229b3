package inspect

import (
	"encoding/json"
	"time"
)

// Version is the version of the data: the number in [Snapshot].Version. It grows
// when a field is taken away or changes its meaning; new fields leave it as it
// is, so readers skip what they do not know.
const Version = 1

// A Snapshot is the tree of a program at one moment. It is plain data: nothing
// in it leads back into the program.
type Snapshot struct {
	Version int       `json:"version"`
	Program Program   `json:"program"`
	Taken   time.Time `json:"taken"`
	Cost    Cost      `json:"cost"`
	// Goroutines is nil in a snapshot without stacks.
	Goroutines *Goroutines `json:"goroutines,omitempty"`
	// LeftOut is how many scopes without a parent the reader did not want; see
	// Options.
	LeftOut int `json:"left_out,omitempty"`
	// Nodes are the scopes and tasks that live, a parent before its children
	// and otherwise the oldest first.
	Nodes []Node `json:"nodes"`
}

// A Program says whose tree it is.
type Program struct {
	PID  int    `json:"pid"`
	Name string `json:"name"` // of the executable, without its directory
	Host string `json:"host,omitempty"`
	Go   string `json:"go"` // the version of Go it was built with
}

// Cost is what a snapshot cost the program.
type Cost struct {
	// Walk is how long the tree was walked and copied. Nobody waits for that.
	Walk time.Duration `json:"walk_ns"`
	// Stacks bounds from above how long the world was stopped to print the
	// stacks; 0 without stacks.
	Stacks time.Duration `json:"stacks_ns,omitempty"`
	// StackBytes is the size of what was printed.
	StackBytes int `json:"stack_bytes,omitempty"`
	// Cut says that there was more than can be printed at once, so that stacks
	// are missing.
	Cut bool `json:"cut,omitempty"`
}

// Goroutines counts those of a snapshot with stacks.
type Goroutines struct {
	Total int `json:"total"`
	// Tasks is how many run a task or the body of a scope.
	Tasks int `json:"tasks"`
	// Strays were started with a go statement by one of those, or by a stray.
	Strays int `json:"strays"`
	// Others have to do with no task, as far as can be seen.
	Others int `json:"others"`
}

// A Node is a scope or a task. Fields that say nothing about it are zero, and
// left out of the JSON.
type Node struct {
	// ID is unique in the program and not used again: "3" is a scope, "3.17" its
	// 17th task.
	ID string `json:"id"`
	// Parent is the ID of the task that the scope was opened in, or of the scope
	// if that was in a body, or of the scope that owns the task; empty for a root.
	Parent string `json:"parent,omitempty"`
	// Path leads from the root to the node. It is for people: it need not be
	// unique.
	Path string `json:"path"`
	// Name is the last element of the path. A scope that was given no name has
	// none.
	Name string `json:"name,omitempty"`
	// Kind is scope for a scope, and as in scope.TaskInfo for a task: task,
	// daemon, start, do, async, defer.
	Kind string `json:"kind"`
	// State is one of
	//
	//	open        a scope that takes tasks
	//	starting    a task of Start that is not ready yet
	//	running     a task
	//	draining    a scope that takes no newcomers and waits for its tasks
	//	completing  its own function is over; it waits for what is nested in it
	//	cancelling  it was asked to end
	//	straggling  that was longer ago than its grace; see Options.Grace
	//
	// or, if the detail of a running task has a field named state, that: a
	// supervisor says backoff, parked and so on.
	State string `json:"state"`
	// Site is the line that opened or started it, as "/path/file.go:42".
	Site string `json:"site"`
	// Started is when it was opened or started, and Age how long ago that was.
	Started time.Time     `json:"started"`
	Age     time.Duration `json:"age_ns"`
	// Causes says why it was cancelled: the nearest reason first, the first
	// failure last. Cancelled is when, if that is known.
	Causes    []Cause   `json:"causes,omitempty"`
	Cancelled time.Time `json:"cancelled,omitzero"`
	// LastFailure is the last one of a scope's own tasks, which only a Recorder
	// knows; of a task, the one that its detail tells.
	LastFailure *Failure `json:"last_failure,omitempty"`

	// Policy is fail-fast or supervised; for scopes.
	Policy string `json:"policy,omitempty"`
	// Limit is how many ordinary tasks the scope runs at a time, 0 for any
	// number.
	Limit int `json:"limit,omitempty"`
	// Counts are the numbers of the scope's tasks, all of one moment.
	Counts *Counts `json:"counts,omitempty"`
	// LeftOut is how many live tasks of the scope, and scopes in it, the reader
	// did not want; see Options.
	LeftOut int `json:"left_out,omitempty"`

	// Note is what the task tells of itself (see scope.Describe) in one line,
	// and Detail the same as data of any shape.
	Note   string          `json:"note,omitempty"`
	Detail json.RawMessage `json:"detail,omitempty"`

	// Goroutine is what runs the task, or the body of the scope; nil without
	// stacks, or if there is none.
	Goroutine *Goroutine `json:"goroutine,omitempty"`
	// Strays are goroutines that it started with a go statement, and those that
	// they started.
	Strays []Goroutine `json:"strays,omitempty"`
	// WaitsFor are the IDs of the tasks and scopes whose end it waits for.
	WaitsFor []string `json:"waits_for,omitempty"`
}

// IsScope reports whether n is a scope.
func (n *Node) IsScope() bool { return n.Kind == kindScope }

const kindScope = "scope"

// Counts are the numbers of a scope's tasks, as in scope.Counts: Started is the
// sum of the live ones and of the four ends.
type Counts struct {
	Live      int    `json:"live"`
	Daemons   int    `json:"daemons"`
	Started   uint64 `json:"started"`
	OK        uint64 `json:"ok"`
	Failed    uint64 `json:"failed"`
	Panicked  uint64 `json:"panicked"`
	Cancelled uint64 `json:"cancelled"`
	Refused   uint64 `json:"refused"`
}

// A Cause is a link of the chain that leads from what was cancelled to the first
// failure.
type Cause struct {
	// Text is the error.
	Text string `json:"text"`
	// Task, ID and Site tell of the task whose failure it was; they are empty if
	// the error was not the failure of a task.
	Task string `json:"task,omitempty"`
	ID   string `json:"id,omitempty"`
	Site string `json:"site,omitempty"`
}

// A Failure is how a task ended that is no more.
type Failure struct {
	// Text is the error.
	Text string `json:"text"`
	// Task, ID and Site tell of the task; they are empty if the node tells of
	// itself.
	Task string `json:"task,omitempty"`
	ID   string `json:"id,omitempty"`
	Site string `json:"site,omitempty"`
	// At is when it failed.
	At time.Time `json:"at"`
}

// A Goroutine is where a goroutine was when the stacks were taken.
type Goroutine struct {
	ID int64 `json:"id"`
	// Wait is what it waits for, in the runtime's words: "chan receive". One
	// that does not wait is "running" or "runnable". One that is at the end of
	// scope.Run or Supervise "waits for its tasks".
	Wait string `json:"wait"`
	// Minutes is for how long, in whole minutes.
	Minutes int `json:"minutes,omitempty"`
	// At is the innermost line that is neither of the standard library nor of
	// package scope, as "/path/file.go:42"; "" if it waits for its tasks.
	At string `json:"at,omitempty"`
	// Frames are the calls it is in, the innermost first.
	Frames []Frame `json:"frames,omitempty"`
	// CreatedBy is the function whose go statement started it.
	CreatedBy string `json:"created_by,omitempty"`
}

// A Frame is a call that has not returned.
type Frame struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}
