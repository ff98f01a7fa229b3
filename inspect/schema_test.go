package inspect_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/supervisorscope/scope/inspect"
)

// A schema is JSON Schema as far as docs/inspect.schema.json uses it. Words that
// it does not know are an error, so that none is passed over.
type schema struct {
	root map[string]any
}

func readSchema(t *testing.T) *schema {
	t.Helper()
	data, err := os.ReadFile("../docs/inspect.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &schema{}
	if err := json.Unmarshal(data, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

// check returns what is wrong with v.
func (s *schema) check(at string, rule map[string]any, v any) []string {
	var wrong []string
	for word, want := range rule {
		switch word {
		case "$schema", "$id", "$defs", "title", "description", "additionalProperties":
		case "$ref":
			name := strings.TrimPrefix(want.(string), "#/$defs/")
			def := s.root["$defs"].(map[string]any)[name].(map[string]any)
			wrong = append(wrong, s.check(at, def, v)...)
		case "properties":
			wrong = append(wrong, s.checkFields(at, rule, v)...)
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				at := fmt.Sprintf("%s[%d]", at, i)
				wrong = append(wrong, s.check(at, want.(map[string]any), item)...)
			}
		default:
			if obeys, known := plainWords()[word]; !known || !obeys(want, v) {
				wrong = append(wrong, fmt.Sprintf("%s: is %v, want %s %v", at, v, word, want))
			}
		}
	}
	return wrong
}

// plainWords are the words that look at a value alone. One that is for another
// type is obeyed.
func plainWords() map[string]func(want, v any) bool {
	return map[string]func(want, v any) bool{
		"type":  func(want, v any) bool { return typeOf(v) == want },
		"const": func(want, v any) bool { return v == want },
		"enum":  func(want, v any) bool { return slices.Contains(want.([]any), v) },
		"minimum": func(want, v any) bool {
			n, ok := v.(float64)
			return !ok || n >= want.(float64)
		},
		"minLength": func(want, v any) bool {
			text, ok := v.(string)
			return !ok || len(text) >= int(want.(float64))
		},
		"minItems": func(want, v any) bool {
			list, ok := v.([]any)
			return !ok || len(list) >= int(want.(float64))
		},
		"pattern": func(want, v any) bool {
			text, ok := v.(string)
			return !ok || regexp.MustCompile(want.(string)).MatchString(text)
		},
		"format": func(want, v any) bool {
			_, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
			return want == "date-time" && err == nil
		},
		"required": func(want, v any) bool {
			fields, _ := v.(map[string]any)
			return !slices.ContainsFunc(want.([]any), func(name any) bool {
				_, ok := fields[name.(string)]
				return !ok
			})
		},
	}
}

func (s *schema) checkFields(at string, rule map[string]any, v any) []string {
	var wrong []string
	fields, _ := v.(map[string]any)
	for name, value := range fields {
		field, ok := rule["properties"].(map[string]any)[name].(map[string]any)
		if !ok {
			if rule["additionalProperties"] == false {
				wrong = append(wrong, at+": unknown field "+name)
			}
			continue
		}
		wrong = append(wrong, s.check(at+"."+name, field, value)...)
	}
	return wrong
}

func typeOf(v any) string {
	switch v := v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	default:
		return "null"
	}
}

// violations checks data against the schema.
func (s *schema) violations(t *testing.T, data []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return s.check("snapshot", s.root, v)
}

func encode(t *testing.T, s *inspect.Snapshot) []byte {
	t.Helper()
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSchema_AcceptsWhatIsWritten(t *testing.T) {
	rules := readSchema(t)
	village(t, func() {
		for _, s := range []*inspect.Snapshot{
			shop(), newFixture().snap, inspect.Take(inspect.Options{}),
			inspect.Take(inspect.Options{Stacks: true, PerScope: 1}),
		} {
			if s.Nodes == nil {
				s.Nodes = []inspect.Node{}
			}
			for _, wrong := range rules.violations(t, encode(t, s)) {
				t.Error(wrong)
			}
		}
	})
}

func TestSchema_RefusesWhatIsNot(t *testing.T) {
	rules := readSchema(t)
	good := string(encode(t, shop()))
	for _, change := range [][2]string{
		{`"version":1`, `"version":2`},
		{`"pid":4242`, `"pid":"4242"`},
		{`"pid":4242`, `"pid":0`},
		{`"kind":"daemon"`, `"kind":"demon"`},
		{`"id":"1.9"`, `"id":"1.9x"`},
		{`"site":"/src/shop/http.go:88"`, `"site":"/src/shop/http.go"`},
		{`"policy":"fail-fast"`, `"policy":"fast"`},
		{`"ok":3199`, `"okay":3199`},
		{`"taken":"2026`, `"taken":"at 2026`},
		{`"wait":"IO wait"`, `"weight":1`},
		{`"cancelled":"2026`, `"cancelled":"2026-`},
		{`"text":"out of paper","task"`, `"text":"out of paper","who"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if bad == good {
			t.Errorf("%s does not occur", change[0])
		}
		if len(rules.violations(t, []byte(bad))) == 0 {
			t.Errorf("%s is accepted", change[1])
		}
	}
}

// Every field of the data is in the schema, also those that no snapshot of these
// tests has set.
func TestSchema_HasEachField(t *testing.T) {
	rules := readSchema(t)
	defs := rules.root["$defs"].(map[string]any)
	for _, pair := range []struct {
		rule any
		of   reflect.Type
	}{
		{rules.root, reflect.TypeFor[inspect.Snapshot]()},
		{defs["node"], reflect.TypeFor[inspect.Node]()},
		{defs["counts"], reflect.TypeFor[inspect.Counts]()},
		{defs["cause"], reflect.TypeFor[inspect.Cause]()},
		{defs["failure"], reflect.TypeFor[inspect.Failure]()},
		{defs["goroutine"], reflect.TypeFor[inspect.Goroutine]()},
		{defs["frame"], reflect.TypeFor[inspect.Frame]()},
	} {
		known := pair.rule.(map[string]any)["properties"].(map[string]any)
		if n := pair.of.NumField(); n != len(known) {
			t.Errorf("%v has %d fields, the schema %d", pair.of, n, len(known))
		}
		for field := range pair.of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if _, ok := known[name]; !ok {
				t.Errorf("the schema lacks %v.%s", pair.of, name)
			}
		}
	}
}
