// SPDX-License-Identifier: Apache-2.0

package emu

// Prompt finds a shell's prompt in console output: a line that, as far as it has been
// printed, is one word or none and then "$ " or "# ". That covers u-root's gosh
// ("$ "), busybox ("/ # ") and bash ("root@host:/# "). The zero value is at the start
// of a line.
type Prompt struct {
	line   [promptMax]byte
	n      int  // bytes of the line so far
	long   bool // more than fit: no prompt
	escape promptEscape
}

// promptMax is the longest prompt that is recognised, in bytes.
const promptMax = 64

// promptEscape is how far a terminal's control sequence (ECMA-48, 5.4) has come;
// line editors put some around their prompts.
type promptEscape uint8

const (
	noEscape  promptEscape = iota
	sawEscape              // ESC
	inCSI                  // ESC [ and parameters
)

// Next takes the next byte of output and says whether it completes a prompt.
func (p *Prompt) Next(c byte) bool {
	switch {
	case c == '\x1b':
		p.escape = sawEscape
		return false
	case p.escape == sawEscape:
		p.escape = noEscape
		if c == '[' {
			p.escape = inCSI
		}
		return false
	case p.escape == inCSI:
		if c >= 0x40 && c <= 0x7e {
			p.escape = noEscape
		}
		return false
	case c == '\n' || c == '\r':
		p.n, p.long = 0, false
		return false
	case p.n == promptMax:
		p.long = true
		return false
	}
	p.line[p.n] = c
	p.n++
	return c == ' ' && p.complete()
}

// complete says whether the line is a prompt.
func (p *Prompt) complete() bool {
	if p.long || p.n < 2 {
		return false
	}
	if sign := p.line[p.n-2]; sign != '$' && sign != '#' {
		return false
	}
	word := p.line[:p.n-2]
	if len(word) > 0 && word[len(word)-1] == ' ' {
		word = word[:len(word)-1]
		if len(word) == 0 {
			return false
		}
	}
	for _, c := range word {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(word) == 0 || word[0] != '[' || word[len(word)-1] == ']'
}
