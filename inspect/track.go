package inspect

import (
	"cmp"
	"container/heap"
	"strings"
	"time"
)

// A traceProcess stands for scopes that are alike.
type traceProcess struct {
	id         int
	busy, free traceTracks
}

// A traceTrack is a row on which one bar stands after the other.
type traceTrack struct {
	process, id int
	end         time.Time // of its last bar
}

// trackGap is between two bars of a track. Bars that touch would be nested by
// Perfetto if one has no length, and a mark on the seam would go to the wrong one.
// Readers have the microseconds as a float64, which is as exact as this for thirty
// years.
const trackGap = 100 * time.Nanosecond

// traceTracks is a heap of tracks.
type traceTracks struct {
	all     []*traceTrack
	compare func(x, y *traceTrack) int
}

func (h *traceTracks) Len() int           { return len(h.all) }
func (h *traceTracks) Less(i, j int) bool { return h.compare(h.all[i], h.all[j]) < 0 }
func (h *traceTracks) Swap(i, j int)      { h.all[i], h.all[j] = h.all[j], h.all[i] }
func (h *traceTracks) Push(x any)         { h.all = append(h.all, x.(*traceTrack)) }

func (h *traceTracks) Pop() any {
	last := len(h.all) - 1
	t := h.all[last]
	h.all = h.all[:last]
	return t
}

// process returns what stands for the scope that e is of.
func (b *traceBuilder) process(e Event) *traceProcess {
	owner := e.Path
	if e.Kind != kindScope {
		owner = strings.TrimSuffix(strings.TrimSuffix(e.Path, e.Name), "/")
	}
	owner = stemOf(owner)
	if p, ok := b.processes[owner]; ok {
		return p
	}
	p := &traceProcess{
		id:   b.tracks + 1,
		busy: traceTracks{compare: func(x, y *traceTrack) int { return x.end.Compare(y.end) }},
		free: traceTracks{compare: func(x, y *traceTrack) int { return cmp.Compare(x.id, y.id) }},
	}
	b.processes[owner] = p
	b.meta("process_name", p.id, p.id, map[string]any{"name": visible(owner)})
	b.meta("process_sort_index", p.id, p.id, map[string]any{"sort_index": len(b.processes)})
	return p
}

// track puts e, which starts after all that came before it, on the first track of
// its process that is free.
func (b *traceBuilder) track(e Event) *traceTrack {
	p := b.process(e)
	for p.busy.Len() > 0 && e.Started.Sub(p.busy.all[0].end) >= trackGap {
		heap.Push(&p.free, heap.Pop(&p.busy))
	}
	var track *traceTrack
	if p.free.Len() > 0 {
		track = heap.Pop(&p.free).(*traceTrack)
	} else {
		b.tracks++ // the first one of p gets the number of p
		track = &traceTrack{process: p.id, id: b.tracks}
		b.meta("thread_name", p.id, track.id, map[string]any{"name": "tasks"})
	}
	track.end = e.Started
	if e.At.After(e.Started) {
		track.end = e.At
	}
	heap.Push(&p.busy, track)
	return track
}
