// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"
)

// parse reads a specification; rv64.isa's head describes the language.
func parse(name, text string) (*spec, error) {
	p := parser{spec: &spec{name: name, fields: map[int][]*field{}}}
	for k, line := range strings.Split(text, "\n") {
		p.line = k + 1
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.parseLine(line, words); err != nil {
			return nil, err
		}
	}
	if len(p.spec.long) == 0 {
		return nil, p.errorf("no instructions")
	}
	return p.spec, nil
}

type parser struct {
	spec  *spec
	line  int
	width int // of the current "fields" section; 0 before the first
	ext   string
	csrs  bool // in the section of that name
}

func (p *parser) errorf(format string, args ...any) error {
	return p.spec.errorf(p.line, format, args...)
}

func (p *parser) parseLine(line string, words []string) error {
	switch {
	case words[0] == "fields":
		if len(words) != 2 || words[1] != "32" && words[1] != "16" {
			return p.errorf(`want "fields 32" or "fields 16"`)
		}
		p.width, _ = strconv.Atoi(words[1])
		p.ext, p.csrs = "", false
		return nil
	case words[0] == "csrs":
		if len(words) != 1 {
			return p.errorf("unexpected %q", words[1])
		}
		p.csrs = true
		return nil
	case p.csrs:
		return p.parseCSR(words)
	case words[0] == "extension":
		if len(words) != 2 || p.width == 0 {
			return p.errorf(`want "extension NAME" after the fields`)
		}
		p.ext = words[1]
		return nil
	case p.width == 0:
		return p.errorf(`want "fields 32" or "fields 16" first`)
	case p.ext == "":
		return p.parseField(words)
	}
	return p.parseInst(line)
}

func (p *parser) field(letter byte) *field {
	for _, f := range p.spec.fields[p.width] {
		if f.letter == letter {
			return f
		}
	}
	return nil
}

// parseField reads "LETTER DEST[,DEST]" or "LETTER imm signed|unsigned BITS".
func (p *parser) parseField(words []string) error {
	if len(words) < 2 || len(words[0]) != 1 || !isLetter(words[0][0]) {
		return p.errorf("want a letter and what it sets")
	}
	f := &field{line: p.line, letter: words[0][0]}
	if p.field(f.letter) != nil {
		return p.errorf("field %c is already declared", f.letter)
	}
	for _, d := range strings.Split(words[1], ",") {
		member, plus, _ := strings.Cut(d, "+")
		if goMember(member) == "" {
			return p.errorf("field %c: unknown member %q", f.letter, member)
		}
		n := 0
		if plus != "" {
			var err error
			if n, err = strconv.Atoi(plus); err != nil {
				return p.errorf("field %c: %q is no number", f.letter, plus)
			}
		}
		f.dests = append(f.dests, dest{member, n})
	}
	f.imm = f.dests[0].member == "imm"
	if f.imm {
		if len(words) != 4 || len(f.dests) != 1 || words[2] != "signed" && words[2] != "unsigned" {
			return p.errorf("field %c: want: imm signed|unsigned BITS", f.letter)
		}
		f.signed = words[2] == "signed"
		if err := p.parseBits(f, words[3]); err != nil {
			return err
		}
	} else if len(words) != 2 {
		return p.errorf("field %c: unexpected %q", f.letter, words[2])
	}
	p.spec.fields[p.width] = append(p.spec.fields[p.width], f)
	return nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// parseBits reads a list such as 12,10:5 into f.value.
func (p *parser) parseBits(f *field, text string) error {
	var seen uint32
	for _, r := range strings.Split(text, ",") {
		high, low, isRange := strings.Cut(r, ":")
		if !isRange {
			low = high
		}
		h, err1 := strconv.Atoi(high)
		l, err2 := strconv.Atoi(low)
		if err1 != nil || err2 != nil || l < 0 || h < l || h > 31 {
			return p.errorf("field %c: bad bits %q", f.letter, r)
		}
		for b := h; b >= l; b-- {
			if seen>>b&1 != 0 {
				return p.errorf("field %c: bit %d twice", f.letter, b)
			}
			seen |= 1 << b
			f.value = append(f.value, b)
		}
	}
	return nil
}

func (p *parser) parseInst(line string) error {
	cols := strings.Split(line, "|")
	if len(cols) != 3 {
		return p.errorf("want: mnemonic picture | operands | attributes")
	}
	mnemonic, picture, _ := strings.Cut(strings.TrimSpace(cols[0]), " ")
	i := &inst{line: p.line, name: mnemonic, ext: p.ext, width: p.width, operands: strings.TrimSpace(cols[1])}
	if err := p.parsePicture(i, strings.ReplaceAll(picture, " ", "")); err != nil {
		return err
	}
	for _, a := range strings.Split(cols[2], ";") {
		if err := p.parseAttribute(i, strings.Fields(a)); err != nil {
			return err
		}
	}
	if (i.width == 16) != (i.expands != "") {
		return p.errorf("%s: compressed instructions, and only they, need an expansion (= op)", i.name)
	}
	if i.width == 32 {
		p.spec.long = append(p.spec.long, i)
	} else {
		p.spec.short = append(p.spec.short, i)
	}
	return nil
}

func (p *parser) parsePicture(i *inst, picture string) error {
	if len(picture) != i.width {
		return p.errorf("%s: the picture has %d bits, not %d", i.name, len(picture), i.width)
	}
	at := map[byte][]int{}
	for k := range len(picture) {
		bit := i.width - 1 - k
		c := picture[k]
		switch {
		case c == '0' || c == '1':
			i.mask |= 1 << bit
			i.match |= uint32(c-'0') << bit
		case c == '.':
			i.ignored |= 1 << bit
		case p.field(c) == nil:
			return p.errorf("%s: no field %q", i.name, c)
		default:
			if at[c] == nil {
				i.fields = append(i.fields, p.field(c))
			}
			at[c] = append(at[c], bit)
		}
	}
	for _, f := range i.fields {
		if err := p.place(i, f, at[f.letter]); err != nil {
			return err
		}
	}
	for _, m := range members {
		n := 0
		for _, f := range i.fields {
			for _, d := range f.dests {
				if d.member == m.name {
					n++
				}
			}
		}
		if n > 1 {
			return p.errorf("%s: two fields set %s", i.name, m.name)
		}
	}
	return nil
}

// place notes where a field's bits lie, and demands that they lie there in every
// picture: a slipped letter is an error, not another format.
func (p *parser) place(i *inst, f *field, at []int) error {
	if f.imm && len(at) != len(f.value) {
		return p.errorf("%s: field %c has %d bits, not %d", i.name, f.letter, len(at), len(f.value))
	}
	if f.at == nil {
		f.at = at
	}
	same := len(at) == len(f.at)
	for k := 0; same && k < len(at); k++ {
		same = at[k] == f.at[k]
	}
	if !same {
		return p.errorf("%s: field %c lies elsewhere than in the pictures above", i.name, f.letter)
	}
	return nil
}

func (p *parser) parseAttribute(i *inst, words []string) error {
	if len(words) == 0 {
		return nil
	}
	switch w := words[0]; w {
	case "load", "store", "amo", "lr", "sc", "cbo":
		if len(words) != 2 || i.access != "" {
			return p.errorf("%s: want one: %s SIZE", i.name, w)
		}
		n, err := strconv.Atoi(words[1])
		if err != nil || n < 1 || n > 64 || n&(n-1) != 0 {
			return p.errorf("%s: bad size %q", i.name, words[1])
		}
		i.access, i.size = w, n
		return nil
	case "branch", "jump", "system":
		if len(words) != 1 || i.flow != "" {
			return p.errorf("%s: want one: %s", i.name, w)
		}
		i.flow = w
		return nil
	case "over":
		if len(words) < 2 {
			return p.errorf("%s: over what?", i.name)
		}
		i.over = words[1:]
		return nil
	case "=":
		if len(words) < 2 || i.expands != "" {
			return p.errorf("%s: want: = op", i.name)
		}
		i.expands = words[1]
		return p.parseFixed(i, words[2:])
	}
	if member, ok := strings.CutSuffix(words[0], "!=0"); ok && len(words) == 1 {
		i.nonzero = append(i.nonzero, member)
		return nil
	}
	return p.errorf("%s: unknown attribute %q", i.name, strings.Join(words, " "))
}

func (p *parser) parseFixed(i *inst, words []string) error {
	for _, w := range words {
		member, value, _ := strings.Cut(w, "=")
		n, err := strconv.Atoi(value)
		if err != nil || goMember(member) == "" || member == "imm" || n < 1 || n > 31 {
			return p.errorf("%s: bad implied operand %q", i.name, w)
		}
		if i.sets(member) {
			return p.errorf("%s: %s is set twice", i.name, member)
		}
		i.fixed = append(i.fixed, fixedOperand{member, n})
	}
	return nil
}

// parseCSR reads "NUMBER NAME" or "NUMBER NAMEn..m".
func (p *parser) parseCSR(words []string) error {
	if len(words) != 2 {
		return p.errorf("want the number and the name of a register")
	}
	number, err := strconv.ParseUint(words[0], 0, 12)
	if err != nil {
		return p.errorf("bad register number %q", words[0])
	}
	c := csr{line: p.line, number: int(number), name: words[1]}
	if head, last, isRange := strings.Cut(words[1], ".."); isRange {
		stem := strings.TrimRight(head, "0123456789")
		from, err1 := strconv.Atoi(head[len(stem):])
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || to <= from {
			return p.errorf("bad range %q", words[1])
		}
		for k := from; k <= to; k++ {
			c.name = stem + strconv.Itoa(k)
			p.spec.csrs = append(p.spec.csrs, c)
			c.number++
		}
		return nil
	}
	p.spec.csrs = append(p.spec.csrs, c)
	return nil
}
