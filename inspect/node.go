package inspect

import (
	"errors"
	"path"
	"slices"

	"github.com/supervisorscope/scope"
)

// The states that Node has of its own making, or decides on.
const (
	stateRunning    = "running"
	stateCancelling = "cancelling"
	stateFailed     = "failed"
	statePanicked   = "panicked"
)

// isOver reports whether state is one of those that a scope or a task ends in.
func isOver(state string) bool {
	ends := []string{"ok", stateFailed, statePanicked, "cancelled", "refused", "ended"}
	return slices.Contains(ends, state)
}

func scopeNode(info scope.ScopeInfo) Node {
	counts := Counts(info.Counts)
	n := Node{
		ID: info.ID, Path: info.Path, Name: info.Name, Kind: kindScope, State: info.State,
		Site: info.Site, Started: info.Opened, Age: info.Age, Causes: causes(info.Cause),
		Policy: info.Policy, Limit: info.Limit, Counts: &counts,
	}
	if info.Cause != nil && !isOver(n.State) {
		n.State = stateCancelling
	}
	if n.Name == "" && path.Dir(n.Path) == "." {
		n.Name = n.Path // a root without a name has that of its function
	}
	return n
}

func taskNode(info scope.TaskInfo) Node {
	n := Node{
		ID: info.ID, Path: info.Path, Name: info.Name, Kind: info.Kind, State: info.State,
		Site: info.Site, Started: info.Started, Age: info.Age, Causes: causes(info.Cause),
	}
	if info.Detail != nil {
		var state string
		n.Detail, n.Note, state = describeDetail(info.Detail)
		if state != "" && n.State == stateRunning {
			n.State = state
		}
	}
	return n
}

// maxCauses bounds a chain. Errors could be wrapped in a circle.
const maxCauses = 16

// causes follows err to the first failure: through the failure of a task to
// what that wraps, if it is a task's failure again, and to why that task had
// been cancelled.
func causes(err error) []Cause {
	var chain []Cause
	for err != nil && len(chain) < maxCauses {
		f, ok := errors.AsType[*scope.Failure](err)
		if !ok {
			return append(chain, Cause{Text: errorText(err)})
		}
		chain = append(chain, Cause{
			Text: errorText(f.Err), Task: f.Task.Path, ID: f.Task.ID, Site: f.Task.Site,
		})
		if _, again := errors.AsType[*scope.Failure](f.Err); again {
			err = f.Err
		} else {
			err = f.Cause
		}
	}
	return chain
}
