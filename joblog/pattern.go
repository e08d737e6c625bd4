package joblog

import (
	"bytes"
	"regexp"
	"regexp/syntax"
)

// A pattern is a compiled one, with the places of its groups. Most lines are spared the
// regular expression: they lack what each text that it matches has.
type pattern struct {
	*regexp.Regexp
	file, line, name int

	literal []byte    // each match has it
	begins  [256]bool // the bytes that a match may begin with, after space
}

func compile(text string) *pattern {
	if text == "" {
		return nil
	}
	re := regexp.MustCompile(text)
	p := &pattern{Regexp: re, file: re.SubexpIndex("file"), line: re.SubexpIndex("line"), name: re.SubexpIndex("name")}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		panic(err) // regexp has parsed it
	}
	parsed = parsed.Simplify()
	p.literal = []byte(literalOf(parsed))
	p.findBegins(parsed)
	return p
}

// Match reports whether the pattern is in the text.
func (p *pattern) Match(text []byte) bool {
	if !bytes.Contains(text, p.literal) {
		return false
	}
	if rest := bytes.TrimLeft(text, " \t"); len(rest) > 0 && !p.begins[rest[0]] {
		return false
	}
	return p.Regexp.Match(text)
}

// literalOf returns the longest literal that each match has.
func literalOf(re *syntax.Regexp) (literal string) {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
	case syntax.OpCapture, syntax.OpPlus:
		return literalOf(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if found := literalOf(sub); len(found) > len(literal) {
				literal = found
			}
		}
	}
	return literal
}

// findBegins follows the program from its start, over what matches space, to what
// matches anything else. A pattern that may stand anywhere in a line begins with any byte.
func (p *pattern) findBegins(re *syntax.Regexp) {
	prog, err := syntax.Compile(re)
	if err != nil {
		panic(err) // regexp has compiled it
	}
	const anywhere, atBegin = 0, 1
	done := make([][2]bool, len(prog.Inst))
	var follow func(pc uint32, where int)
	follow = func(pc uint32, where int) {
		if done[pc][where] {
			return
		}
		done[pc][where] = true
		switch in := &prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			follow(in.Out, where)
			follow(in.Arg, where)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0 {
				where = atBegin
			}
			follow(in.Out, where)
		case syntax.InstCapture, syntax.InstNop:
			follow(in.Out, where)
		case syntax.InstFail:
		default:
			if in.Op == syntax.InstMatch || where == anywhere {
				p.beginWithAny()
			} else if p.beginWith(in) {
				follow(in.Out, where)
			}
		}
	}
	follow(uint32(prog.Start), anywhere)
}

// beginWith adds the bytes that an instruction matches. It reports whether it matches
// space, and so whether other bytes may follow.
func (p *pattern) beginWith(in *syntax.Inst) (space bool) {
	for b := range 0x80 {
		if !in.MatchRune(rune(b)) {
			continue
		}
		if b == ' ' || b == '\t' {
			space = true
		} else {
			p.begins[b] = true
		}
	}
	// What begins a rune of several bytes is not looked at more closely.
	for b := 0x80; b < len(p.begins); b++ {
		p.begins[b] = true
	}
	return space
}

func (p *pattern) beginWithAny() {
	for b := range p.begins {
		p.begins[b] = true
	}
}
