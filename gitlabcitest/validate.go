package gitlabcitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

// A param is a parameter that a route reads. Others are ignored.
type param struct {
	name     string
	parse    parser
	parseIn  func(versions.Version) parser // instead of parse, where it depends on the release
	required bool
	initial  string // its value when it is not given; "" is none
	versions.Known
}

// paramsIn are those of the parameters that a release knows, as it reads them.
func paramsIn(v versions.Version, params []param) (found []param) {
	for _, p := range params {
		if p.parseIn != nil {
			p.parse = p.parseIn(v)
		}
		if p.Known.In(v) {
			found = append(found, p)
		}
	}
	return found
}

// A parser reads a parameter, or says what is wrong with it in words that
// follow its name. A nil without a complaint is a blank, and as if not given.
type parser func(given any) (value any, complaint string)

const (
	isInvalid    = " is invalid"
	isMissing    = " is missing"
	isNoneOfThem = " does not have a valid value"
	isNotAllowed = " has a value not allowed"
)

// validate reads parameters, and says all that is wrong with them at once. It
// adds defaults to what was given, as links repeat them.
func validate(params []param, given tree) (values map[string]any, complaint string) {
	values = map[string]any{}
	var complaints []string
	for _, p := range params {
		if given[p.name] == nil && p.initial != "" {
			given[p.name] = p.initial
		}
		if given[p.name] == nil {
			if p.required {
				complaints = append(complaints, p.name+isMissing)
			}
			continue
		}
		v, complaint := p.read(given)
		if complaint != "" {
			complaints = append(complaints, p.name+complaint)
		}
		values[p.name] = v
	}
	return values, strings.Join(complaints, ", ")
}

// read reads a parameter that was given. A blank one has its default, and a
// list of one word is a list in links too.
func (p param) read(given tree) (any, string) {
	v, complaint := p.parse(given[p.name])
	if v == nil && complaint == "" && p.initial != "" {
		given[p.name] = p.initial
		return p.parse(p.initial)
	}
	if _, isList := v.([]string); isList {
		if word, ok := given[p.name].(string); ok {
			given[p.name] = []any{word}
		}
	}
	return v, complaint
}

// text reads a string, or what JSON has for one.
func text(given any) (any, string) {
	switch v := given.(type) {
	case string:
		return v, ""
	case json.Number:
		return v.String(), ""
	case bool:
		return strconv.FormatBool(v), ""
	}
	return nil, isInvalid
}

// integer reads a whole number. One too large for any ID is still a number.
func integer(given any) (any, string) {
	word, complaint := text(given)
	if complaint != "" || word == "" {
		return nil, complaint
	}
	n, ok := new(big.Int).SetString(word.(string), 10)
	switch {
	case !ok:
		return nil, isInvalid
	case n.IsInt64():
		return n.Int64(), ""
	case n.Sign() < 0:
		return int64(-1 << 63), ""
	}
	return int64(1<<63 - 1), ""
}

// boolean reads true or false, or what the library that GitLab reads
// parameters with takes for them: Python writes "True".
func boolean(given any) (any, string) {
	switch given {
	case true, "true", "True", "TRUE", "t", "T", "1", "on", "On", "ON", "yes", "Yes", "YES", "y", "Y":
		return true, ""
	case false, "false", "False", "FALSE", "f", "F", "0", "off", "Off", "OFF", "no", "No", "NO", "n", "N":
		return false, ""
	case "":
		return nil, ""
	}
	return nil, isInvalid
}

// moment reads an ISO 8601 time. A "+" that nobody escaped has become a space
// by now, and is invalid.
func moment(given any) (any, string) {
	word, ok := given.(string)
	if !ok {
		return nil, isInvalid
	}
	if word == "" {
		return nil, ""
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, word); err == nil {
			return t, ""
		}
	}
	return nil, isInvalid
}

// oneOf reads one of some words.
func oneOf(words ...string) parser {
	return func(given any) (any, string) {
		word, complaint := text(given)
		if complaint == "" && !slices.Contains(words, word.(string)) {
			complaint = isNoneOfThem
		}
		return word, complaint
	}
}

// listOf reads any number of some words. A single one needs no brackets, and
// a hash is refused.
func listOf(words ...string) parser {
	return func(given any) (any, string) {
		list, ok := given.([]any)
		if !ok {
			list = []any{given}
		}
		read := make([]string, 0, len(list))
		for _, element := range list {
			word, ok := element.(string)
			if !ok || !slices.Contains(words, word) {
				return nil, isNoneOfThem
			}
			read = append(read, word)
		}
		return read, ""
	}
}

// anyOf reads what listOf does, and the values of a hash.
func anyOf(words ...string) parser {
	list := listOf(words...)
	return func(given any) (any, string) {
		hash, ok := given.(tree)
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

// pageSize reads a per_page, where any size above zero is cut to the largest.
func pageSize(given any) (any, string) {
	n, complaint := integer(given)
	if size, ok := n.(int64); ok && size < 1 {
		return nil, isNotAllowed
	}
	return n, complaint
}

// within reads a whole number that is neither too small nor too large.
func within(least, most int64) parser {
	return func(given any) (any, string) {
		n, complaint := integer(given)
		if i, ok := n.(int64); ok && (i < least || i > most) {
			return nil, isNoneOfThem
		}
		return n, complaint
	}
}

// object reads a hash.
func object(given any) (any, string) {
	if v, ok := given.(tree); ok {
		return v, ""
	}
	return nil, isInvalid
}

// variables reads the variables of a new pipeline: a list of hashes, or in a
// form a hash of hashes by index.
func variables(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		return nil, isInvalid
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
	if byIndex, isTree := given.(tree); isTree {
		return elements(byIndex)
	}
	list, ok = given.([]any)
	return list, ok
}

// elements returns the values of a hash whose keys are numbers, in their order.
func elements(byIndex tree) (list []any, ok bool) {
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
	fields, ok := given.(tree)
	if !ok {
		return gitlabci.Variable{}, " is not an object"
	}
	read := map[string]string{"variable_type": "env_var"}
	for _, p := range []param{
		{name: "key", parse: text},
		{name: "value", parse: text},
		{name: "variable_type", parse: oneOf("env_var", "file")},
	} {
		if fields[p.name] == nil {
			continue
		}
		v, complaint := p.parse(fields[p.name])
		if complaint != "" {
			return gitlabci.Variable{}, "[" + p.name + "]" + complaint
		}
		read[p.name] = v.(string)
	}
	return gitlabci.Variable{
		Key:          read["key"],
		Value:        read["value"],
		VariableType: gitlabci.VariableType(read["variable_type"]),
	}, ""
}

// pairsOf reads a list of hashes, each with a key and a value. It complains of
// all that is wrong with them, by the list's name.
func pairsOf(name string) parser {
	return func(given any) (any, string) {
		list, ok := listed(given)
		if !ok {
			return nil, isInvalid
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
	fields, ok := given.(tree)
	if !ok {
		return []string{isInvalid}
	}
	for _, name := range []string{"key", "value"} {
		complaint := isMissing
		if fields[name] != nil {
			_, complaint = text(fields[name])
		}
		if complaint != "" {
			complaints = append(complaints, "["+name+"]"+complaint)
		}
	}
	return complaints
}

// lenientVariables passes over what is no variable.
func lenientVariables(given any) (any, string) {
	list, ok := listed(given)
	if !ok {
		return nil, isInvalid
	}
	return variables(slices.DeleteFunc(slices.Clone(list), func(element any) bool {
		_, ok := element.(tree)
		return !ok
	}))
}
