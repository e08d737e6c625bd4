package graphql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// An Object is a value with fields.
type Object struct {
	Type   string
	Fields map[string]Field
}

// A Field is a field of an object.
type Field struct {
	Arguments []string // that it takes

	// Value returns nil, a scalar, an *Object, or a []*Object. An error is that of the
	// field, which then is null.
	Value func(arguments map[string]any) (any, error)
}

// Fixed is a field without arguments.
func Fixed(value any) Field { return Lazy(func() any { return value }) }

// Lazy is a field without arguments that is made when it is selected.
func Lazy(value func() any) Field {
	return Field{Value: func(map[string]any) (any, error) { return value(), nil }}
}

// A Problem is an error of a query.
type Problem struct {
	Message string `json:"message"`
	Path    []any  `json:"path,omitempty"`
}

// A Result is the response to a query.
type Result struct {
	Data   any       `json:"data,omitempty"` // absent if the query was not executed
	Errors []Problem `json:"errors,omitempty"`
}

// mostFields is how many fields a response has at most.
const mostFields = 200_000

// Execute executes the query of a document that has a name, or its only one for "".
func Execute(text, name string, variables map[string]any, root *Object) Result {
	doc, err := parse(text)
	if err != nil {
		return Result{Errors: []Problem{{Message: err.Error()}}}
	}
	i := slices.IndexFunc(doc.operations, func(op *operation) bool { return op.name == name || name == "" && len(doc.operations) == 1 })
	if i < 0 {
		return Result{Errors: []Problem{{Message: fmt.Sprintf("No operation named %q", name)}}}
	}
	op := doc.operations[i]
	if op.kind != "query" {
		return Result{Errors: []Problem{{Message: "The fake has no " + op.kind}}}
	}
	e := &executor{doc: doc, variables: map[string]any{}}
	for name, value := range op.defaults {
		if given, ok := variables[name]; ok {
			value = given
		}
		e.variables[name] = value
	}
	for _, name := range op.required {
		if e.variables[name] == nil {
			return Result{Errors: []Problem{{Message: fmt.Sprintf("Variable $%s was provided invalid value", name)}}}
		}
	}
	data, err := e.object(root, op.selections, nil)
	if err != nil { // the query does not fit the schema, or is too large
		return Result{Errors: []Problem{*err.(*invalid).problem}}
	}
	return Result{Data: data, Errors: e.problems}
}

// An invalid query is not executed.
type invalid struct{ problem *Problem }

func (e *invalid) Error() string { return e.problem.Message }

func refuse(path []any, format string, args ...any) error {
	return &invalid{&Problem{fmt.Sprintf(format, args...), slices.Clone(path)}}
}

type executor struct {
	doc       *document
	variables map[string]any
	problems  []Problem
	count     int // of fields
	deep      int // of fragments within fragments
}

// An ordered object is written in the order of its selections.
type ordered struct {
	names    []string
	values   map[string]any
	selected map[string][]selection // within each value: what is selected twice is merged
}

func (o *ordered) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	for i, name := range o.names {
		value, err := json.Marshal(o.values[name])
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "%c%q:%s", "{,"[min(i, 1)], name, value)
	}
	if len(o.names) == 0 {
		return []byte("{}"), nil
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (e *executor) object(of *Object, selections []selection, path []any) (*ordered, error) {
	out := &ordered{values: map[string]any{}, selected: map[string][]selection{}}
	return out, e.fill(out, of, selections, path)
}

// fill adds the selected fields of an object.
func (e *executor) fill(out *ordered, of *Object, selections []selection, path []any) error {
	for _, s := range selections {
		included, err := e.isIncluded(s, path)
		switch {
		case err != nil:
			return err
		case !included:
		case s.name != "":
			err = e.field(out, of, s, append(path, s.alias))
		default:
			err = e.spread(out, of, s, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *executor) isIncluded(s selection, path []any) (bool, error) {
	for _, c := range s.include {
		value, err := e.resolve(c.value, path)
		if err != nil {
			return false, err
		}
		if is, ok := value.(bool); !ok {
			return false, refuse(path, "Argument 'if' on Directive has an invalid value")
		} else if is == c.skip {
			return false, nil
		}
	}
	return true, nil
}

// spread adds the fields of a fragment, if it is for the object's type.
func (e *executor) spread(out *ordered, of *Object, s selection, path []any) error {
	on, selections := s.on, s.selections
	if !s.inline {
		f := e.doc.fragments[s.spread]
		if f == nil {
			return refuse(path, "Fragment %s was used, but not defined", s.spread)
		}
		on, selections = f.on, f.selections
	}
	if on != "" && on != of.Type {
		return nil
	}
	if e.deep++; e.deep > mostDepth {
		return refuse(path, "Fragment %s contains an infinite loop", s.spread)
	}
	defer func() { e.deep-- }()
	return e.fill(out, of, selections, path)
}

func (e *executor) field(out *ordered, of *Object, s selection, path []any) error {
	if e.count++; e.count > mostFields {
		return refuse(nil, "Query has complexity of more than %d, which exceeds max complexity", mostFields)
	}
	if _, twice := out.values[s.alias]; !twice {
		out.names = append(out.names, s.alias)
	}
	if before := out.selected[s.alias]; before != nil {
		s.selections = slices.Concat(before, s.selections)
	}
	out.selected[s.alias] = s.selections
	if s.name == "__typename" {
		out.values[s.alias] = of.Type
		return nil
	}
	field, known := of.Fields[s.name]
	if !known {
		return refuse(path, "Field '%s' doesn't exist on type '%s'", s.name, of.Type)
	}
	arguments := map[string]any{}
	for name, value := range s.arguments {
		if !slices.Contains(field.Arguments, name) {
			return refuse(path, "Field '%s' doesn't accept argument '%s'", s.name, name)
		}
		resolved, err := e.resolve(value, path)
		if err != nil {
			return err
		}
		arguments[name] = resolved
	}
	value, err := field.Value(arguments)
	if err != nil {
		e.problems = append(e.problems, Problem{err.Error(), slices.Clone(path)})
		value = nil
	}
	out.values[s.alias], err = e.complete(value, of, s, path)
	return err
}

// complete selects the fields of a value that is an object, or a list of them.
func (e *executor) complete(value any, of *Object, s selection, path []any) (any, error) {
	switch value := value.(type) {
	case *Object:
		if value == nil {
			return nil, nil
		}
		if s.selections == nil {
			return nil, refuse(path, "Field must have selections (field '%s' returns %s but has no selections)", s.name, value.Type)
		}
		return e.object(value, s.selections, path)
	case []*Object:
		list := make([]any, len(value))
		for i, one := range value {
			var err error
			if list[i], err = e.complete(one, of, s, append(path, i)); err != nil {
				return nil, err
			}
		}
		return list, nil
	case nil:
		return nil, nil
	}
	if s.selections != nil {
		return nil, refuse(path, "Selections can't be made on scalars (field '%s' of %s)", s.name, of.Type)
	}
	return value, nil
}

// resolve replaces the variables in a value, and words by their texts.
func (e *executor) resolve(value any, path []any) (any, error) {
	switch value := value.(type) {
	case variable:
		given, defined := e.variables[string(value)]
		if !defined {
			return nil, refuse(path, "Variable $%s is used but not declared", value)
		}
		return e.resolve(given, path)
	case enum:
		return string(value), nil
	case []any:
		list := make([]any, len(value))
		var failures error
		for i, one := range value {
			var err error
			list[i], err = e.resolve(one, path)
			failures = errors.Join(failures, err)
		}
		if failures != nil {
			return nil, refuse(path, "%s", failures)
		}
		return list, nil
	}
	return value, nil
}
