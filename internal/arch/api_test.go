package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// surface has one declaration of each kind, and for each one that must not be
// listed.
const surface = `-- scope.go --
package scope

import "context"

const (
	A Kind = iota + 1
	B
	c
)

const (
	D = "d"
	E
)

var (
	ErrClosed, errOther = errors.New("closed"), errors.New("other")
	V                   map[string]int
)

type Kind int

type Same = context.Context

type Future[T any, U interface{ ~int | ~string }] struct {
	Name, Path string // two of a kind
	Call       func(context.Context) error
	hidden     int
	error
	*Kind
	inner
	context.Context
}

type Option interface {
	Named
	String() string
	apply(*config)
}

type named struct{ Exported int }

func Run(
	ctx context.Context,
	body func(ctx context.Context) error, // the body
) (err error) {
	return nil
}

func Async[T any](s *Scope) *Future[T, int] { return nil }

func (f *Future[T, U]) Wait() (T, error) { return }
func (f Future[_, _]) Done() <-chan struct{} { return nil }
func (k Kind) hidden() {}
func (n named) Method() {}
func run() {}
-- a_linux.go --
package scope

func OnLinuxAndWindows() {}
-- a_windows.go --
package scope

func OnLinuxAndWindows() {}
-- scope_test.go --
package scope

func InTest() {}
-- gather/gather.go --
package gather

func All() {}
-- internal/x/x.go --
package x

func Internal() {}
-- examples/hello/main.go --
package main

func Main() {}
-- otelscope/go.mod --
module github.com/supervisorscope/scope/otelscope
-- otelscope/otel.go --
package otelscope

func Nested() {}
`

const surfaceAPI = `pkg gather, func All()
pkg scope, const A Kind
pkg scope, const B Kind
pkg scope, const D
pkg scope, const E
pkg scope, func Async[T any](s *Scope) *Future[T, int]
pkg scope, func OnLinuxAndWindows()
pkg scope, func Run(ctx context.Context, body func(ctx context.Context) error) (err error)
pkg scope, method (*Future[T, U]) Wait() (T, error)
pkg scope, method (Future[_, _]) Done() <-chan struct{}
pkg scope, type Future struct, Call func(context.Context) error
pkg scope, type Future struct, Name string
pkg scope, type Future struct, Path string
pkg scope, type Future struct, embedded *Kind
pkg scope, type Future struct, embedded context.Context
pkg scope, type Future struct, embedded error
pkg scope, type Future[T any, U interface{ ~int | ~string }] struct
pkg scope, type Kind int
pkg scope, type Option interface
pkg scope, type Option interface, String() string
pkg scope, type Option interface, embedded Named
pkg scope, type Option interface, unexported methods
pkg scope, type Same = context.Context
pkg scope, var ErrClosed error
pkg scope, var V map[string]int
`

func TestRepo_API(t *testing.T) {
	got := load(t, surface).API()
	for _, line := range missing(got, surfaceAPI) {
		t.Errorf("unwanted: %s", line)
	}
	for _, line := range missing(surfaceAPI, got) {
		t.Errorf("missing: %s", line)
	}
	if got != surfaceAPI && !t.Failed() {
		t.Errorf("API() is in another order:\n%s", got)
	}
}

func TestRepo_CoreNames(t *testing.T) {
	got := load(t, surface).CoreNames()
	want := strings.Fields(
		"A Async B D E ErrClosed Future Kind OnLinuxAndWindows Option Run Same V")
	if !slices.Equal(got, want) {
		t.Errorf("CoreNames() = %q, want %q", got, want)
	}
}
