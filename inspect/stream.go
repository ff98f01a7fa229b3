package inspect

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/supervisorscope/scope"
)

const (
	// streamInterval is the time between two looks, if a look is cheap. One
	// that takes long is taken more seldom, so that a stream uses a twentieth
	// of a processor, up to streamSeldom: a picture that is older is of no use.
	streamInterval  = time.Second
	streamSeldom    = 5 * time.Second
	streamFraction  = 20
	streamKeepAlive = 15 * time.Second

	// streamMax is how many nodes a stream follows, and streamPart how many it
	// sends at a time: neither the program nor the reader needs to have the
	// text of all of them at once.
	streamMax  = 200_000
	streamPart = 2_000
)

// A Change is an event of the stream: what is different from the event before.
// The first one is all there is.
type Change struct {
	Program Program   `json:"program"`
	Taken   time.Time `json:"taken"`
	Cost    Cost      `json:"cost"`
	// Interval is the time to the next look, at least.
	Interval time.Duration `json:"interval_ns"`
	// Part says that the next event belongs to this one: what was to be told is
	// so much that it comes in parts.
	Part bool `json:"part,omitempty"`
	// LeftOut is how many scopes without a parent there are beyond the number
	// that a stream follows; for others see Node.LeftOut.
	LeftOut int `json:"left_out,omitempty"`
	// Nodes are those that are new, or whose state, cause, counts or note have
	// changed. That a node grows older is no change.
	Nodes []Node `json:"nodes"`
	// Ended are those of the events before that live no more.
	Ended []Ended `json:"ended,omitempty"`
}

// Ended is how a node ended. If its state is none of an end, it lives and is left
// out, since there are too many.
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
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold the events back
	control := http.NewResponseController(w)
	// A stream outlives the server's write timeout.
	_ = control.SetWriteDeadline(time.Time{})
	if r.Method == http.MethodHead {
		return
	}
	last := time.Now()
	f := &follower{recorder: s.recorder, seed: maphash.MakeSeed(), max: streamMax}
	f.send = func(change []byte) error {
		last = time.Now()
		_, err := fmt.Fprintf(w, "data: %s\n\n", change)
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
		}
		err := f.next()
		if err == nil && time.Since(last) > streamKeepAlive {
			_, err = fmt.Fprint(w, ": nothing new\n\n")
			last = time.Now()
		}
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			return // the reader has gone
		}
		timer.Reset(pause(f.cost))
	}
}

// pause is the time between a look that took that long and the next one.
func pause(cost time.Duration) time.Duration {
	return min(max(streamInterval, streamFraction*cost), streamSeldom)
}

// A follower tells what has changed from look to look. Of a node it keeps no more
// than where it came from and a hash.
type follower struct {
	recorder *Recorder
	send     func(change []byte) error
	seed     maphash.Seed
	max      int

	known map[string]followed
	cost  time.Duration // of the last look
}

type followed struct {
	scope *scope.Scope // or nil
	task  *scope.Task  // or nil
	looks uint64
}

// next sends what has changed since the last call, if something has.
func (f *follower) next() error {
	c := &change{follower: f, began: time.Now(), first: f.known == nil}
	w := newWalker(Options{Max: f.max}, f.recorder)
	c.LeftOut = w.leftOut
	now := make(map[string]followed, len(w.found))
	w.describe(func(from origin, n *Node) {
		is := followed{scope: from.scope, task: from.task, looks: n.looks(f.seed)}
		if old, ok := f.known[n.ID]; !ok || old.looks != is.looks {
			c.Nodes = append(c.Nodes, *n)
		}
		now[n.ID] = is
		delete(f.known, n.ID)
		if len(c.Nodes) == streamPart {
			c.flush(true)
		}
	})
	for id, gone := range f.known {
		c.Ended = append(c.Ended, gone.end(id))
		if len(c.Ended) == streamPart {
			c.flush(true)
		}
	}
	f.known = now
	if c.first || c.Part || len(c.Nodes) > 0 || len(c.Ended) > 0 {
		c.flush(false)
	}
	f.cost = c.cost()
	return c.err
}

// A change is what a follower is about to tell.
type change struct {
	Change

	follower *follower
	first    bool
	began    time.Time
	waited   time.Duration // see cost
	err      error
}

// cost is what the look has taken so far, without waiting for the reader, nor, in
// the first event, writing all there is, which is not done again.
func (c *change) cost() time.Duration { return time.Since(c.began) - c.waited }

// flush sends what there is; more says that it is not all.
func (c *change) flush(more bool) {
	if c.err != nil {
		return
	}
	c.Part, c.Program, c.Taken, c.Cost.Walk = more, program(), time.Now(), c.cost()
	c.Interval = pause(c.Cost.Walk)
	if c.Nodes == nil {
		c.Nodes = []Node{}
	}
	began := time.Now()
	var data []byte
	if data, c.err = json.Marshal(&c.Change); c.err != nil {
		return
	}
	if !c.first {
		began = time.Now()
	}
	c.err = c.follower.send(data)
	c.waited += time.Since(began)
	c.Nodes, c.Ended = c.Nodes[:0], c.Ended[:0]
}

// end returns how a node ended that is not seen any more. It may be one that was
// left out because there are so many.
func (f *followed) end(id string) Ended {
	e := Ended{ID: id}
	if f.scope != nil {
		e.State = f.scope.Info().State
		return e
	}
	info := f.task.Info()
	e.State = info.State
	if info.Err != nil {
		e.Err = failureText(info.Err)
	}
	return e
}

// looks is a hash of all that is shown of n, but for what never changes, and its
// age.
func (n *Node) looks(seed maphash.Seed) uint64 {
	look := struct {
		state, parent, note, detail string
		leftOut, causes             int
		counts                      Counts
		failedAt                    int64
	}{
		state: n.State, parent: n.Parent, note: n.Note, detail: string(n.Detail),
		leftOut: n.LeftOut, causes: len(n.Causes),
	}
	if n.Counts != nil {
		look.counts = *n.Counts
	}
	if n.LastFailure != nil {
		look.failedAt = n.LastFailure.At.UnixNano()
	}
	return maphash.Comparable(seed, look)
}
