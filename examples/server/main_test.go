package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// log is written by the program and read by the test.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // one value when there is more
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// The program is run as a user would: a request hangs, the tree shows its line,
// and the shutdown names it.
func TestRun_NamesTheHandlerThatHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes three seconds: the clients take their time")
	}
	dir, err := os.MkdirTemp("", "run") //nolint:usetesting // t.TempDir gives a long name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	hangsAlready := map[string]bool{} // from a run before, in this process
	for _, n := range inspect.Take(inspect.Options{}).Nodes {
		hangsAlready[n.ID] = true
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &log{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	o := options{
		addr: "127.0.0.1:0", debug: "127.0.0.1:0", clients: 2, grace: 100 * time.Millisecond,
	}
	go func() { ended <- run(ctx, o, out) }()
	for !strings.Contains(out.String(), "look at ") {
		<-out.more
	}

	shop := find(func(n *inspect.Node) bool {
		return n.Path == "shop/http" && !hangsAlready[n.ID]
	})
	if shop == nil {
		t.Fatal("the tree has no shop/http")
	}
	_, after, _ := strings.Cut(out.String(), "look at ")
	page, _, _ := strings.Cut(after, ",")
	answer, err := http.Get(page + "snapshot.json")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the page does not answer: %v", err)
	}
	answer.Body.Close()

	hung := find(func(n *inspect.Node) bool {
		return strings.HasPrefix(n.Name, "GET /hang") && !hangsAlready[n.ID] &&
			n.Goroutine != nil && n.Goroutine.Wait == "sync.Mutex.Lock"
	})
	if hung == nil || !strings.Contains(hung.Goroutine.At, "server/shop.go:") {
		t.Fatalf("the request that hangs: %+v", hung)
	}
	stop()
	late, ok := errors.AsType[*scope.StragglersError](<-ended)
	if !ok || len(late.Tasks) != 1 || late.Tasks[0].Task.Path != "shop/GET /hang" ||
		late.Tasks[0].At != hung.Goroutine.At {
		t.Errorf("run() = %v, want the one that hangs at %s", late, hung.Goroutine.At)
	}
}

// find looks until the tree has such a node, for half a minute at most.
func find(is func(*inspect.Node) bool) *inspect.Node {
	for range 600 {
		snap := inspect.Take(inspect.Options{Stacks: true})
		for i := range snap.Nodes {
			if is(&snap.Nodes[i]) {
				return &snap.Nodes[i]
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
