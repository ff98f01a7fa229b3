package model_test

import (
	"context"
	"errors"
	"strings"

	"github.com/supervisorscope/scope"
	"github.com/supervisorscope/scope/verify/model"
)

// A boom is an error with a name, that of the worker which made it or of a
// cancellation. It may carry what came up from a scope below.
type boom struct {
	name  string
	below error
}

func (b *boom) Error() string { return "boom " + b.name }
func (b *boom) Unwrap() error { return b.below }

// tags returns what the leaves of err's tree stand for. A failure stands for its
// task, whatever is below.
func tags(err error) []string {
	switch e := err.(type) {
	case nil:
		return nil
	case *scope.Failure:
		return []string{failureTag(e)}
	case *boom:
		return []string{e.name}
	case interface{ Unwrap() []error }:
		var all []string
		for _, sub := range e.Unwrap() {
			all = append(all, tags(sub)...)
		}
		return all
	}
	switch err {
	case context.DeadlineExceeded:
		return []string{"expired"}
	case context.Canceled:
		return []string{"canceled"}
	case scope.ErrGoexit:
		return []string{"goexit"}
	}
	if strings.HasPrefix(err.Error(), "scope: further failures") {
		return []string{model.Further}
	}
	if sub := errors.Unwrap(err); sub != nil {
		return tags(sub)
	}
	return []string{err.Error()}
}

func failureTag(f *scope.Failure) string {
	if f.Task.Kind == "body" {
		return f.Task.Path[strings.LastIndexByte(f.Task.Path, '/')+1:] + ".body"
	}
	return f.Task.Name
}

// isOwn reports whether f is the failure of a task by itself, and not of a scope
// below that the task left open.
func isOwn(f *scope.Failure) bool {
	if f.Task.Kind == "body" {
		return false // announced while the scope still has work, and goes on from Run
	}
	switch err := f.Err.(type) {
	case *scope.PanicError:
		return true
	case *scope.Failure, interface{ Unwrap() []error }:
		return false
	default:
		b, ok := errors.AsType[*boom](err)
		return !ok || b.name == f.Task.Name
	}
}
