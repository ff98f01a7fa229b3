package browser_test

import (
	"context"
	"fmt"
	"github.com/chromedp/chromedp"
	"github.com/supervisorscope/scope/inspect"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestPage_ForgetsTheProgramBefore(t *testing.T) {
	var n atomic.Int32
	now := func() string { return time.Now().Format(time.RFC3339Nano) }
	h := inspect.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		counts := `{"live":1,"daemons":0,"started":1,"ok":0,"failed":%d,"panicked":0,"cancelled":0,"refused":0}`
		node := func(failed int) string {
			return fmt.Sprintf(`{"id":"1","path":"app","name":"app","kind":"scope","state":"open","site":"/a.go:1","started":%q,"age_ns":1,"policy":"supervised","counts":%s}`, now(), fmt.Sprintf(counts, failed))
		}
		send := func(pid int, nodes, ended string) {
			fmt.Fprintf(w, "data: {\"program\":{\"pid\":%d,\"name\":\"p%d\",\"go\":\"x\"},\"taken\":%q,\"cost\":{\"walk_ns\":1},\"interval_ns\":1000000000,\"nodes\":[%s],\"ended\":[%s]}\n\n", pid, pid, now(), nodes, ended)
			w.(http.Flusher).Flush()
		}
		if n.Add(1) == 1 {
			task := fmt.Sprintf(`{"id":"1.1","parent":"1","path":"app/old","name":"old","kind":"task","state":"running","site":"/a.go:2","started":%q,"age_ns":1}`, now())
			send(1, node(0)+","+task, "")
			time.Sleep(300 * time.Millisecond)
			send(1, node(1), `{"id":"1.1","state":"failed","err":"boom of the old program"}`)
			time.Sleep(500 * time.Millisecond)
			return
		}
		send(1, node(0), "")
		<-r.Context().Done()
	}))
	defer srv.CloseClientConnections()
	ctx := open(t, srv.URL+"/")
	time.Sleep(9 * time.Second)
	c, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tallies, err := chromedp.Run(c, chromedp.Text("#tallies"))
	if err != nil {
		t.Fatal(err)
	}
	side, err := chromedp.Run(c, chromedp.Text("#side"))
	if err != nil {
		t.Fatal(err)
	}
	title, err := chromedp.Run(c, chromedp.Text("#about"))
	if err != nil {
		t.Fatal(err)
	}
	if err != nil || strings.Contains(tallies+side, "1 failures") || strings.Contains(side, "boom") {
		t.Errorf("%q: tallies %q, failures %q, err %v", title, tallies, side, err)
	}
}
