package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

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
	await(t, page, has("#side", "Mutex.Lock")+" && "+has("#tlnote", "stopped the program"))
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
