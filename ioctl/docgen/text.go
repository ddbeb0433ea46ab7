// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"go/ast"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// doc is a comment, taken apart.
type doc struct {
	text   []string // paragraphs
	blocks string   // what a call waits for; "" if it returns at once
	errnos []errno
}

// errno is what an error means; several can mean the same.
type errno struct {
	names string
	when  string // may be empty
}

// errnoSentence matches a sentence about errors; those of somebody else have no names.
var errnoSentence = regexp.MustCompile(`^(E[A-Z0-9]+(?:, E[A-Z0-9]+)*|Others)(?:: (.*))?$`)

// blocksUntil begins the paragraph that says what a call waits for.
const blocksUntil = "Blocks until "

// parse takes a comment apart: what it describes comes first, then a paragraph about
// waiting, then a list of errors.
func parse(c *ast.CommentGroup) doc {
	var d doc
	if c == nil {
		return d
	}
	for p := range strings.SplitSeq(strings.TrimSpace(c.Text()), "\n\n") {
		p = strings.Join(strings.Fields(p), " ")
		if until, ok := strings.CutPrefix(p, blocksUntil); ok {
			d.blocks = until
			continue
		}
		before := ""
		for sentence := range strings.SplitSeq(strings.TrimSuffix(p, "."), ". ") {
			m := errnoSentence.FindStringSubmatch(sentence)
			switch {
			case m != nil:
				d.errnos = append(d.errnos, errno{m[1], m[2]})
			case before == "" && len(d.errnos) > 0:
				last := &d.errnos[len(d.errnos)-1]
				last.when += ". " + sentence
			default:
				before += sentence + ". "
			}
		}
		if before != "" {
			d.text = append(d.text, strings.TrimSpace(before))
		}
	}
	return d
}

// and is what two comments say together.
func (d doc) and(o doc) doc {
	d.text = append(d.text, o.text...)
	d.errnos = append(d.errnos, o.errnos...)
	if d.blocks == "" {
		d.blocks = o.blocks
	}
	return d
}

// about drops the name of a structure from the start of its comment, so that "X makes a
// buffer" becomes "Makes a buffer".
func (d doc) about(name string) doc {
	if len(d.text) == 0 {
		return d
	}
	rest, ok := strings.CutPrefix(d.text[0], name+" ")
	if ok && !strings.HasPrefix(rest, "is ") {
		d.text = append([]string{capital(rest)}, d.text[1:]...)
	}
	return d
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

var (
	// word matches what may be an identifier or the name of a file.
	word = regexp.MustCompile(`/?[A-Za-z_][\w/.-]*\w(?:\(\))?|[A-Za-z_]`)
	// errnoName matches the names of errors.
	errnoName = regexp.MustCompile(`^E[A-Z0-9]{3,}$`)
	// filename matches the names of files that have no underscore.
	filename = regexp.MustCompile(`^/(dev|sys)/|^(include|drivers)/`)
)

// prose writes a text so that names in it are code, and those of requests with a
// section of their own are links to it.
func (g *generator) prose(s string) string {
	// Before words are taken apart: the two characters that Markdown and tables need.
	s = strings.NewReplacer("|", `\|`, "*", `\*`, "<", `\<`).Replace(s)
	return word.ReplaceAllStringFunc(s, func(w string) string {
		if g.sections[w] {
			return link(w)
		}
		if _, ok := g.structs[w]; ok {
			return "`struct " + g.cName(w) + "`"
		}
		if c := g.fields[w]; c != "" {
			return "`" + c + "`"
		}
		if strings.Contains(w, "_") || errnoName.MatchString(w) || filename.MatchString(w) {
			return "`" + w + "`"
		}
		return w
	})
}

// link is a link to the section of a request.
func link(name string) string { return "[`" + name + "`](#" + strings.ToLower(name) + ")" }
