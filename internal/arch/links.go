package arch

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode"
)

// Links checks that each relative link of a Markdown file leads to a file or a
// directory of the repository, and that its #anchor is a heading there. Links
// to other sites are not followed.
func (r *Repo) Links() []string {
	var found []string
	for _, name := range r.markdown {
		text, err := fs.ReadFile(r.fsys, name)
		if err != nil {
			return []string{err.Error()}
		}
		for i, line := range prose(string(text)) {
			for _, target := range targets(line) {
				if reason := r.badLink(name, target); reason != "" {
					found = append(found, fmt.Sprintf("%s:%d: link to %s: %s",
						name, i+1, target, reason))
				}
			}
		}
	}
	return found
}

// prose returns the lines of a document, those of fenced blocks emptied, and
// without code in backquotes.
func prose(text string) []string {
	code := regexp.MustCompile("`[^`]*`")
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		fence := fenceOf(lines[i])
		if fence == "" {
			lines[i] = code.ReplaceAllStringFunc(lines[i], bareCode)
			continue
		}
		end := closing(lines, i+1, fence)
		clear(lines[i:min(end+1, len(lines))])
		i = end
	}
	return lines
}

// bareCode returns code without its backquotes, and without what would pass for
// a link.
func bareCode(code string) string {
	return strings.NewReplacer("`", "", "[", "", "]", "").Replace(code)
}

// targets returns where the inline links and images of a line, and a reference
// definition, lead to, if that is in the repository.
func targets(line string) []string {
	link := regexp.MustCompile(`\]\(([^()\s]*)[^()]*\)|^ {0,3}\[[^\]]+\]:\s*(\S+)`)
	scheme := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	var found []string
	for _, match := range link.FindAllStringSubmatch(line, -1) {
		if target := match[1] + match[2]; !scheme.MatchString(target) {
			found = append(found, target)
		}
	}
	return found
}

// badLink says what is wrong with a link in the document name.
func (r *Repo) badLink(name, target string) string {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	if file == "" && !hasAnchor {
		return "it is empty"
	}
	to := name
	if file != "" {
		to = path.Join(path.Dir(name), file)
	}
	if _, err := fs.Stat(r.fsys, to); err != nil || path.IsAbs(file) {
		return "no such file"
	}
	if !hasAnchor || path.Ext(to) != ".md" {
		return ""
	}
	text, err := fs.ReadFile(r.fsys, to)
	if err != nil {
		return err.Error()
	}
	if !anchors(string(text))[anchor] {
		return "no such heading"
	}
	return ""
}

// anchors returns the names that GitHub gives the headings of a document. Of
// those with the same text, the second has the suffix -1.
func anchors(text string) map[string]bool {
	heading := regexp.MustCompile(`^#{1,6} +(.*)$`)
	seen := make(map[string]int)
	names := make(map[string]bool)
	for _, line := range prose(text) {
		match := heading.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		name := anchorOf(match[1])
		if n := seen[name]; n > 0 {
			names[fmt.Sprintf("%s-%d", name, n)] = true
		} else {
			names[name] = true
		}
		seen[name]++
	}
	return names
}

// anchorOf is lower case, with hyphens for spaces and no punctuation.
func anchorOf(heading string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == ' ', c == '-':
			return '-'
		case c == '_', unicode.IsLetter(c), unicode.IsDigit(c):
			return unicode.ToLower(c)
		default:
			return -1
		}
	}, strings.TrimSpace(heading))
}
