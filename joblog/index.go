package joblog

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
)

const (
	minStart   = 3
	minWord    = 4
	maxMatched = 1 << 10 // how much of a line patterns see
	maxScanned = 4 << 10 // how much of a line is searched for words
	maxTries   = 12      // how many facts with a pattern are tried on a line
)

// An opener is a compiled [fact].
type opener struct {
	*fact
	order       int // in the tables
	match       *pattern
	confirm     *pattern
	before      []compiledLook
	after       []compiledRule
	needs, sets uint64 // bits of marks
}

// A compiledRule is a compiled [rule].
type compiledRule struct {
	*rule
	like *pattern
	then []compiledRule
}

// A compiledLook is a compiled [look].
type compiledLook struct {
	*look
	like, until *pattern
}

// An anchor is a literal that may open a fact. Entries with the same hash are a chain.
type anchor struct {
	text   string
	opener *opener
	hint   *hint // of words that only mention an error
	next   uint16
}

// An index finds the facts that a line may open. Every line of a log is searched with
// it, so its tables fit the processor's nearest memory.
type index struct {
	starts  [1 << 12]uint16 // by the hash of the first bytes: the first anchor of the chain, plus one
	words   [1 << 12]uint16
	anchors []anchor
	places  []*opener
	kinds   [256]kind
	pairs   [1 << 10]kind // what the first two letters of some word may do

	harmless []*pattern
	marks    map[string]uint64
	patterns map[string]*pattern // by their texts: tables share many rules
}

// sharedIndex returns the index of all families. It is made for the first log, so that a
// program that reads none makes no index.
func sharedIndex() *index {
	shared.once.Do(func() { shared.index = newIndex(families()) })
	return shared.index
}

var shared struct {
	once  sync.Once
	index *index
}

func newIndex(families []*family) *index {
	x := &index{kinds: kinds(), marks: map[string]uint64{}, patterns: map[string]*pattern{}}
	for _, f := range families {
		for i := range f.facts {
			x.add(&f.facts[i])
		}
		for _, text := range f.harmless {
			x.harmless = append(x.harmless, x.pattern(text))
		}
	}
	for i := range hints {
		x.addWord(hints[i].word, anchor{hint: &hints[i]}, true)
	}
	return x
}

func (x *index) add(f *fact) {
	o := &opener{fact: f, order: len(x.anchors), match: x.pattern(f.match), confirm: x.pattern(f.confirm), needs: x.mark(f.needs), sets: x.mark(f.sets)}
	for i := range f.before {
		l := &f.before[i]
		o.before = append(o.before, compiledLook{l, x.pattern(l.like), x.pattern(l.until)})
	}
	o.after = x.compileRules(f.after)
	for _, text := range f.starts {
		x.addTo(&x.starts, startHash([]byte(text)), anchor{text: text, opener: o})
	}
	for _, text := range f.words {
		x.addWord(text, anchor{opener: o}, f.fold)
	}
	if f.place {
		x.places = append(x.places, o)
	}
}

func (x *index) compileRules(rules []rule) (compiled []compiledRule) {
	for i := range rules {
		r := &rules[i]
		compiled = append(compiled, compiledRule{r, x.pattern(r.like), x.compileRules(r.then)})
	}
	return compiled
}

func (x *index) pattern(text string) *pattern {
	p, ok := x.patterns[text]
	if !ok {
		p = newPattern(text)
		x.patterns[text] = p
	}
	return p
}

func (x *index) addWord(text string, a anchor, fold bool) {
	a.text = text
	x.addTo(&x.words, wordHash([]byte(text)), a)
	x.kinds[text[0]] |= beginning(text[0])
	if fold && isLetter(text[0]) {
		x.kinds[text[0]&^0x20] |= capital
	}
	x.pairs[pair(text[0], text[1])] = plainBeginning | capital
}

// addTo appends an anchor to its chain, so that the first in the tables is the first
// found.
func (x *index) addTo(table *[1 << 12]uint16, hash uint32, a anchor) {
	x.anchors = append(x.anchors, a)
	at := &table[hash]
	for *at != 0 {
		at = &x.anchors[*at-1].next
	}
	*at = uint16(len(x.anchors))
}

func (x *index) mark(name string) uint64 {
	if name == "" {
		return 0
	}
	bit, ok := x.marks[name]
	if !ok {
		if len(x.marks) == 64 {
			panic("joblog: more than 64 marks")
		}
		bit = 1 << len(x.marks)
		x.marks[name] = bit
	}
	return bit
}

// startHash is of the first three bytes, in lower case.
func startHash(b []byte) uint32 {
	return mix(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | 0x202020)
}

// wordHash is of the first four bytes, in lower case.
func wordHash(b []byte) uint32 { return mix(binary.LittleEndian.Uint32(b) | 0x20202020) }

func mix(u uint32) uint32 { return u * 0x9e3779b1 >> 20 }

// find returns the fact that a line opens, or the hint that it mentions an error, or
// nothing. A fact is worth more than a hint in any place.
func (x *index) find(l *factLine, marks uint64) (opened *opener, hinted *hint) {
	s := search{index: x, factLine: l, marks: marks}
	if o := s.start(); o != nil {
		return o, nil
	}
	if o := s.place(); o != nil {
		return o, nil
	}
	return s.word()
}

// A search searches for the fact that a line opens.
type search struct {
	*index
	*factLine
	marks uint64
	tried [maxTries]*opener
	tries int
}

func (s *search) start() *opener {
	begin := s.body
	if len(begin) < minStart {
		return nil
	}
	if digits := span(begin, isDigit); digits > 0 {
		if len(begin)-digits+1 < minStart {
			return nil
		}
		begin = append(s.number[:0], '#')
		begin = append(begin, s.body[digits:min(digits+len(s.number)-1, len(s.body))]...)
	}
	for a := s.starts[startHash(begin)]; a != 0; a = s.anchors[a-1].next {
		anchor := &s.anchors[a-1]
		if anchor.in(begin) && s.fits(anchor.opener) {
			return anchor.opener
		}
	}
	return nil
}

// place finds a fact of lines that begin with a file and a line number.
func (s *search) place() *opener {
	file := fileOfPlace(s.body)
	if file == nil {
		return nil
	}
	for _, o := range s.places {
		if o.isAbout(file) && bytes.Contains(s.inner, []byte(o.has)) && s.fits(o) {
			return o
		}
	}
	return nil
}

// isAbout reports whether the fact is of such files.
func (f *fact) isAbout(file []byte) bool {
	for _, ending := range f.files {
		if len(file) > len(ending) && string(file[len(file)-len(ending):]) == ending {
			return true
		}
	}
	return len(f.files) == 0
}

// fileOfPlace returns the file that b begins with, if b is like "dir/file.go:12",
// "file.cs(3" or "File.java:[3".
func fileOfPlace(b []byte) []byte {
	length := span(b, isPathByte)
	if length == 1 && len(b) > 3 && b[1] == ':' && b[2] == '\\' { // a drive of Windows
		length = 2 + span(b[2:], isPathByte)
	}
	if length == 0 || length+1 >= len(b) || b[length] != ':' && b[length] != '(' {
		return nil
	}
	if !isDigit(b[length+1]) && b[length+1] != '[' || bytes.IndexByte(b[:length], '.') < 0 {
		return nil
	}
	return b[:length]
}

func isPathByte(c byte) bool { return pathBytes[c] }

var pathBytes = func() (table [256]bool) {
	for c := range table {
		b := byte(c)
		table[c] = isNameByte(b) || b >= 0x80 || bytes.IndexByte([]byte(`/\@+~$%`), b) >= 0
	}
	return table
}()

// A kind says whether a byte may begin a word that is looked for, and in bits of afterIt
// what may begin behind it. In TypeError a word begins within another.
type kind uint8

const (
	plainBeginning kind = 1 << iota
	capital
	afterIt = 4 // how far the bits of what may begin behind a byte are shifted
)

// kinds are those of each byte, before any words are known.
func kinds() (table [256]kind) {
	for i := range table {
		switch c := byte(i); {
		case !isNamePart(c):
			table[c] = (plainBeginning | capital) << afterIt
		case isLetter(c) && !isUpper(c):
			table[c] = capital << afterIt
		}
	}
	return table
}

// beginning is the kind of a byte that begins a word.
func beginning(c byte) kind {
	if isUpper(c) {
		return capital
	}
	return plainBeginning
}

// pair numbers two letters of any case. Others may have the same number.
func pair(a, b byte) int { return int(a&31)<<5 | int(b&31) }

// word finds the words of a line. The loop takes a quarter of the time of all that
// joblog does with most logs, so it has one branch, which is seldom taken.
func (s *search) word() (opened *opener, hinted *hint) {
	x, text := s.index, s.inner[:min(len(s.inner), maxScanned)]
	before := kind(plainBeginning|capital) << afterIt
	for i := 0; i+minWord <= len(text); i++ {
		k := x.kinds[text[i]]
		begins := k & (before >> afterIt) & x.pairs[pair(text[i], text[i+1])]
		before = k
		if begins == 0 {
			continue
		}
		if a := x.words[wordHash(text[i:])]; a != 0 {
			o, h := s.wordAt(a, text, i)
			if o != nil {
				return o, nil
			}
			hinted = h.or(hinted)
		}
	}
	return nil, hinted
}

// wordAt compares the word at i with a chain of anchors.
func (s *search) wordAt(a uint16, text []byte, i int) (opened *opener, hinted *hint) {
	for ; a != 0; a = s.anchors[a-1].next {
		anchor := &s.anchors[a-1]
		switch {
		case anchor.hint != nil:
			if anchor.hint.isAt(text, i) {
				hinted = anchor.hint.or(hinted)
			}
		case anchor.in(text[i:]) && s.fits(anchor.opener):
			return anchor.opener, nil
		}
	}
	return nil, hinted
}

func (a *anchor) in(b []byte) bool {
	if a.opener.fold {
		return hasPrefixFold(b, a.text)
	}
	return len(b) >= len(a.text) && string(b[:len(a.text)]) == a.text
}

// fits reports whether a line whose literal was found opens the fact.
func (s *search) fits(o *opener) bool {
	if o.needs&^s.marks != 0 {
		return false
	}
	if o.match == nil {
		return true
	}
	if s.tries == maxTries || slices.Contains(s.tried[:s.tries], o) {
		return false
	}
	s.tried[s.tries] = o
	s.tries++
	return o.match.matches(s.matched())
}
