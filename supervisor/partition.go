package supervisor

import (
	"context"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
)

// A Partitioned is a fixed number of pools under one supervisor, with each key
// always in the same pool. It keeps what belongs to different keys apart: locks,
// limits and budgets are those of one pool. Make one with [NewPartitioned]. All
// methods are safe for concurrent use.
type Partitioned[K comparable] struct {
	s     *Supervisor
	pools []*Pool
	seed  maphash.Seed

	mu sync.Mutex // guards n
	n  int        // how many of the pools are in use
}

// NewPartitioned returns n pools of children of the given spec. The options are
// those of each pool; Name is that of the supervisor around them, which has the
// default options otherwise. Errors are those of [NewPool].
func NewPartitioned[K comparable](n int, child Spec, opts Options) (*Partitioned[K], error) {
	if n < 1 {
		return nil, &SpecError{Field: "n", Problem: "is below 1; a key needs a pool to go to"}
	}
	p := &Partitioned[K]{n: n, seed: maphash.MakeSeed()}
	var specs []Spec
	for i := range n {
		each := opts
		each.Name = ""
		pool, err := NewPool(child, each)
		if err != nil {
			return nil, err
		}
		p.pools = append(p.pools, pool)
		specs = append(specs, pool.ChildSpec(strconv.Itoa(i)))
	}
	s, err := New(specs, Options{Name: opts.Name, OnFailure: opts.OnFailure})
	p.s = s
	return p, err
}

// Run supervises the pools, as [Supervisor.Run] does.
func (p *Partitioned[K]) Run(ctx context.Context) error { return p.s.Run(ctx) }

// String returns the name of the supervisor around the pools, as
// [Supervisor.String] does.
func (p *Partitioned[K]) String() string { return p.s.String() }

// ChildSpec returns the spec of p as a child of a supervisor; see
// [Supervisor.ChildSpec].
func (p *Partitioned[K]) ChildSpec(name string) Spec { return p.s.ChildSpec(name) }

// Pool returns the pool of a key: the same one for the same key until
// [Partitioned.Resize], in this process. It returns [ErrNotRunning] if there is
// no pool in use.
func (p *Partitioned[K]) Pool(key K) (*Pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		return nil, fmt.Errorf("%w: resized to no pools", ErrNotRunning)
	}
	return p.pools[maphash.Comparable(p.seed, key)%uint64(p.n)], nil
}

// Pools returns the pools that are in use.
func (p *Partitioned[K]) Pools() []*Pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pools[:p.n:p.n]
}

// Resize changes how many of the pools are in use, from none to as many as
// there were at first. Keys find their new pool at once; pools that fall out of
// use are stopped, with their children, and those that come into use are started.
// Resize returns when that is done. If ctx is done first, all those pools have been
// asked to stop, and a later Resize waits for them. It is for a running Partitioned,
// and for one caller at a time.
func (p *Partitioned[K]) Resize(ctx context.Context, n int) error {
	if n < 0 || n > len(p.pools) {
		text := fmt.Sprintf("is %d; there can be 0 to %d pools", n, len(p.pools))
		return &SpecError{Field: "n", Problem: text}
	}
	p.mu.Lock()
	old := p.n
	p.n = min(n, old)
	p.mu.Unlock()
	// All that are out of use: an earlier Resize may have given up waiting, and a
	// new Run starts them all. Each is asked, also if one is not waited for.
	var failed error
	for i := len(p.pools) - 1; i >= min(n, old); i-- {
		if err := p.s.Terminate(ctx, strconv.Itoa(i)); failed == nil {
			failed = err
		}
	}
	if failed != nil {
		return failed
	}
	for i := old; i < n; i++ {
		if err := p.s.Restart(ctx, strconv.Itoa(i)); err != nil {
			return err
		}
		p.mu.Lock()
		p.n = i + 1
		p.mu.Unlock()
	}
	return nil
}
