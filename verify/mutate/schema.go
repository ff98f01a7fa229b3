package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable names the environment variable that says which mutant a build is.
const variable = "SCOPE_MUTANT"

// switches is the file of the changed core that knows which mutant it is.
const switches = `package scope

import (
	"os"
	"strconv"
)

var theMutant, _ = strconv.Atoi(os.Getenv("` + variable + `"))
`

// schema returns the files of a core that has all mutants in it: each says at run
// time whether it is one. So they are built once.
func schema(core string, all []mutant) (map[string]string, error) {
	texts := map[string]string{"mutant_switches.go": switches}
	byFile := map[string][]mutant{}
	for _, m := range all {
		byFile[m.file] = append(byFile[m.file], m)
	}
	for file, list := range byFile {
		text, err := os.ReadFile(filepath.Join(core, file))
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list, func(a, b mutant) int { // outer ones first
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to),
				cmp.Compare(a.change, b.change))
		})
		s := source{text: string(text), mutants: list}
		texts[file] = s.render(0, len(text), 0)
	}
	return texts, nil
}

// A source is a file with its mutants, outer ones before those inside of them.
type source struct {
	text    string
	mutants []mutant
}

// render returns a piece of the text with those of its mutants in it that are not
// before the one numbered first.
func (s source) render(from, to, first int) string {
	var out strings.Builder
	at := from
	for i := first; i < len(s.mutants); i++ {
		m := s.mutants[i]
		if m.from < at || m.to > to { // of another piece, or inside of one that is written
			continue
		}
		out.WriteString(s.text[at:m.from])
		out.WriteString(s.renderMutant(i))
		at = m.to
	}
	out.WriteString(s.text[at:to])
	return out.String()
}

func (s source) renderMutant(i int) string {
	m := s.mutants[i]
	switch m.change {
	case dropped:
		return fmt.Sprintf("if theMutant != %d { %s }", m.id, s.render(m.from, m.to, i+1))
	case negated:
		cond := s.render(m.from, m.to, i+1)
		return fmt.Sprintf("((theMutant == %d) != (%s))", m.id, cond)
	case operator:
		left := s.render(m.from, m.op, i+1)
		right := s.render(m.op+len(m.old), m.to, i+1)
		return fmt.Sprintf("(theMutant == %d && (%s%s%s) || theMutant != %d && (%s%s%s))",
			m.id, left, m.new, right, m.id, left, m.old, right)
	case constant:
		comparison := map[string]string{"true": "!=", "false": "=="}[m.old]
		return fmt.Sprintf("(theMutant %s %d)", comparison, m.id)
	}
	panic(fmt.Sprintf("mutate: no such change: %d", m.change))
}
