package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

// patience bounds a test: a browser that hangs must not hang the checks.
const patience = time.Minute

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
	await(t, page, "!"+has("#rows", "mill"))
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

func TestPage_UsableWithTenThousandTasks(t *testing.T) {
	const n = 10_000
	release := make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name("city"))
	for i := range n {
		s.Go(fmt.Sprint("conn-", i), func(context.Context) error { <-release; return nil })
	}
	page := open(t, serve(t, inspect.Record(1)))
	await(t, page, has("#rows", "×10,000"))
	// Each on a row of its own: only what can be seen is in the document.
	do(t, page, chromedp.Click("#group"))
	await(t, page, "document.body.dataset.rows > 10000")
	await(t, page, `document.querySelectorAll("#rows .row").length < 100`)
	drawn, err := chromedp.Run(page, chromedp.Evaluate[float64](`(() => {
		const began = performance.now();
		tallies();
		buildRows();
		drawRows();
		drawTimeline();
		return performance.now() - began;
	})()`))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("drawing 10,000 tasks takes %.1f ms", drawn)
	if drawn > 500 {
		t.Errorf("drawing takes %.0f ms", drawn)
	}
	do(t, page, chromedp.SendKeys("#search", "conn-9876"))
	await(t, page, has("#rows", "conn-9876")+" && document.body.dataset.rows == 2")
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPage_Picture makes the picture of the README, of the program that
// SCOPE_PICTURE_OF names by its URL.
func TestPage_Picture(t *testing.T) {
	url := os.Getenv("SCOPE_PICTURE_OF")
	if url == "" {
		t.Skip("SCOPE_PICTURE_OF names no page")
	}
	page := open(t, url)
	await(t, page, has("#rows", "GET /hang"))
	do(t, page, chromedp.Click("#where"))
	await(t, page, has("#rows", "sync.Mutex.Lock"))
	do(t, page, click("GET /hang"))
	await(t, page, has("#side", "Mutex.Lock"))
	picture, err := chromedp.Run(page, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "docs", "images", "inspect.png")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(picture), "\x89PNG") {
		t.Error("the picture is none")
	}
}
