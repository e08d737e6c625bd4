package rack

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A Param is a parameter that a route reads. Others are ignored.
type Param struct {
	Name     string
	Parse    Parser
	ParseIn  func(versions.Version) Parser // instead of Parse, where it depends on the release
	Required bool
	Initial  string // its value when it is not given; "" is none
	versions.Known
}

// In returns those of the parameters that a release knows, as it reads them.
func In(v versions.Version, params []Param) (found []Param) {
	for _, p := range params {
		if p.ParseIn != nil {
			p.Parse = p.ParseIn(v)
		}
		if p.Known.In(v) {
			found = append(found, p)
		}
	}
	return found
}

// A Parser reads a parameter, or says what is wrong with it in words that
// follow its name. A nil without a complaint is a blank, and as if not given.
type Parser func(given any) (value any, complaint string)

// What is wrong with a parameter, after its name.
const (
	IsInvalid       = " is invalid"
	isMissing       = " is missing"
	isNotValidValue = " does not have a valid value"
	isNotAllowed    = " has a value not allowed"
)

// Validate reads parameters, and returns all that is wrong with them together. It adds
// defaults to what was given, as links repeat them.
func Validate(params []Param, given Tree) (values map[string]any, complaint string) {
	values = map[string]any{}
	var complaints []string
	for _, p := range params {
		if given[p.Name] == nil && p.Initial != "" {
			given[p.Name] = p.Initial
		}
		if given[p.Name] == nil {
			if p.Required {
				complaints = append(complaints, p.Name+isMissing)
			}
			continue
		}
		v, complaint := p.read(given)
		if complaint != "" {
			complaints = append(complaints, p.Name+complaint)
		}
		values[p.Name] = v
	}
	return values, strings.Join(complaints, ", ")
}

// read reads a parameter that was given. A blank one has its default, and a
// list of one word is a list in links too.
func (p Param) read(given Tree) (any, string) {
	v, complaint := p.Parse(given[p.Name])
	if v == nil && complaint == "" && p.Initial != "" {
		given[p.Name] = p.Initial
		return p.Parse(p.Initial)
	}
	if _, isList := v.([]string); isList {
		if word, ok := given[p.Name].(string); ok {
			given[p.Name] = []any{word}
		}
	}
	return v, complaint
}

// Text reads a string, or what JSON has for one.
func Text(given any) (any, string) {
	switch v := given.(type) {
	case string:
		return v, ""
	case json.Number:
		return v.String(), ""
	case bool:
		return strconv.FormatBool(v), ""
	}
	return nil, IsInvalid
}

// Filled reads a text that must not be blank.
func Filled(given any) (any, string) {
	v, complaint := Text(given)
	if word, isText := v.(string); isText && strings.TrimSpace(word) == "" {
		return nil, " is empty"
	}
	return v, complaint
}

// Integer reads a whole number. One too large for any ID is still a number.
func Integer(given any) (any, string) {
	word, complaint := Text(given)
	if complaint != "" || word == "" {
		return nil, complaint
	}
	n, ok := new(big.Int).SetString(word.(string), 10)
	switch {
	case !ok:
		return nil, IsInvalid
	case n.IsInt64():
		return n.Int64(), ""
	case n.Sign() < 0:
		return int64(-1 << 63), ""
	}
	return int64(1<<63 - 1), ""
}

// Integers reads a list of integers.
func Integers(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		list = []any{given}
	}
	read := []int64{}
	for _, element := range list {
		n, complaint := Integer(element)
		if complaint != "" {
			return nil, complaint
		}
		if n != nil {
			read = append(read, n.(int64))
		}
	}
	return read, ""
}

// Decimal reads a number with or without a fraction.
func Decimal(given any) (any, string) {
	word, complaint := Text(given)
	if complaint != "" || word == "" {
		return nil, complaint
	}
	n, err := strconv.ParseFloat(word.(string), 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return nil, IsInvalid
	}
	return n, ""
}

// Boolean reads true or false, or what the library that GitLab reads
// parameters with accepts for them: Python writes "True".
func Boolean(given any) (any, string) {
	switch given {
	case true, "true", "True", "TRUE", "t", "T", "1", "on", "On", "ON", "yes", "Yes", "YES", "y", "Y":
		return true, ""
	case false, "false", "False", "FALSE", "f", "F", "0", "off", "Off", "OFF", "no", "No", "NO", "n", "N":
		return false, ""
	case "":
		return nil, ""
	}
	return nil, IsInvalid
}

// Moment reads an ISO 8601 time. A "+" that nobody escaped has become a space
// by now, and is invalid.
func Moment(given any) (any, string) {
	word, ok := given.(string)
	if !ok {
		return nil, IsInvalid
	}
	if word == "" {
		return nil, ""
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, word); err == nil {
			return t, ""
		}
	}
	return nil, IsInvalid
}

// OneOf reads one of some words.
func OneOf(words ...string) Parser {
	return func(given any) (any, string) {
		word, complaint := Text(given)
		if complaint == "" && !slices.Contains(words, word.(string)) {
			complaint = isNotValidValue
		}
		return word, complaint
	}
}

// ListOf reads any number of some words. A single one needs no brackets, and
// a hash is refused.
func ListOf(words ...string) Parser {
	return func(given any) (any, string) {
		list, ok := given.([]any)
		if !ok {
			list = []any{given}
		}
		read := make([]string, 0, len(list))
		for _, element := range list {
			word, ok := element.(string)
			if !ok || !slices.Contains(words, word) {
				return nil, isNotValidValue
			}
			read = append(read, word)
		}
		return read, ""
	}
}

// AnyOf reads what [ListOf] does, and the values of a hash.
func AnyOf(words ...string) Parser {
	list := ListOf(words...)
	return func(given any) (any, string) {
		hash, ok := given.(Tree)
		if !ok {
			return list(given)
		}
		read := []any{}
		for _, key := range slices.Sorted(maps.Keys(hash)) {
			read = append(read, hash[key])
		}
		return list(read)
	}
}

// PageSize reads a per_page, where any size above zero is cut to the largest.
func PageSize(given any) (any, string) {
	n, complaint := Integer(given)
	if size, ok := n.(int64); ok && size < 1 {
		return nil, isNotAllowed
	}
	return n, complaint
}

// Within reads a whole number that is neither too small nor too large.
func Within(least, most int64) Parser {
	return func(given any) (any, string) {
		n, complaint := Integer(given)
		if i, ok := n.(int64); ok && (i < least || i > most) {
			return nil, isNotValidValue
		}
		return n, complaint
	}
}

// Object reads a hash.
func Object(given any) (any, string) {
	if v, ok := given.(Tree); ok {
		return v, ""
	}
	return nil, IsInvalid
}

// Variables reads the variables of a new pipeline: a list of hashes, or in a
// form a hash of hashes by index.
func Variables(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		return nil, IsInvalid
	}
	read := make([]gitlabci.Variable, 0, len(list))
	for i, element := range list {
		v, complaint := variable(element)
		if complaint != "" {
			return nil, fmt.Sprintf("[%d]%s", i, complaint)
		}
		read = append(read, v)
	}
	return read, ""
}

// listed returns the elements of a list, which in a form can be a hash.
func listed(given any) (list []any, ok bool) {
	if byIndex, isTree := given.(Tree); isTree {
		return elements(byIndex)
	}
	list, ok = given.([]any)
	return list, ok
}

// elements returns the values of a hash whose keys are numbers, in their order.
func elements(byIndex Tree) (list []any, ok bool) {
	indexes := make([]int, 0, len(byIndex))
	for key := range byIndex {
		i, err := strconv.Atoi(key)
		if err != nil {
			return nil, false
		}
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	for _, i := range indexes {
		list = append(list, byIndex[strconv.Itoa(i)])
	}
	return list, true
}

func variable(given any) (gitlabci.Variable, string) {
	fields, ok := given.(Tree)
	if !ok {
		return gitlabci.Variable{}, " is not an object"
	}
	read := map[string]string{"variable_type": "env_var"}
	for _, p := range []Param{
		{Name: "key", Parse: Text},
		{Name: "value", Parse: Text},
		{Name: "variable_type", Parse: OneOf("env_var", "file")},
	} {
		if fields[p.Name] == nil {
			continue
		}
		v, complaint := p.Parse(fields[p.Name])
		if complaint != "" {
			return gitlabci.Variable{}, "[" + p.Name + "]" + complaint
		}
		read[p.Name] = v.(string)
	}
	return gitlabci.Variable{
		Key:          read["key"],
		Value:        read["value"],
		VariableType: gitlabci.VariableType(read["variable_type"]),
	}, ""
}

// PairsOf reads a list of hashes, each with a key and a value. It complains of
// all that is wrong with them, by the list's name.
func PairsOf(name string) Parser {
	return func(given any) (any, string) {
		list, ok := listed(given)
		if !ok {
			return nil, IsInvalid
		}
		var complaints []string
		for i, element := range list {
			for _, complaint := range pair(element) {
				complaints = append(complaints, fmt.Sprintf("[%d]%s", i, complaint))
			}
		}
		return list, strings.Join(complaints, ", "+name)
	}
}

// pair returns what is wrong with a key and a value.
func pair(given any) (complaints []string) {
	fields, ok := given.(Tree)
	if !ok {
		return []string{IsInvalid}
	}
	for _, name := range []string{"key", "value"} {
		complaint := isMissing
		if fields[name] != nil {
			_, complaint = Text(fields[name])
		}
		if complaint != "" {
			complaints = append(complaints, "["+name+"]"+complaint)
		}
	}
	return complaints
}

// LenientVariables reads what [Variables] does, and passes over what is no
// variable.
func LenientVariables(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		return nil, IsInvalid
	}
	return Variables(slices.DeleteFunc(slices.Clone(list), func(element any) bool {
		_, ok := element.(Tree)
		return !ok
	}))
}
