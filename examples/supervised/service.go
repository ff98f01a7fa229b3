package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/supervisor"
)

// A service is the children of the supervisor and what they share.
type service struct {
	addr       string
	log        *story
	supervisor *supervisor.Supervisor
	queries    chan query    // to the connection, which answers
	atWork     chan struct{} // one for each incarnation of a worker that works

	mu    sync.Mutex
	cache string // the value that workers use; guarded by mu
}

const (
	workers  = 3
	interval = 50 * time.Millisecond // of pings, refreshes and work
)

func newService(addr string, log *story) *service {
	return &service{
		addr: addr, log: log, queries: make(chan query),
		atWork: make(chan struct{}, workers),
	}
}

// children are in the order in which they need each other. With rest-for-one
// those after a child that fails are stopped with it, and started when it is
// ready again.
func (v *service) children() []supervisor.Spec {
	specs := []supervisor.Spec{
		{Name: "db", Start: v.connect},
		{Name: "cache", Start: v.fill},
	}
	for n := range workers {
		specs = append(specs, supervisor.Spec{Name: fmt.Sprintf("worker-%d", n+1), Run: v.work})
	}
	return specs
}

// A query is a question to the database; the answer channel has room for the
// answer.
type query struct {
	key    string
	answer chan string
}

// ask asks the database. While there is no connection it waits: who asks is
// started after the connection, and is stopped with it.
func (v *service) ask(ctx context.Context, key string) (string, error) {
	q := query{key: key, answer: make(chan string, 1)}
	select {
	case v.queries <- q:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	select {
	case value := <-q.answer:
		return value, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// connect is the child db: one connection, which is ready when the database has
// answered a ping, and fails when it does not answer any more.
func (v *service) connect(ctx context.Context, ready func()) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", v.addr)
	if err != nil {
		return cause(ctx, err)
	}
	defer closeWith(ctx, conn)()
	answers := bufio.NewScanner(conn)
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	q := query{key: "ping", answer: make(chan string, 1)}
	for {
		value, err := exchange(conn, answers, q.key)
		if err != nil {
			return cause(ctx, fmt.Errorf("connection lost: %w", err))
		}
		q.answer <- value
		ready() // once is enough, and more does not hurt
		select {
		case q = <-v.queries:
		case <-ticks.C:
			q = query{key: "ping", answer: make(chan string, 1)}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// exchange writes a line and reads the answer.
func exchange(conn io.Writer, answers *bufio.Scanner, line string) (string, error) {
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	if !answers.Scan() {
		return "", errors.Join(answers.Err(), io.ErrUnexpectedEOF)
	}
	return answers.Text(), nil
}

// fill is the child cache: ready when it is filled for the first time.
func (v *service) fill(ctx context.Context, ready func()) error {
	for {
		value, err := v.ask(ctx, "price")
		if err != nil {
			return err
		}
		v.mu.Lock()
		v.cache = value
		v.mu.Unlock()
		ready()
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// work is a worker.
func (v *service) work(ctx context.Context) error {
	v.mu.Lock()
	value := v.cache
	v.mu.Unlock()
	v.log.say("a worker uses the %s", value)
	v.atWork <- struct{}{}
	for {
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(interval):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// awaitWork waits until every worker works.
func (v *service) awaitWork(ctx context.Context) error {
	for range workers {
		select {
		case <-v.atWork:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// states tells how the children are.
func (v *service) states() string {
	var all []string
	for _, c := range v.supervisor.Children() {
		all = append(all, fmt.Sprintf("%s %s (incarnation %d)", c.Name, c.State, c.Incarnation))
	}
	return strings.Join(all, ", ")
}

// failed is the handler: it tells the failure and when the next try is.
func (v *service) failed(_ context.Context, f *scope.Failure) {
	var line strings.Builder
	line.WriteString(f.Error())
	for _, c := range v.supervisor.Children() {
		if c.State == "backoff" {
			wait := time.Until(c.NextRestart).Round(10 * time.Millisecond)
			fmt.Fprintf(&line, "; %s is tried again in %v", c.Name, max(wait, 0))
		}
	}
	v.log.say("%s", line.String())
}

// A story is what happens, with the time.
type story struct {
	began time.Time

	mu sync.Mutex
	w  io.Writer // guarded by mu
}

func (l *story) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := time.Since(l.began).Seconds()
	_, _ = fmt.Fprintf(l.w, "%6.2fs  %s\n", at, fmt.Sprintf(format, args...))
}
