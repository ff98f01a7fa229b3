package inspect_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/inspect"
)

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/debug/scope/", h)
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

// An answer is what a handler answers.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a path, with headers in pairs.
func get(t *testing.T, srv *httptest.Server, method, path string, headers ...string) answer {
	t.Helper()
	where := srv.URL + "/debug/scope/" + path
	r, err := http.NewRequestWithContext(t.Context(), method, where, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	got, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: got.StatusCode, header: got.Header, body: string(body)}
}

func TestHandler_Snapshot(t *testing.T) {
	srv := serve(t, inspect.Handler())
	rules := readSchema(t)
	village(t, func() {
		for _, query := range []string{"", "?stacks=1", "?per_scope=2"} {
			path := "snapshot.json" + query
			got := get(t, srv, http.MethodGet, path)
			if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %d, %v", path, got.status, got.header)
			}
			for _, wrong := range rules.violations(t, []byte(got.body)) {
				t.Errorf("%s: %s", path, wrong)
			}
		}
		whole := inspect.Take(inspect.Options{})
		inner := node(t, whole, "inner")
		got := get(t, srv, http.MethodGet, "snapshot.json?stacks=1&id="+inner.ID)
		var part inspect.Snapshot
		if err := json.Unmarshal([]byte(got.body), &part); err != nil {
			t.Fatal(err)
		}
		if len(part.Nodes) != 2 || part.Nodes[0].ID != inner.ID || part.Nodes[1].Goroutine == nil {
			t.Errorf("what hangs below inner: %+v", part.Nodes)
		}
	})
}

func TestHandler_Paths(t *testing.T) {
	srv := serve(t, inspect.Handler())
	for path, want := range map[string]int{
		"snapshot.json?id=999999.1":  http.StatusNotFound,
		"snapshot.json?per_scope=-1": http.StatusBadRequest,
		"history.json":               http.StatusNotFound,
		"trace.json":                 http.StatusNotFound,
		"":                           http.StatusOK,
		"page.js":                    http.StatusOK,
		"page.css":                   http.StatusOK,
		"timeline.js":                http.StatusOK,
		"page.html":                  http.StatusOK,
		"none.js":                    http.StatusNotFound,
		"nosuch":                     http.StatusNotFound,
	} {
		if got := get(t, srv, http.MethodGet, path); got.status != want {
			t.Errorf("%q: %d, want %d", path, got.status, want)
		}
	}
}

func TestHandler_RefusesOtherOrigins(t *testing.T) {
	srv := serve(t, inspect.Handler())
	fetch := func(site, mode, dest string) []string {
		return []string{"Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}
	}
	const get200, no = http.StatusOK, http.StatusForbidden
	tests := []struct {
		name    string
		method  string
		headers []string
		want    int
	}{
		{"a program", "GET", nil, get200},
		{"the page itself", "GET", []string{"Sec-Fetch-Site", "same-origin"}, get200},
		{"the address bar", "GET", []string{"Sec-Fetch-Site", "none"}, get200},
		{"another site", "GET", []string{"Sec-Fetch-Site", "cross-site"}, no},
		{"another site, no-cors", "GET",
			fetch("cross-site", "no-cors", "script"), no},
		{"a subdomain", "GET", fetch("same-site", "cors", "empty"), no},
		{"a link that is followed", "GET",
			fetch("cross-site", "navigate", "document"), get200},
		{"a frame", "GET",
			fetch("cross-site", "navigate", "iframe"), no},
		{"an old browser", "GET", []string{"Origin", "http://evil.example"}, no},
		{"an origin of no host", "GET", []string{"Origin", "null"}, no},
		{"the own origin", "GET", []string{"Origin", srv.URL}, get200},
		{"a name that leads here", "GET", []string{"Host", "evil.example"}, no},
		{"that name with a port", "GET", []string{"Host", "evil.example:80"}, no},
		{"localhost", "GET", []string{"Host", "localhost:8080"}, get200},
		{"a name below localhost", "GET", []string{"Host", "app.localhost"}, get200},
		{"an address", "GET", []string{"Host", "[::1]:8080"}, get200},
		{"a POST", "POST", nil, http.StatusMethodNotAllowed},
		{"a DELETE", "DELETE", nil, http.StatusMethodNotAllowed},
		{"a HEAD", "HEAD", nil, get200},
	}
	for _, tt := range tests {
		for _, path := range []string{"", "snapshot.json"} {
			got := get(t, srv, tt.method, path, tt.headers...)
			if got.status != tt.want {
				t.Errorf("%s: %d, want %d", tt.name, got.status, tt.want)
			}
			if tt.want != get200 && strings.Contains(got.body, "nodes") {
				t.Errorf("%s: the refusal has the tree in it", tt.name)
			}
			checkHeaders(t, tt.name, got.header)
		}
	}
}

func checkHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	for key, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Access-Control-Allow-Origin": "", "Cache-Control": "no-store",
	} {
		if got := h.Get(key); got != want {
			t.Errorf("%s: %s is %q, want %q", name, key, got, want)
		}
	}
	if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%s: headers %v", name, h)
	}
}

// What the page does with names is tested in a browser.
//
// Guarantee 5.
func TestHandler_EscapesMarkup(t *testing.T) {
	srv := serve(t, inspect.Handler())
	release := make(chan struct{})
	hold := func(ctx context.Context) error { <-release; return ctx.Err() }
	_ = scope.Run(t.Context(), func(_ context.Context, s *scope.Scope) error {
		s.Go("</script><script>alert(1)</script>", hold)
		body := get(t, srv, http.MethodGet, "snapshot.json").body
		if strings.Contains(body, "<script") || !strings.Contains(body, `\u003cscript`) {
			t.Error("markup is sent as it is")
		}
		close(release)
		return nil
	})
}

// stream follows the events until the test is over, or half a minute is: news that
// do not come fail the test.
func stream(t *testing.T, client *http.Client, url string) func() inspect.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { got.Body.Close() })
	if kind := got.Header.Get("Content-Type"); kind != "text/event-stream" ||
		got.Header.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("%s, %v", got.Status, got.Header)
	}
	scanner := bufio.NewScanner(got.Body)
	scanner.Buffer(nil, 1<<24)
	return func() (c inspect.Change) {
		t.Helper()
		for scanner.Scan() {
			if data, ok := strings.CutPrefix(scanner.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &c); err != nil {
					t.Fatal(err)
				}
				return c
			}
		}
		t.Fatalf("the stream ended: %v", scanner.Err())
		return c
	}
}

func TestHandler_StreamsChanges(t *testing.T) {
	srv := serve(t, inspect.Handler())
	s := scope.OpenSupervised(t.Context(), scope.Name("streamed"), scope.OnFailure(scope.Ignore))
	fail := make(chan struct{})
	old := s.Go("old", func(context.Context) error { <-fail; return errBoom })
	next := stream(t, srv.Client(), srv.URL+"/debug/scope/events")
	paths := func(c inspect.Change) string {
		var all []string
		for _, n := range c.Nodes {
			if strings.HasPrefix(n.Path, "streamed") {
				all = append(all, n.Path+" "+n.State)
			}
		}
		return strings.Join(all, ", ")
	}
	if got, want := paths(next()), "streamed open, streamed/old running"; got != want {
		t.Errorf("first %q, want %q", got, want)
	}
	release := make(chan struct{})
	s.Go("new", func(context.Context) error { <-release; return nil })
	if got, want := paths(next()), "streamed open, streamed/new running"; got != want {
		t.Errorf("then %q, want %q", got, want)
	}
	close(fail)
	for change := next(); ; change = next() {
		if len(change.Ended) > 0 {
			want := inspect.Ended{ID: old.Info().ID, State: "failed", Err: "boom"}
			if change.Ended[0] != want {
				t.Errorf("ended %+v, want %+v", change.Ended[0], want)
			}
			break
		}
	}
	s.Cancel(errBoom)
	if got, want := paths(next()), "streamed cancelling, streamed/new cancelling"; got != want {
		t.Errorf("at last %q, want %q", got, want)
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != errBoom {
		t.Error(err)
	}
}

// That a grace is over is news, though nothing has happened.
func TestHandler_StreamsWhoStraggles(t *testing.T) {
	srv := serve(t, inspect.Handler())
	release := make(chan struct{})
	s := scope.Open(t.Context(), scope.Name("slow"), scope.Grace(1500*time.Millisecond),
		scope.Observe(scope.Observer{}), scope.OnFailure(scope.Ignore))
	s.Go("held", stubborn(release))
	s.Cancel(nil)
	next := stream(t, srv.Client(), srv.URL+"/debug/scope/events")
	for _, want := range []string{"cancelling", "straggling"} {
		for _, n := range next().Nodes {
			if strings.HasPrefix(n.Path, "slow") && n.State != want {
				t.Errorf("%s is %s, want %s", n.Path, n.State, want)
			}
		}
	}
	close(release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is to be told of thousands of tasks comes in parts.
func TestHandler_StreamsInParts(t *testing.T) {
	const n = 5000
	srv := serve(t, inspect.Handler())
	release := make(chan struct{})
	s := scope.OpenSupervised(t.Context(), scope.Name("many"))
	for range n {
		s.Go("task", stubborn(release))
	}
	next := stream(t, srv.Client(), srv.URL+"/debug/scope/events")
	whole := func(inspect.Change) bool { return true }
	first := gather(t, next, whole)
	if len(first.Nodes) < n+1 || len(first.Ended) > 0 {
		t.Errorf("at first %d nodes, %d ends", len(first.Nodes), len(first.Ended))
	}
	close(release)
	if err := s.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	news := func(c inspect.Change) bool { return len(c.Ended) > 0 }
	if last := gather(t, next, news); len(last.Nodes) < 1 || len(last.Ended) != n {
		t.Errorf("then %d nodes, %d ends", len(last.Nodes), len(last.Ended))
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// gather puts changes together until one that is enough has ended.
func gather(
	t *testing.T, next func() inspect.Change, enough func(inspect.Change) bool,
) (all inspect.Change) {
	t.Helper()
	for {
		c := next()
		if len(c.Nodes) > 2000 || len(c.Ended) > 2000 || c.Interval <= 0 {
			t.Errorf("%d nodes, %d ends, next in %v", len(c.Nodes), len(c.Ended), c.Interval)
		}
		all.Nodes = append(all.Nodes, c.Nodes...)
		all.Ended = append(all.Ended, c.Ended...)
		if !c.Part && enough(all) {
			return all
		}
	}
}

func TestHandler_BoundsItsStreams(t *testing.T) {
	srv := serve(t, inspect.Handler())
	for range 16 {
		stream(t, srv.Client(), srv.URL+"/debug/scope/events")()
	}
	got := get(t, srv, http.MethodGet, "events")
	if got.status != http.StatusServiceUnavailable {
		t.Errorf("the 17th stream: %d", got.status)
	}
}

// unixClient asks over the socket of this process.
func unixClient(t *testing.T, socket string) *http.Client {
	t.Helper()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
