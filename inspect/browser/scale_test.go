package browser_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

var scale = flag.Bool("scale", false, "test the page with 100,000 tasks, too")

// The page is used with few tasks and with very many; what it costs is logged.
// The figures of the guide come from here.
func TestPage_Scale(t *testing.T) {
	for _, tt := range []struct {
		tasks      int
		load, draw time.Duration // at most
	}{
		{10, 5 * time.Second, 200 * time.Millisecond},
		{10_000, 10 * time.Second, 500 * time.Millisecond},
		{100_000, 30 * time.Second, 2 * time.Second},
	} {
		t.Run(fmt.Sprint(tt.tasks), func(t *testing.T) {
			if tt.tasks > 10_000 && !*scale {
				t.Skip("half a minute; go test -scale")
			}
			f := measure(t, tt.tasks)
			t.Log(f)
			if f.load > tt.load || f.draw > tt.draw || f.drawAll > tt.draw {
				t.Errorf("slower than %v to load, %v to draw", tt.load, tt.draw)
			}
		})
	}
}

// Figures are what a page with many tasks costs.
type figures struct {
	tasks         int
	load          time.Duration // until all is there
	draw, drawAll time.Duration // like tasks together, and each on a row
	update        time.Duration // until a task that was started is shown
	find, stack   time.Duration // until one is found by its name, and its stack is shown
	browser, own  uint64        // bytes: of the page's heap, and of the program's for it
}

func (f figures) String() string {
	const mib = 1 << 20
	return fmt.Sprintf("%d tasks: loaded in %v; drawn in %v, each on a row in %v; a new task "+
		"shown after %v; one found in %v, its stack shown in %v; %d MiB in the browser, "+
		"%d MiB in the program", f.tasks, f.load, f.draw, f.drawAll, f.update, f.find, f.stack,
		f.browser/mib, f.own/mib)
}

func measure(t *testing.T, tasks int) figures {
	t.Helper()
	release := make(chan struct{})
	hold := func(context.Context) error { <-release; return nil }
	s := scope.OpenSupervised(t.Context(), scope.Name("city"))
	for i := range tasks {
		s.Go(fmt.Sprint("conn-", i), hold)
	}
	f := figures{tasks: tasks}
	before := heap()
	page := open(t, serve(t, inspect.Record(1)))
	await(t, page, fmt.Sprintf("document.body.dataset.nodes > %d && %s && "+
		"(window.loaded ??= performance.now()) > 0", tasks, has("#link", "live")))
	f.load = number(t, page, "window.loaded")
	await(t, page, "document.querySelectorAll('#rows .row').length == 2") // city, conn-*
	f.draw = drawing(t, page)
	after := heap()
	for range 5 { // a look may be under way
		after = min(after, heap())
	}
	f.own = after - min(before, after)
	f.browser = browserHeap(t, page)

	s.Go("newcomer", hold)
	f.update = until(t, page, has("#rows", "newcomer"))

	// Each on a row of its own: only what can be seen is in the document.
	do(t, page, chromedp.Click("#group"))
	await(t, page, fmt.Sprintf("document.body.dataset.rows > %d", tasks))
	await(t, page, `document.querySelectorAll("#rows .row").length < 100`)
	f.drawAll = drawing(t, page)
	do(t, page, chromedp.SendKeys("#search", fmt.Sprint("conn-", tasks-1)))
	f.find = until(t, page, "document.body.dataset.rows == 2")
	do(t, page, click(fmt.Sprint("conn-", tasks-1)))
	f.stack = until(t, page, has("#side", "chan receive"))
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	return f
}

// until is how long an expression takes to become true.
func until(t *testing.T, page context.Context, expression string) time.Duration {
	t.Helper()
	began := time.Now()
	await(t, page, expression)
	return time.Since(began).Round(time.Millisecond)
}

// drawing is how long the page takes to draw itself: the least of some times, since
// the machine has other things to do, too.
func drawing(t *testing.T, page context.Context) time.Duration {
	t.Helper()
	least := time.Hour
	for range 5 {
		do(t, page, script("window.before = document.body.dataset.draws; "+
			"window.dispatchEvent(new Event('resize'))"))
		await(t, page, "document.body.dataset.draws !== window.before")
		least = min(least, number(t, page, "document.body.dataset.cost"))
	}
	return least
}

// number evaluates an expression of milliseconds.
func number(t *testing.T, page context.Context, expression string) time.Duration {
	t.Helper()
	ms, err := chromedp.Run(page, chromedp.Evaluate[float64]("Number("+expression+")"))
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(100 * time.Microsecond)
}

// heap is what is in use in this process.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// browserHeap is what is in use in the page.
func browserHeap(t *testing.T, page context.Context) uint64 {
	t.Helper()
	type target = chromedp.Target
	used, err := chromedp.Run(page, func(ctx context.Context, at *target) (float64, error) {
		if _, err := cdp.Call(ctx, at, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
			return 0, err
		}
		result, err := cdp.Call(ctx, at, cdpruntime.GetHeapUsage, cdp.Empty{})
		return result.UsedSize, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return uint64(used)
}
