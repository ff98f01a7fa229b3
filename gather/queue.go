package gather

import "sync"

// A queue says which of the items in flight is yielded next.
type queue[In, Out any] interface {
	// push adds an item that was started or refused.
	push(it *item[In, Out])
	// land is called for an item that was started when its function has returned,
	// by the goroutine of that.
	land(it *item[In, Out])
	// ready reports whether the result of the next item is there. It is not called
	// once an item was refused.
	ready() bool
	// take removes the next item, and waits for it if need be.
	take() *item[In, Out]
}

// inOrder is the queue in the order of the inputs.
type inOrder[In, Out any] struct {
	items []*item[In, Out]
}

func (q *inOrder[In, Out]) push(it *item[In, Out]) { q.items = append(q.items, it) }

func (*inOrder[In, Out]) land(*item[In, Out]) {}

func (q *inOrder[In, Out]) ready() bool {
	select {
	case <-q.items[0].future.Done():
		return true
	default:
		return false
	}
}

// take leaves the waiting to who asks for the result.
func (q *inOrder[In, Out]) take() *item[In, Out] {
	it := q.items[0]
	q.items[0] = nil // or it would be kept as long as the slice is
	q.items = q.items[1:]
	return it
}

// asEnded is the queue in the order in which the functions have returned.
type asEnded[In, Out any] struct {
	arrivals[*item[In, Out]]
}

func (q *asEnded[In, Out]) push(it *item[In, Out]) {
	if it.future == nil {
		q.put(it) // nobody else does
	}
}

func (q *asEnded[In, Out]) land(it *item[In, Out]) { q.put(it) }

// arrivals hands over what many goroutines put to one that takes it, in order.
// It is a channel of any capacity that needs memory only for what is in it.
type arrivals[T any] struct {
	news chan struct{} // capacity 1; has an element if something may be there

	mu   sync.Mutex
	here []T
}

func (a *arrivals[T]) init() { a.news = make(chan struct{}, 1) }

// put does not block.
func (a *arrivals[T]) put(v T) {
	a.mu.Lock()
	a.here = append(a.here, v)
	a.mu.Unlock()
	select {
	case a.news <- struct{}{}:
	default: // who takes looks until nothing is there
	}
}

func (a *arrivals[T]) ready() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.here) > 0
}

// take is called by one goroutine at a time.
func (a *arrivals[T]) take() T {
	for {
		if v, ok := a.tryTake(); ok {
			return v
		}
		<-a.news
	}
}

func (a *arrivals[T]) tryTake() (v T, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.here) == 0 {
		return v, false
	}
	var zero T
	v, a.here[0] = a.here[0], zero // or it would be kept as long as the slice is
	a.here = a.here[1:]
	return v, true
}
