package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
)

// A shop handles requests, each as a task of the scope, on the goroutine of the
// connection.
type shop struct {
	requests *scope.Scope
	stock    sync.Mutex
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := s.requests.Do(r.Context(), r.Method+" "+r.URL.Path, func(ctx context.Context) error {
		return s.handle(ctx, w, r)
	})
	if err != nil && r.Context().Err() == nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (s *shop) handle(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	switch page, item, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/"); page {
	case "item":
		return pause(ctx, 300*time.Millisecond)
	case "order":
		return s.order(ctx, item)
	case "hang":
		s.hang()
		return nil
	default:
		_, err := fmt.Fprintln(w, "try /item/1, /order/1 or /hang")
		return err
	}
}

// order packs and charges at once; if one fails, the other is cancelled.
func (s *shop) order(ctx context.Context, item string) error {
	return scope.Run(ctx, func(_ context.Context, order *scope.Scope) error {
		order.Go("pack", func(ctx context.Context) error { return pause(ctx, 2*time.Second) })
		order.Go("charge", func(ctx context.Context) error {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			if strings.HasSuffix(item, "7") {
				return errors.New("the card was declined")
			}
			return nil
		})
		return nil
	}, scope.Name("order "+item))
}

// hang is the fault: a lock that is not given back, and no look at the context.
func (s *shop) hang() {
	s.stock.Lock()
	s.stock.Lock()
}

// pause waits for d, or for ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
