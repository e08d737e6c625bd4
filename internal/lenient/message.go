package lenient

import (
	"context"
	"fmt"
	"strings"
)

// HasID reports whether a body is an object with a usable ID.
func HasID(body []byte) bool {
	object, _, err := Object[*struct {
		ID int64 `json:"id"`
	}](context.Background(), body)
	return err == nil && object.ID > 0
}

// A Message is what the JSON of an error says.
type Message struct {
	Text    string
	Fields  map[string][]string // the messages about each field, or nil
	NoRoute bool                // the server does not know the endpoint
}

// MessageOf finds the message in the JSON of an error, in any of the shapes that
// GitLab's frameworks give it. It is not ok where there is no JSON object or no message.
func MessageOf(body []byte) (m Message, ok bool) {
	s := scanner{data: body}
	if s.peek() != '{' {
		return Message{}, false
	}
	values := map[string][]byte{}
	err := s.names(func(name string) error {
		value, err := s.value()
		switch name {
		case "message", "error", "error_description", "scope":
			values[name] = value
		}
		return err
	})
	if err != nil || s.end() != nil {
		return Message{}, false
	}
	if message, ok := values["message"]; ok {
		m.Text, m.Fields = flatten(message), fieldsOf(message)
		if m.Text != "" || len(values["error"]) == 0 {
			return m, true
		}
	}
	m.Text = flatten(values["error"])
	for _, extra := range []struct{ name, format string }{{"error_description", "%s: %s"}, {"scope", "%s (scope: %s)"}} {
		if text := flatten(values[extra.name]); text != "" {
			m.Text = fmt.Sprintf(extra.format, m.Text, text)
		}
	}
	m.NoRoute = m.Text == "404 Not Found"
	return m, m.Text != ""
}

// fieldsOf reads a message that is an object: the messages of each field are a list, or
// one text. It returns nil for any other message.
func fieldsOf(message []byte) map[string][]string {
	s := scanner{data: message}
	if s.peek() != '{' {
		return nil
	}
	fields := map[string][]string{}
	err := s.names(func(name string) error {
		value, err := s.value()
		if err != nil {
			return err
		}
		texts := scanner{data: value}
		if texts.peek() != '[' {
			fields[name] = append(fields[name], flatten(value))
			return nil
		}
		return texts.each(func(int) error {
			one, err := texts.value()
			fields[name] = append(fields[name], flatten(one))
			return err
		})
	})
	if err != nil || len(fields) == 0 {
		return nil
	}
	return fields
}

// flatten writes nested messages as one: lists by commas, fields by their
// names, in the order in which they came.
func flatten(value []byte) string {
	f := flattener{scanner: scanner{data: value}}
	if len(value) > 0 && f.value() != nil {
		return string(value) // no JSON
	}
	return f.written.String()
}

type flattener struct {
	scanner
	written strings.Builder
}

func (f *flattener) value() error {
	switch f.peek() {
	case '[':
		return f.each(func(i int) error {
			if i > 0 {
				f.written.WriteString(", ")
			}
			return f.value()
		})
	case '{':
		first := true
		return f.names(func(name string) error {
			if !first {
				f.written.WriteString("; ")
			}
			first = false
			if name != "base" && name != "error" { // they say nothing of their own
				f.written.WriteString(name + ": ")
			}
			return f.value()
		})
	case '"':
		text, err := f.string()
		f.written.WriteString(text)
		return err
	case 'n':
		return f.word("null")
	}
	raw, err := f.literal()
	f.written.Write(raw)
	return err
}
