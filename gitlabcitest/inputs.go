package gitlabcitest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/rack"
)

// An Input is the declaration of a pipeline input in a project's configuration. The zero
// value is a string that a client must give.
type Input struct {
	Type    InputType // zero is InputString
	Default any       // its value if a client leaves it out; nil means that it is required
	Options []any     // the values that it allows; nil is all
	Regex   string    // that a string must match, in the syntax of RE2; "" is any text
}

// An InputType is the type of an [Input].
type InputType string

// The types of inputs.
const (
	InputString  InputType = "string"
	InputNumber  InputType = "number"
	InputBoolean InputType = "boolean"
	InputArray   InputType = "array"
)

// check panics if the input makes no sense.
func (in Input) check(method, name string) {
	types := []InputType{"", InputString, InputNumber, InputBoolean, InputArray}
	_, err := regexp.Compile(in.Regex)
	switch {
	case name == "":
		misuse("%s: an Input has no name", method)
	case !slices.Contains(types, in.Type):
		misuse("%s: the Input %q has the Type %q, which does not exist", method, name, in.Type)
	case err != nil:
		misuse("%s: the Input %q: %v", method, name, err)
	case in.Regex != "" && cmp.Or(in.Type, InputString) != InputString:
		misuse("%s: the Input %q is no string, and has a Regex", method, name)
	}
}

// pipelineInputs are those of the request, as they were meant: what is not
// text is sent as JSON in a form.
func (c *call) pipelineInputs(declared map[string]Input) rack.Tree {
	given := maps.Clone(value[rack.Tree](c, "inputs"))
	if kind, _, _ := mime.ParseMediaType(c.request.Header.Get("Content-Type")); kind == "application/json" {
		return given
	}
	for name, v := range given {
		text, isText := v.(string)
		if isText && cmp.Or(declared[name].Type, InputString) != InputString {
			given[name] = fromJSON(text)
		}
	}
	return given
}

// fromJSON reads a value, or returns the text if it is none.
func fromJSON(text string) any {
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil || decoder.More() {
		return text
	}
	return value
}

// complain says what is wrong with inputs. No declarations are any.
func complain(declared map[string]Input, given rack.Tree) (complaints []string) {
	if declared == nil {
		return nil
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, ok := declared[name]; !ok {
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		complaints = append(complaints, "unknown input arguments: "+strings.Join(unknown, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		v, ok := given[name]
		if complaint := declared[name].complain(v, ok); complaint != "" {
			complaints = append(complaints, fmt.Sprintf("`%s` input: %s", name, complaint))
		}
	}
	return complaints
}

func (in Input) complain(v any, given bool) string {
	kind := cmp.Or(in.Type, InputString)
	text, _ := v.(string)
	switch {
	case !given && in.Default == nil:
		return "required value has not been provided"
	case !given:
		return ""
	case !kind.is(v):
		return "provided value is not " + kind.noun()
	case in.Options != nil && !slices.ContainsFunc(in.Options, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(v) }):
		return notAllowed(v)
	case in.Regex != "" && !regexp.MustCompile(in.Regex).MatchString(text):
		return "provided value does not match required RegEx pattern"
	}
	return ""
}

func notAllowed(v any) string {
	return fmt.Sprintf("`%v` cannot be used because it is not in the list of allowed options", v)
}

// is reports whether a value is of the type.
func (t InputType) is(v any) (ok bool) {
	switch t {
	case InputNumber:
		_, ok = v.(json.Number)
	case InputBoolean:
		_, ok = v.(bool)
	case InputArray:
		_, ok = v.([]any)
	default:
		_, ok = v.(string)
	}
	return ok
}

func (t InputType) noun() string {
	if t == InputArray {
		return "an array"
	}
	return "a " + string(t)
}
