// Package graphql reads and executes queries of GraphQL, as far as programs that read
// pipelines write them: variables, arguments, aliases, fragments, @include and @skip.
//
// It is handed a document and an [Object] to begin with, and never knows what the
// fields of an object stand for. It has no mutations, no introspection but
// __typename, and does not check the types of variables.
package graphql

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A document is what a query says.
type document struct {
	operations []*operation
	fragments  map[string]*fragment
}

type operation struct {
	kind, name string
	defaults   map[string]any // of variables; nil for those without
	required   []string       // variables of a type that must not be null, without a default
	selections []selection
}

type fragment struct {
	on         string
	selections []selection
}

// A selection is a field, a spread fragment, or an inline one.
type selection struct {
	name, alias string // of a field
	arguments   map[string]any
	spread      string // the name of a fragment
	on          string // the type of an inline fragment, or "" for any
	inline      bool
	selections  []selection
	include     []condition
}

// A condition is @include or @skip.
type condition struct {
	value any
	skip  bool
}

// A variable is used in the place of a value.
type variable string

// An enum is a word in the place of a value.
type enum string

// mostDepth is how deep selections and values may be nested.
const mostDepth = 64

type parser struct {
	text  string
	at    int
	token string // the next one, "" at the end
	deep  int
}

func parse(text string) (doc *document, err error) {
	p := &parser{text: text}
	defer func() {
		if failed, ok := recover().(syntaxError); ok {
			err = errors.New(string(failed))
		}
	}()
	doc = &document{fragments: map[string]*fragment{}}
	for p.advance(); p.token != ""; {
		if p.token == "fragment" {
			p.advance()
			name := p.name()
			p.expect("on")
			doc.fragments[name] = &fragment{on: p.name(), selections: p.selectionSet()}
			continue
		}
		doc.operations = append(doc.operations, p.operation())
	}
	if len(doc.operations) == 0 {
		return nil, errors.New("the document has no operation")
	}
	return doc, nil
}

type syntaxError string

func (p *parser) fail() {
	if p.token == "" {
		panic(syntaxError("Parse error on end of document"))
	}
	line := 1 + strings.Count(p.text[:min(p.at, len(p.text))], "\n")
	panic(syntaxError(fmt.Sprintf("Parse error on %q at line %d", p.token, line)))
}

func (p *parser) operation() *operation {
	op := &operation{kind: "query", defaults: map[string]any{}}
	if p.token != "{" {
		if op.kind = p.name(); op.kind != "query" && op.kind != "mutation" && op.kind != "subscription" {
			p.fail()
		}
		if isName(p.token) {
			op.name = p.name()
		}
		if p.accept("(") {
			for !p.accept(")") {
				p.define(op)
			}
		}
		p.directives()
	}
	op.selections = p.selectionSet()
	return op
}

// define reads a variable's definition.
func (p *parser) define(op *operation) {
	p.expect("$")
	name := p.name()
	p.expect(":")
	isRequired := p.variableType()
	op.defaults[name] = nil
	if p.accept("=") {
		op.defaults[name] = p.value()
	} else if isRequired {
		op.required = append(op.required, name)
	}
}

// variableType reads a type, and reports whether it must not be null.
func (p *parser) variableType() bool {
	if p.accept("[") {
		p.variableType()
		p.expect("]")
	} else {
		p.name()
	}
	return p.accept("!")
}

func (p *parser) selectionSet() (set []selection) {
	if p.deep++; p.deep > mostDepth {
		panic(syntaxError("The query is nested too deep"))
	}
	p.expect("{")
	for !p.accept("}") {
		set = append(set, p.selection())
	}
	if p.deep--; len(set) == 0 {
		p.fail()
	}
	return set
}

func (p *parser) selection() (s selection) {
	if p.accept("...") {
		switch {
		case p.accept("on"):
			s.on, s.inline = p.name(), true
		case isName(p.token):
			s.spread = p.name()
		default:
			s.inline = true
		}
		s.include = p.directives()
		if s.inline {
			s.selections = p.selectionSet()
		}
		return s
	}
	s.name = p.name()
	s.alias = s.name
	if p.accept(":") {
		s.name = p.name()
	}
	if p.accept("(") {
		s.arguments = map[string]any{}
		for !p.accept(")") {
			name := p.name()
			p.expect(":")
			s.arguments[name] = p.value()
		}
	}
	s.include = p.directives()
	if p.token == "{" {
		s.selections = p.selectionSet()
	}
	return s
}

// directives reads @include and @skip; others are an error.
func (p *parser) directives() (conditions []condition) {
	for p.accept("@") {
		name := p.name()
		if name != "include" && name != "skip" {
			panic(syntaxError("Directive @" + name + " is not defined"))
		}
		p.expect("(")
		p.expect("if")
		p.expect(":")
		conditions = append(conditions, condition{p.value(), name == "skip"})
		p.expect(")")
	}
	return conditions
}

func (p *parser) value() any {
	if p.deep++; p.deep > mostDepth {
		panic(syntaxError("The query is nested too deep"))
	}
	defer func() { p.deep-- }()
	token := p.token
	switch {
	case p.accept("$"):
		return variable(p.name())
	case p.accept("["):
		list := []any{}
		for !p.accept("]") {
			list = append(list, p.value())
		}
		return list
	case p.accept("{"):
		object := map[string]any{}
		for !p.accept("}") {
			name := p.name()
			p.expect(":")
			object[name] = p.value()
		}
		return object
	case strings.HasPrefix(token, `"`):
		p.advance()
		return unquote(token)
	case isName(token):
		p.advance()
		return word(token)
	}
	number, err := strconv.ParseFloat(token, 64)
	if err != nil {
		p.fail()
	}
	p.advance()
	return number
}

func word(token string) any {
	switch token {
	case "true", "false":
		return token == "true"
	case "null":
		return nil
	}
	return enum(token)
}

func unquote(token string) string {
	if block, ok := strings.CutPrefix(token, `"""`); ok {
		return strings.TrimSpace(strings.ReplaceAll(strings.TrimSuffix(block, `"""`), `\"""`, `"""`))
	}
	text, err := strconv.Unquote(strings.ReplaceAll(token, `\/`, `/`))
	if err != nil {
		panic(syntaxError("Parse error on a string: " + err.Error()))
	}
	return text
}

func (p *parser) accept(token string) bool {
	if p.token != token {
		return false
	}
	p.advance()
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail()
	}
}

func (p *parser) name() string {
	name := p.token
	if !isName(name) {
		p.fail()
	}
	p.advance()
	return name
}

func isName(token string) bool {
	return token != "" && (token[0] == '_' || 'a' <= token[0] && token[0] <= 'z' || 'A' <= token[0] && token[0] <= 'Z')
}

// advance reads the next token.
func (p *parser) advance() {
	for p.token = ""; p.at < len(p.text); {
		rest := p.text[p.at:]
		first, size := utf8.DecodeRuneInString(rest)
		switch {
		case strings.ContainsRune(" \t\r\n,\uFEFF", first):
			p.at += size
		case first == '#':
			p.at += strings.IndexAny(rest+"\n", "\r\n")
		default:
			p.token = rest[:max(tokenLength(rest), size)]
			p.at += len(p.token)
			return
		}
	}
}

// tokenLength is the length of the token that a text begins with, or 0 for a single
// character.
func tokenLength(text string) int {
	switch c := text[0]; {
	case c == '"':
		return stringLength(text)
	case isName(text[:1]):
		return lengthOf(text, func(c byte) bool { return isName(string(c)) || '0' <= c && c <= '9' })
	case c == '-' || '0' <= c && c <= '9':
		return lengthOf(text, func(c byte) bool { return strings.IndexByte("+-.eE0123456789", c) >= 0 })
	case strings.HasPrefix(text, "..."):
		return len("...")
	}
	return 0
}

func lengthOf(text string, is func(byte) bool) int {
	for i := range len(text) {
		if !is(text[i]) {
			return i
		}
	}
	return len(text)
}

func stringLength(text string) int {
	if block, ok := strings.CutPrefix(text, `"""`); ok {
		for at := 0; ; {
			end := strings.Index(block[at:], `"""`)
			if end < 0 {
				panic(syntaxError("Parse error on a string that does not end"))
			}
			if at += end; at == 0 || block[at-1] != '\\' {
				return at + 2*len(`"""`)
			}
			at += len(`"""`)
		}
	}
	for i := 1; i < len(text) && text[i] != '\n'; i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	panic(syntaxError("Parse error on a string that does not end"))
}
