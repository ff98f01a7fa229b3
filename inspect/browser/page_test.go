package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// patience bounds a test: a browser that hangs must not hang the checks.
const patience = 3 * time.Minute

// open opens the page of this process in a headless Chromium. Without one the
// test is skipped, by name.
func open(t *testing.T, url string) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skipf("%s IS NOT RUN: no chromium is installed", t.Name())
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1500, 1000))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(t, ctx, chromedp.Navigate(url))
	return ctx
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Text("body"))
		t.Fatalf("%v; the page shows:\n%s", err, text)
	}
}

func script(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](text)
}

// click clicks the first row that shows the text.
func click(text string) chromedp.Action[chromedp.Void] {
	const form = "[...document.querySelectorAll('#rows .row')]" +
		".find((r) => r.innerText.includes(%q)).click()"
	return script(fmt.Sprintf(form, text))
}

// await waits until a JavaScript expression is true.
func await(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	limit := chromedp.WithPollingTimeout(20 * time.Second)
	do(t, ctx, chromedp.Poll[chromedp.Void](expression, limit))
}

// has is the expression that an element shows the text.
func has(selector, text string) string {
	const form = "(document.querySelector(%q)?.innerText ?? '').includes(%q)"
	return fmt.Sprintf(form, selector, text)
}

// listed is the expression that a row has the name.
func listed(name string) string {
	const form = "[...document.querySelectorAll('#rows .name')]" +
		".some((e) => e.innerText.includes(%q))"
	return fmt.Sprintf(form, name)
}

func serve(t *testing.T, history *inspect.Recorder) string {
	t.Helper()
	srv := httptest.NewServer(history.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestPage_FollowsTheTree(t *testing.T) {
	history := inspect.Record(1000)
	s := scope.OpenSupervised(t.Context(),
		scope.Name("town"), history.Option(), scope.OnFailure(scope.Ignore))
	release := make(chan struct{})
	hold := func(context.Context) error { <-release; return nil }
	s.Go("church", hold)
	bridge := s.Go("bridge", func(context.Context) error { return errors.New("washed away") })
	_ = bridge.Wait(t.Context())
	page := open(t, serve(t, history))

	// What there is, and what was before.
	await(t, page, has("#rows", "church"))
	await(t, page, has("#side", "town/bridge"))
	await(t, page, has("#side", "washed away"))
	await(t, page, has("#link", "live"))

	// What starts, fails and ends.
	mill := make(chan struct{})
	s.Go("mill", func(context.Context) error { <-mill; return errors.New("burnt down") })
	await(t, page, has("#rows", "mill"))
	close(mill)
	await(t, page, "!"+listed("mill"))
	await(t, page, has("#side", "burnt down"))
	await(t, page, has("#tallies", "2 failures"))

	// Ages tick.
	await(t, page, `(() => {
		const ages = [...document.querySelectorAll("#rows .age")].map((e) => e.innerText).join();
		window.before ??= ages;
		return ages !== window.before;
	})()`)

	// A click shows the stack.
	do(t, page, click("church"))
	await(t, page, has("#side", "chan receive"))
	await(t, page, has("#side", "page_test.go:"))
	await(t, page, has("#side", "stopped the program for at most"))

	// Why it is being stopped.
	s.Cancel(errors.New("evacuated"))
	await(t, page, has("#rows", "cancelling"))
	await(t, page, has("#rows", "evacuated"))

	// The end of the program.
	close(release)
	<-s.Done()
	await(t, page, "!"+has("#rows", "church"))
}

func TestPage_Filters(t *testing.T) {
	release := make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name("street"))
	for i := range 3 {
		s.Go(fmt.Sprint("house ", i), func(context.Context) error { <-release; return nil })
	}
	lane := scope.OpenSupervised(t.Context(), scope.Name("lane"), scope.OnFailure(scope.Ignore))
	lane.Go("shed", func(context.Context) error { <-release; return nil })
	lane.Cancel(nil)
	page := open(t, serve(t, inspect.Record(1)))
	await(t, page, has("#rows", "shed"))
	do(t, page, chromedp.SendKeys("#search", "HOUSE 2"))
	await(t, page, "!"+has("#rows", "house 1")+" && !"+has("#rows", "shed"))
	await(t, page, has("#rows", "house 2"))
	do(t, page, chromedp.KeyEvent("\x1b")) // escape clears it
	await(t, page, has("#rows", "house 1"))
	do(t, page, chromedp.Click(`[data-state="cancelling"]`))
	await(t, page, has("#rows", "shed")+" && !"+has("#rows", "house"))
	close(release)
	for _, x := range []*scope.Scope{s, lane} {
		if err := x.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Names and errors are text: what they hold is not run, and shows as it is.
func TestPage_EscapesMarkup(t *testing.T) {
	const evil = `<img src=x onerror="document.title='owned'">`
	release := make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name(evil), scope.OnFailure(scope.Ignore))
	s.Go(evil, func(ctx context.Context) error {
		scope.Describe(ctx, func() any { return evil })
		<-release
		return nil
	})
	s.Cancel(errors.New(evil))
	page := open(t, serve(t, inspect.Record(1)))
	await(t, page, has("#rows", evil))
	do(t, page, script(`document.querySelectorAll("#rows .row")[1].click()`))
	await(t, page, has("#side .causes", evil))
	await(t, page, `!document.querySelector("img") && !document.title.includes("owned")`)
	close(release)
	_ = s.Shutdown(t.Context())
}

// What is asked to end and does not, and what failed last.
func TestPage_ShowsStragglersAndTheLastFailure(t *testing.T) {
	history := inspect.Record(100)
	release := make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name("port"), scope.Grace(time.Millisecond),
		history.Option(), scope.OnFailure(scope.Ignore))
	s.Go("ship", func(context.Context) error { <-release; return nil })
	storm := s.Go("storm", func(context.Context) error { return errors.New("mast broken") })
	_ = storm.Wait(t.Context())
	page := open(t, serve(t, history))
	await(t, page, has("#rows", "last failure: port/storm: mast broken"))
	s.Cancel(errors.New("closed for the winter"))
	await(t, page, has("#rows", "straggling"))
	await(t, page, `document.querySelector("#chips .s-straggling").title.includes("grace")`)
	do(t, page, click("ship"))
	await(t, page, has("#side", "asked to end"))
	await(t, page, has("#side", "closed for the winter"))
	await(t, page, `!document.querySelector("#trace").hidden`)
	close(release)
	_ = s.Shutdown(t.Context())
}

// Like scopes share a row, too: a server may have one for each request.
func TestPage_PutsLikeScopesTogether(t *testing.T) {
	release := make(chan struct{})
	var all []*scope.Scope
	for i := range 50 {
		s := scope.OpenSupervised(t.Context(), scope.Name(fmt.Sprint("request ", i)))
		s.Go("work", func(context.Context) error { <-release; return nil })
		all = append(all, s)
	}
	page := open(t, serve(t, inspect.Record(1)))
	await(t, page, has("#rows", "×50")+" && "+has("#rows", "50 live"))
	await(t, page, "document.body.dataset.rows == 1")
	do(t, page, click("request *"))
	await(t, page, "document.body.dataset.rows == 101")
	do(t, page, chromedp.SendKeys("#search", "request 17/"))
	await(t, page, "document.body.dataset.rows == 2")
	close(release)
	for _, s := range all {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
