package gather_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/gather"
)

func ExampleAll() {
	price := func(context.Context) (int, error) { return 12, nil }
	stock := func(context.Context) (int, error) { return 3, nil }

	got, err := gather.All(context.Background(), price, stock)
	fmt.Println(got, err)
	// Output: [12 3] <nil>
}

func ExampleSettled() {
	disk := func(context.Context) (string, error) { return "ok", nil }
	mail := func(context.Context) (string, error) { return "", errors.New("no route to host") }
	queue := func(context.Context) (string, error) { panic("nil queue") }

	names := []string{"disk", "mail", "queue"}
	for i, r := range gather.Settled(context.Background(), disk, mail, queue) {
		var f *scope.Failure
		if errors.As(r.Err, &f) {
			fmt.Println(names[i], "failed:", f.Err)
			continue
		}
		fmt.Println(names[i], r.Value)
	}
	// Output:
	// disk ok
	// mail failed: no route to host
	// queue failed: panic: nil queue
}

func ExampleRace() {
	near := func(context.Context) (string, error) { return "", errors.New("connection refused") }
	far := func(context.Context) (string, error) { return "page from afar", nil }
	deaf := func(ctx context.Context) (string, error) {
		<-ctx.Done() // cancelled when far has won
		return "", ctx.Err()
	}

	page, err := gather.Race(context.Background(), near, far, deaf)
	fmt.Println(page, err)
	// Output: page from afar <nil>
}

func ExampleMap() {
	fetch := func(_ context.Context, url string) (string, error) { return "<" + url + ">", nil }
	urls := []string{"a.example", "b.example", "c.example"}

	pages, err := gather.Map(context.Background(), 2, urls, fetch) // at most 2 at a time
	fmt.Println(pages, err)
	// Output: [<a.example> <b.example> <c.example>] <nil>
}

// The failure of one leaves the others alone, and its input stands beside it.
func ExampleOrdered() {
	lines := strings.Lines("12\nx\n30\n")
	parse := func(_ context.Context, line string) (n int, err error) {
		_, err = fmt.Sscanf(line, "%d", &n)
		return n, err
	}

	for line, r := range gather.Ordered(context.Background(), 8, lines, parse) {
		if r.Err != nil {
			fmt.Printf("%q is no number\n", line)
			continue
		}
		fmt.Println(r.Value)
	}
	// Output:
	// 12
	// "x\n" is no number
	// 30
}

// The input has no end; the loop has, and takes down with it what is in progress.
func ExampleCompleted() {
	guesses := func(yield func(int) bool) {
		for n := 0; yield(n); n++ {
		}
	}
	check := func(_ context.Context, n int) (bool, error) { return n*n == 1764, nil }

	for n, r := range gather.Completed(context.Background(), 4, guesses, check) {
		if r.Value {
			fmt.Println("it is", n)
			break
		}
	}
	// Output: it is 42
}

// A conn stands for what has to be closed.
type conn struct{ host string }

func (c conn) Close() { fmt.Println("closed", c.host) }

// A race whose losers may have something to release: cancel, and go on with the
// loop, which yields what they return all the same.
func ExampleCompleted_release() {
	both := make(chan struct{})
	dial := func(ctx context.Context, host string) (conn, error) {
		if host == "b.example" {
			close(both)
			<-ctx.Done() // and is connected at that moment
		}
		<-both
		return conn{host}, nil
	}
	hosts := slices.Values([]string{"a.example", "b.example"})

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var first conn
	for _, r := range gather.Completed(ctx, 2, hosts, dial) {
		switch {
		case r.Err != nil: // also of those that were cancelled
		case first == conn{}:
			first = r.Value
			cancel()
		default:
			r.Value.Close()
		}
	}
	fmt.Println("use", first.host)
	// Output:
	// closed b.example
	// use a.example
}

// What there is after a while, in place.
func ExampleSettled_timeout() {
	quick := func(context.Context) (string, error) { return "12 ms", nil }
	slow := func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	for _, r := range gather.Settled(ctx, quick, slow) {
		fmt.Println(r.Value, errors.Is(r.Err, context.DeadlineExceeded))
	}
	// Output:
	// 12 ms false
	//  true
}
