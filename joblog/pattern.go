package joblog

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"sync"
)

// A pattern is a regular expression. It is compiled when it is first used: most logs need few
// of them. It is not tried on a line that lacks the literal, or begins with another byte than
// all matches.
type pattern struct {
	text string
	once sync.Once

	re         *regexp.Regexp
	literal    []byte    // that each match contains
	firstBytes [4]uint64 // that each match begins with, after space, as a set of bits

	file, line, name, reason int // the places of its groups
}

func newPattern(text string) *pattern {
	if text == "" {
		return nil
	}
	return &pattern{text: text}
}

func (p *pattern) compile() {
	p.re = regexp.MustCompile(p.text)
	p.file, p.line = p.re.SubexpIndex("file"), p.re.SubexpIndex("line")
	p.name, p.reason = p.re.SubexpIndex("name"), p.re.SubexpIndex("reason")
	parsed, err := syntax.Parse(p.text, syntax.Perl)
	if err != nil {
		panic(err) // regexp has parsed it
	}
	parsed = parsed.Simplify()
	p.literal = []byte(literalOf(parsed))
	p.findFirstBytes(parsed)
}

// matches reports whether the pattern is in the text.
func (p *pattern) matches(text []byte) bool {
	p.once.Do(p.compile)
	if !bytes.Contains(text, p.literal) {
		return false
	}
	if rest := bytes.TrimLeft(text, " \t"); len(rest) > 0 && p.firstBytes[rest[0]/64]&(1<<(rest[0]%64)) == 0 {
		return false
	}
	return p.re.Match(text)
}

// find returns where the pattern and its groups are in the text, or nil.
func (p *pattern) find(text []byte) []int {
	p.once.Do(p.compile)
	if p.file < 0 && p.line < 0 && p.name < 0 && p.reason < 0 {
		return nil
	}
	return p.re.FindSubmatchIndex(text)
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

// findFirstBytes sets firstBytes. It follows the program from its start, past instructions
// that match space. A pattern that may match in the middle of a line begins with any byte.
func (p *pattern) findFirstBytes(re *syntax.Regexp) {
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
				p.addAllFirstBytes()
			} else if p.addFirstBytes(in) {
				follow(in.Out, where)
			}
		}
	}
	follow(uint32(prog.Start), anywhere)
}

// addFirstBytes adds the bytes that an instruction matches. It reports whether it matches
// space, and so whether other bytes may follow.
func (p *pattern) addFirstBytes(in *syntax.Inst) (space bool) {
	for b := range 0x80 {
		if !in.MatchRune(rune(b)) {
			continue
		}
		if b == ' ' || b == '\t' {
			space = true
		} else {
			p.firstBytes[b/64] |= 1 << (b % 64)
		}
	}
	// Bytes that begin a rune of several bytes are not distinguished.
	p.firstBytes[2], p.firstBytes[3] = ^uint64(0), ^uint64(0)
	return space
}

func (p *pattern) addAllFirstBytes() {
	for i := range p.firstBytes {
		p.firstBytes[i] = ^uint64(0)
	}
}
