// Package rack reads the parameters of a request as Rack, Rails and Grape do for
// GitLab: it merges query and body into a tree, parses what a route reads, and
// words the complaints.
//
// It is handed a request and the parameters of a route. It never knows what the
// parameters are for, and never writes a response.
package rack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Tree holds parameters by name, as they were sent: text, lists ([]any), further trees,
// and from JSON also numbers, booleans and nil.
type Tree = map[string]any

var errParameters = errors.New("the parameters cannot be read")

// Read merges the query and the body, in any of its forms. The body counts more, and a read
// has none.
func Read(r *http.Request, body []byte) (Tree, error) {
	given, err := readPairs(r.URL.RawQuery)
	if err != nil || len(body) == 0 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return given, err
	}
	kind, settings, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	var more Tree
	switch kind {
	case "application/json":
		more, err = readJSON(body)
	case "application/x-www-form-urlencoded":
		more, err = readPairs(string(body))
	case "multipart/form-data":
		more, err = readParts(body, settings["boundary"])
	}
	maps.Copy(given, more)
	return given, err
}

func readJSON(body []byte) (Tree, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, errors.New("message body does not match declared format")
	}
	object, _ := value.(Tree) // parameters have names; what has none is ignored
	return object, nil
}

// readPairs reads a query or a form. Its order counts: see [add].
func readPairs(text string) (Tree, error) {
	given := Tree{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, errParameters
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, errParameters
		}
		if err := addNamed(given, name, value); err != nil {
			return nil, err
		}
	}
	return given, nil
}

func readParts(body []byte, boundary string) (Tree, error) {
	given := Tree{}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return given, nil
		}
		if err != nil {
			return nil, errParameters
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return nil, errParameters
		}
		if err := addNamed(given, part.FormName(), string(value)); err != nil {
			return nil, err
		}
	}
}

// deepestName is how many brackets a name may have, as in Rack.
const deepestName = 100

// addNamed adds a value by the name that was sent. Rack 2 passes over brackets before a
// name, and over closing ones after it: "[sudo]" is "sudo".
func addNamed(given Tree, name, value string) error {
	if strings.Count(name, "[") > deepestName {
		return errParameters
	}
	key, rest := strings.TrimLeft(name, "[]"), ""
	if i := strings.IndexAny(key, "[]"); i >= 0 {
		key, rest = key[:i], strings.TrimLeft(key[i:], "]")
	}
	if key == "" {
		return nil
	}
	return add(given, key, rest, value)
}

// add puts a value where its name says, by the rules of Rack: "a[]" adds to a
// list, "a[b]" sets a key of a tree, and "a[][b]" one of the list's last tree,
// or of a new one if that has the key already.
func add(to Tree, key, rest, value string) error {
	inner, after, found := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	switch {
	case rest == "" || rest[0] != '[' || !found:
		to[key+rest] = value
		return nil
	case inner == "":
		return addToList(to, key, after, value)
	}
	if to[key] == nil {
		to[key] = Tree{}
	}
	child, ok := to[key].(Tree)
	if !ok {
		return errParameters
	}
	return add(child, inner, after, value)
}

func addToList(to Tree, key, rest, value string) error {
	list, ok := to[key].([]any)
	if to[key] != nil && !ok {
		return errParameters
	}
	if rest == "" {
		to[key] = append(list, value)
		return nil
	}
	name, more, _ := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	element, ok := lastTree(list)
	if !ok || element[name] != nil {
		element = Tree{}
		list = append(list, element)
	}
	to[key] = list
	return add(element, name, more, value)
}

func lastTree(list []any) (Tree, bool) {
	if len(list) == 0 {
		return nil, false
	}
	last, ok := list[len(list)-1].(Tree)
	return last, ok
}

// Encode writes parameters as a query, in the order and with the
// brackets of Rails.
func Encode(given Tree) string {
	var pairs []string
	for name, value := range given {
		pairs = append(pairs, encodePairs(name, value)...)
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func encodePairs(name string, value any) (pairs []string) {
	switch v := value.(type) {
	case []any:
		for _, element := range v {
			pairs = append(pairs, encodePairs(name+"[]", element)...)
		}
	case Tree:
		for key, element := range v {
			pairs = append(pairs, encodePairs(name+"["+key+"]", element)...)
		}
	default:
		pairs = []string{url.QueryEscape(name) + "=" + url.QueryEscape(fmt.Sprint(v))}
	}
	return pairs
}
