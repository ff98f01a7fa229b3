package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/supervisorscope/scope/inspect"
)

// patienceToLook bounds how long a program may take to answer. One that is
// stopped, or starved, does not answer at all.
const patienceToLook = 15 * time.Second

var errNoProgram = errors.New("no program of this user can be looked at: " +
	"a program makes a socket with inspect.Listen")

// A target is a program that can be looked at.
type target struct {
	name   string // as the user gave it
	base   string // URL, with a slash at the end
	client *http.Client
}

// newTarget finds out what name means: the number of a process of this user, a
// socket, or a URL. An empty name is the only program that there is.
func newTarget(name string) (*target, error) {
	switch {
	case name == "":
		sockets := sockets()
		switch len(sockets) {
		case 0:
			return nil, errNoProgram
		case 1:
			return socketTarget(sockets[0]), nil
		default:
			return nil, fmt.Errorf("%d programs can be looked at; say which: scope ps lists them",
				len(sockets))
		}
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		if _, err := url.Parse(name); err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(name, "/") + "/"
		return &target{name: name, base: base, client: http.DefaultClient}, nil
	}
	if pid, err := strconv.Atoi(name); err == nil {
		socket := filepath.Join(inspect.SocketDir(), strconv.Itoa(pid)+".sock")
		if _, err := os.Stat(socket); err != nil || !isOwn(inspect.SocketDir()) {
			return nil, fmt.Errorf("process %d cannot be looked at: it has no socket in %s; "+
				"a program makes one with inspect.Listen", pid, inspect.SocketDir())
		}
		return socketTarget(socket), nil
	}
	return socketTarget(name), nil
}

func socketTarget(socket string) *target {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	return &target{
		name: socket, base: "http://scope/",
		client: &http.Client{Transport: &http.Transport{DialContext: dial}},
	}
}

// sockets returns those of this user's programs that answer, not those that
// killed programs left behind.
func sockets() []string {
	dir := inspect.SocketDir()
	if !isOwn(dir) { // in a directory for temporary files anybody could have made it
		return nil
	}
	entries, _ := os.ReadDir(dir) // not filepath.Glob: dir is no pattern
	var answering []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".sock" {
			continue
		}
		socket := filepath.Join(dir, entry.Name())
		if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
			_ = conn.Close() // nothing was written
			answering = append(answering, socket)
		}
	}
	return answering
}

// look takes a snapshot of the target.
func (t *target) look(ctx context.Context, stacks bool) (*inspect.Snapshot, error) {
	where := "snapshot.json"
	if stacks {
		where += "?stacks=1"
	}
	var snap inspect.Snapshot
	if _, err := t.ask(ctx, where, &snap); err != nil {
		return nil, err
	}
	if snap.Version != inspect.Version {
		return nil, fmt.Errorf("cannot look at %s: it speaks version %d, this command version %d; "+
			"use the scope that belongs to it", t.name, snap.Version, inspect.Version)
	}
	return &snap, nil
}

// history returns what the target remembers of what is named so, or nil if it
// keeps no history.
func (t *target) history(ctx context.Context, what string) (*inspect.History, error) {
	var h inspect.History
	status, err := t.ask(ctx, "history.json?of="+url.QueryEscape(what), &h)
	if status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &h, nil
}

// ask reads the answer to where into v, and returns its status.
func (t *target) ask(ctx context.Context, where string, v any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, patienceToLook)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.base+where, http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := t.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("cannot look at %s: %w", t.name, plain(err))
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	if err := read(answer, v); err != nil {
		return answer.StatusCode, fmt.Errorf("cannot look at %s: %w", t.name, err)
	}
	return answer.StatusCode, nil
}

// plain takes the URL off an error of the client: that of a socket is made up.
func plain(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func read(answer *http.Response, v any) error {
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200))
		return fmt.Errorf("it answers %s: %s", printable(answer.Status),
			printable(strings.TrimSpace(string(text))))
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		return fmt.Errorf("its answer cannot be read: %w", err)
	}
	return nil
}
