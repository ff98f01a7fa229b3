package inspect

import (
	"errors"
	"path"

	"github.com/supervisorscope/scope"
)

func scopeNode(info scope.ScopeInfo) Node {
	counts := Counts(info.Counts)
	n := Node{
		ID: info.ID, Path: info.Path, Name: info.Name, Kind: kindScope, State: info.State,
		Site: info.Site, Started: info.Opened, Age: info.Age, Causes: causes(info.Cause),
		Cancelled: info.Cancelled, Policy: info.Policy, Limit: info.Limit, Counts: &counts,
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
		Cancelled: info.Cancelled,
	}
	if info.Detail != nil {
		n.tell(info.Detail)
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
