package lenient

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// HasID reports whether a body is an object with a usable ID.
func HasID(body []byte) bool {
	object, err := Object[*struct {
		ID int64 `json:"id"`
	}](body)
	return err == nil && object.ID > 0
}

// Message finds the message in the JSON of an error, in any of the shapes
// that GitLab's frameworks give it, and whether it is the one of a route that
// does not exist. It is not ok where there is no JSON object or no message.
func Message(body []byte) (message string, noRoute, ok bool) {
	var fields map[string]jsontext.Value
	if json.Unmarshal(body, &fields, loose) != nil || fields == nil {
		return "", false, false
	}
	if m, ok := fields["message"]; ok {
		return flatten(m), false, true
	}
	code := flatten(fields["error"])
	for _, extra := range []struct{ name, format string }{{"error_description", "%s: %s"}, {"scope", "%s (scope: %s)"}} {
		if text := flatten(fields[extra.name]); text != "" {
			code = fmt.Sprintf(extra.format, code, text)
		}
	}
	return code, code == "404 Not Found", code != ""
}

// flatten writes nested messages as one: lists by commas, fields by their
// names, in the order in which they came.
func flatten(value jsontext.Value) string {
	if len(value) == 0 {
		return ""
	}
	f := flattener{dec: jsontext.NewDecoder(bytes.NewReader(value), loose)}
	if f.value() != nil {
		return string(value) // nested too deep to be a message
	}
	return f.text.String()
}

type flattener struct {
	dec  *jsontext.Decoder
	text strings.Builder
}

func (f *flattener) value() error {
	token, err := f.dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case '[':
		return f.values(']', ", ")
	case '{':
		return f.values('}', "; ")
	case 'n':
		return nil
	}
	f.text.WriteString(token.String())
	return nil
}

// values reads the elements of a list or the fields of an object to its end.
func (f *flattener) values(end jsontext.Kind, separator string) error {
	for i := 0; f.dec.PeekKind() != end; i++ {
		if i > 0 {
			f.text.WriteString(separator)
		}
		if end == '}' {
			name, err := f.dec.ReadToken()
			if err != nil {
				return err
			}
			if key := name.String(); key != "base" && key != "error" { // they say nothing of their own
				f.text.WriteString(key + ": ")
			}
		}
		if err := f.value(); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}
