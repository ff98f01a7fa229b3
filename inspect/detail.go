package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

const (
	maxText = 4 << 10 // bytes of an error's text
	maxNote = 400     // bytes of a note
)

// errorText returns the text of err. The error is the program's: it may be long,
// and it may panic.
func errorText(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("%T whose Error method panics", err)
		}
	}()
	return shorten(err.Error(), maxText)
}

func shorten(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// tell takes over what the task n says of itself: as data, as one line, and the
// state and the last failure that it names, if it does. It knows no type of other
// packages: a detail is what encoding/json makes of it. Its methods are the
// program's and may panic.
func (n *Node) tell(detail any) {
	defer func() {
		if v := recover(); v != nil {
			n.Detail, n.Note = nil, fmt.Sprintf("%T whose methods panic: %v", detail, v)
		}
	}()
	if err, ok := detail.(error); ok {
		n.Note = shorten(firstLine(err.Error()), maxNote) // as of a detail that panicked
	}
	if s, ok := detail.(fmt.Stringer); ok && n.Note == "" {
		n.Note = shorten(firstLine(s.String()), maxNote)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the note is text; who sends the data escapes it
	if e.Encode(detail) != nil {
		return
	}
	n.Detail = bytes.TrimSpace(b.Bytes())
	if n.Note == "" {
		n.Note = shorten(keysAndValues(n.Detail), maxNote)
	}
	n.takeNamed()
}

// takeNamed takes what the detail has under the names that mean the same of
// every task. A field of another type is of another meaning.
func (n *Node) takeNamed() {
	var state struct{ State string }
	if json.Unmarshal(n.Detail, &state) == nil && state.State != "" && n.State == stateRunning {
		n.State = state.State
	}
	var last struct {
		Text string    `json:"last_failure"`
		At   time.Time `json:"last_failure_at"`
	}
	if json.Unmarshal(n.Detail, &last) == nil && last.Text != "" {
		n.LastFailure = &Failure{Text: shorten(last.Text, maxText), At: last.At}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// keysAndValues writes an object as key=value, in its own order, and all else as
// it is.
func keysAndValues(data []byte) string {
	d := json.NewDecoder(bytes.NewReader(data))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return string(data)
	}
	var b strings.Builder
	for d.More() {
		key, err := d.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%v=%s", key, value)
	}
	return b.String()
}
