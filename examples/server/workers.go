package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// workers supervises what runs in the background. If the supervisor gives up,
// the shop closes: it is of no use without its workers.
func workers(ctx context.Context) error {
	// The faults are put in, and no restart mends them: by the usual budget the
	// supervisor would give up after some minutes.
	faulty := supervisor.Budget{Unlimited: true}
	s, err := supervisor.New([]supervisor.Spec{
		{Name: "mailer", Run: mailer, Budget: faulty},
		{Name: "indexer", Run: indexer},
		{Name: "reports", Run: reports, Budget: faulty},
	}, supervisor.Options{Name: "workers", Budget: faulty})
	if err != nil {
		return err
	}
	return scope.Fatal(s.Run(ctx)) // nil, or just the cancellation, stays what it is
}

// mailer loses its connection every few seconds.
func mailer(ctx context.Context) error {
	if err := pause(ctx, 8*time.Second); err != nil {
		return err
	}
	return errors.New("dial smtp.example.com:25: connection refused")
}

// indexer starts a goroutine that belongs to nobody, which inspect shows as a
// stray.
func indexer(ctx context.Context) error {
	go func() { <-ctx.Done() }() // ends with the task, but is not waited for
	<-ctx.Done()
	return context.Cause(ctx)
}

// reports says what it is doing, and panics once in a while.
func reports(ctx context.Context) error {
	pages := []string{"sales", "returns", "stock"}
	for i := 0; ; i++ {
		scope.Describe(ctx, func() any {
			return map[string]any{"writing": pages[i%len(pages)], "done": i}
		})
		if err := pause(ctx, 3*time.Second); err != nil {
			return err
		}
		if i == 6 {
			panic("report without a title")
		}
	}
}

// load is the clients: each asks for one thing after the other.
func load(ctx context.Context, base string, clients int) error {
	return scope.Run(ctx, func(_ context.Context, s *scope.Scope) error {
		for i := range clients {
			s.Go(fmt.Sprintf("client-%d", i), func(ctx context.Context) error {
				return client(ctx, base, i)
			})
		}
		return nil
	})
}

func client(ctx context.Context, base string, number int) error {
	for i := 0; ctx.Err() == nil; i++ {
		path := fmt.Sprintf("/item/%d", i)
		switch {
		case number == 0 && i == 4:
			path = "/hang"
		case i%5 == number%5:
			path = fmt.Sprintf("/order/%d", i)
		}
		if err := get(ctx, base+path); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return context.Cause(ctx)
}

func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
