package inspect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Listen serves [Handler] on a unix socket until ctx is done, and then returns
// its cause. The socket is named by the process number, in [SocketDir], and only
// the user that the program runs as can open it. Meant as a task:
//
//	s.Daemon("inspect", inspect.Listen)
//
// A socket that a process with the same number left behind is replaced. Listen
// returns an error if it cannot make the socket, or if another one answers there,
// such as a second Listen of this program.
func Listen(ctx context.Context) error { return listen(ctx, Handler()) }

// Listen is [Listen] with the history that r keeps.
func (r *Recorder) Listen(ctx context.Context) error { return listen(ctx, r.Handler()) }

func listen(ctx context.Context, h http.Handler) error {
	ln, err := openSocket(ctx)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		// What is being served ends with ctx.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)           // of Serve's one result
	go func() { served <- srv.Serve(ln) }() // ends with ln
	select {
	case err = <-served:
	case <-ctx.Done():
		// The handlers wait for nothing but ctx and their readers; a reader that
		// has stopped reading is cut off.
		soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		if srv.Shutdown(soon) != nil {
			err = srv.Close()
		}
		_ = <-served //nolint:staticcheck // it says that the server was closed
	}
	if err != nil {
		return fmt.Errorf("serve the tree: %w", err)
	}
	return context.Cause(ctx)
}

// lastWords is the time that readers have for what is on its way when the
// program ends.
const lastWords = 200 * time.Millisecond

// openSocket makes the socket. Closing it removes it.
func openSocket(ctx context.Context) (net.Listener, error) {
	dir, err := makeSocketDir()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, strconv.Itoa(os.Getpid())+".sock")
	var dialer net.Dialer
	// Of a ctx that is done the dialer would say what it says of a dead socket.
	ask := context.WithoutCancel(ctx)
	if conn, err := dialer.DialContext(ask, "unix", name); err == nil {
		return nil, errors.Join(
			fmt.Errorf("inspect: %s is being served already; call Listen once", name), conn.Close())
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "unix", name)
	if err != nil {
		return nil, err
	}
	// The directory keeps others out until the mode is set.
	if err := os.Chmod(name, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return ln, nil
}
