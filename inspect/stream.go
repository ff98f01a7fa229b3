package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

const (
	// streamInterval is the time between two looks, if a look is cheap. One
	// that takes long is taken seldom, so that a stream uses a twentieth of a
	// processor at most.
	streamInterval  = time.Second
	streamFraction  = 20
	streamPerScope  = 20_000
	streamKeepAlive = 15 * time.Second
)

// A Change is an event of the stream: what is different from the event before.
// The first one is all there is.
type Change struct {
	Program Program   `json:"program"`
	Taken   time.Time `json:"taken"`
	Cost    Cost      `json:"cost"`
	// Nodes are those that are new, or whose state, cause, counts or note have
	// changed. That a node grows older is no change.
	Nodes []Node `json:"nodes"`
	// Ended are those of the events before that live no more.
	Ended []Ended `json:"ended,omitempty"`
}

// Ended is how a node ended.
type Ended struct {
	ID    string `json:"id"`
	State string `json:"state"` // ok, failed, panicked, cancelled; ended for a scope
	Err   string `json:"err,omitempty"`
}

// serveEvents sends a Change whenever there is one. Each stream looks for itself:
// nothing is kept when nobody watches.
func (s *server) serveEvents(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "inspect: too many watch already", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	// A stream outlives the server's write timeout.
	_ = control.SetWriteDeadline(time.Time{})
	if r.Method == http.MethodHead {
		return
	}
	f := &follower{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := time.Now()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
		}
		change := f.next()
		var err error
		switch {
		case change != nil:
			err = writeEvent(w, change)
			last = time.Now()
		case time.Since(last) > streamKeepAlive:
			_, err = fmt.Fprint(w, ": nothing new\n\n")
			last = time.Now()
		}
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			return // the reader has gone
		}
		timer.Reset(max(streamInterval, streamFraction*f.cost))
	}
}

func writeEvent(w http.ResponseWriter, c *Change) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "data: %s\n\n", data)
	return err
}

// A follower tells what has changed from look to look.
type follower struct {
	known map[string]followed
	cost  time.Duration
}

type followed struct {
	origin

	node Node
}

// next returns what has changed since the last call, or nil.
func (f *follower) next() *Change {
	origins, snap := take(Options{PerScope: streamPerScope})
	c := &Change{
		Program: snap.Program, Taken: snap.Taken, Cost: snap.Cost, Nodes: []Node{},
	}
	first := f.known == nil
	now := make(map[string]followed, len(snap.Nodes))
	for i, n := range snap.Nodes {
		old, ok := f.known[n.ID]
		if !ok || !old.node.looksLike(&n) {
			c.Nodes = append(c.Nodes, n)
		}
		now[n.ID] = followed{origin: origins[i], node: n}
		delete(f.known, n.ID)
	}
	for _, gone := range f.known {
		c.Ended = append(c.Ended, gone.end())
	}
	f.known = now
	f.cost = time.Since(snap.Taken)
	if !first && len(c.Nodes) == 0 && len(c.Ended) == 0 {
		return nil
	}
	return c
}

// end returns how a node ended that is not seen any more. It may be one that was
// left out because there are so many.
func (f *followed) end() Ended {
	e := Ended{ID: f.node.ID}
	if f.scope != nil {
		e.State = "ended"
		return e
	}
	info := f.task.Info()
	e.State = info.State
	if info.Err != nil {
		e.Err = failureText(info.Err)
	}
	return e
}

// looksLike reports whether n and other are shown alike, their age aside. All
// that is not compared never changes.
func (n *Node) looksLike(other *Node) bool {
	return n.State == other.State && n.Parent == other.Parent && n.Note == other.Note &&
		n.LeftOut == other.LeftOut && len(n.Causes) == len(other.Causes) &&
		bytes.Equal(n.Detail, other.Detail) &&
		(n.Counts == nil || other.Counts == nil || *n.Counts == *other.Counts)
}
