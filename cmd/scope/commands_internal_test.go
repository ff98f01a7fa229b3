package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		words string
		want  string
		err   string
	}{
		{"a", "[[a]]", ""},
		{"a b ::: c", "[[a b] [c]]", ""},
		{"a :::b", "[[a :::b]]", ""},
		{"", "[]", "no command given"},
		{":::", "[]", "command 1 is empty"},
		{"a ::: ::: b", "[]", "command 2 is empty"},
		{"a ::: b :::", "[]", "command 3 is empty"},
	}
	for _, tt := range tests {
		got, err := split(strings.Fields(tt.words))
		if fmt.Sprint(got) != tt.want {
			t.Errorf("split(%q) = %q, want %s", tt.words, got, tt.want)
		}
		if tt.err == "" && err != nil || tt.err != "" && fmt.Sprint(err) != tt.err {
			t.Errorf("split(%q) error %v, want %q", tt.words, err, tt.err)
		}
	}
	if _, err := split([]string{""}); err == nil {
		t.Error(`split([""]) took the empty word for a command`)
	}
}

func TestNames_AreUnique(t *testing.T) {
	tests := []struct{ commands, want []string }{
		{[]string{"web", "/usr/bin/worker", "./run"}, []string{"web", "worker", "run"}},
		{[]string{"sh", "sh", "/bin/sh"}, []string{"sh", "sh-2", "sh-3"}},
		{[]string{"a-2", "a", "a"}, []string{"a-2", "a", "a-3"}},
	}
	for _, tt := range tests {
		var commands [][]string
		for _, c := range tt.commands {
			commands = append(commands, []string{c, "argument"})
		}
		if got := names(commands); !slices.Equal(got, tt.want) {
			t.Errorf("names(%q) = %q, want %q", tt.commands, got, tt.want)
		}
	}
}
