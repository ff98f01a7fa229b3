package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// separator stands between two commands, as in GNU parallel.
const separator = ":::"

// split cuts words into commands at each separator.
func split(words []string) ([][]string, error) {
	if len(words) == 0 {
		return nil, errors.New("no command given")
	}
	var commands [][]string
	for {
		end := slices.Index(words, separator)
		if end < 0 {
			end = len(words)
		}
		command := words[:end]
		if len(command) == 0 || command[0] == "" {
			return nil, fmt.Errorf("command %d is empty", len(commands)+1)
		}
		commands = append(commands, command)
		if end == len(words) {
			return commands, nil
		}
		words = words[end+1:]
	}
}

// names returns a name for each command: the base name of what it executes,
// with a number from the second of its kind on.
func names(commands [][]string) []string {
	all := make([]string, len(commands))
	for i, command := range commands {
		base := filepath.Base(command[0])
		name := base
		for n := 2; slices.Contains(all[:i], name); n++ {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		all[i] = name
	}
	return all
}
