// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"fmt"
	"go/ast"
	"strings"
	"text/tabwriter"

	"vdev/ioctl/internal/source"
)

// short writes in short about the requests of a file.
func (g *generator) short(s Section) error {
	b, err := g.of(s.Source)
	if err != nil {
		return err
	}
	g.line("\n### %s", s.Title)
	for _, p := range parse(b.decl.Doc).text {
		g.line("\n%s", g.prose(p))
	}
	structs := map[string]bool{}
	for _, r := range b.requests {
		number, err := g.number(r)
		if err != nil {
			return err
		}
		d := parse(r.spec.Doc).and(parse(g.docs[r.arg.Type]).about(r.arg.Type))
		if d.text == nil {
			return fmt.Errorf("%s: nothing says what it does", r.name)
		}
		g.line("\n**`%s`**: %s. %s", r.name, number, g.prose(strings.Join(append(d.text, inline(d.errnos)...), " ")))
		if g.structs[r.arg.Type] == nil {
			continue
		}
		rows, err := g.rows(r.arg.Type, r.arg)
		if err != nil {
			return err
		}
		if err := g.listing(r.arg.Type, rows, structs); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// inline is a list of errors as sentences.
func inline(all []errno) []string {
	var out []string
	for _, e := range all {
		if e.when == "" {
			out = append(out, e.names+".")
			continue
		}
		out = append(out, e.names+": "+e.when+".")
	}
	return out
}

// listing writes the fields of a structure, and once those of structures that it refers
// to.
func (g *generator) listing(name string, rows []row, seen map[string]bool) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		text := r.meaning
		for _, s := range r.sets {
			text = strings.TrimSpace(text + " " + capital(g.sets[s].kind) + " " + g.names(s) + ".")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", strings.Join(r.names, ", "), r.typ, r.dir, text)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	g.line("\n```")
	for line := range strings.Lines(b.String()) {
		g.line("%s", strings.TrimRight(line, " \n"))
	}
	g.line("```")
	for _, e := range g.elements(name) {
		if seen[e] {
			continue
		}
		seen[e] = true
		g.line("\n%s", g.prose(strings.Join(parse(g.docs[e]).text, " ")))
		dir := "in"
		for _, r := range rows {
			if r.elem == e {
				dir = r.dir
			}
		}
		elems, err := g.elem(e, dir)
		if err != nil {
			return err
		}
		if err := g.listing(e, elems, seen); err != nil {
			return err
		}
	}
	return nil
}

// elements are the structures that a structure holds, points to or is followed by.
func (g *generator) elements(name string) []string {
	var all []string
	for _, f := range g.structs[name].Fields.List {
		for _, w := range source.TagWords(f) {
			key, value, _ := strings.Cut(w, "=")
			if (key == "ptr" || key == "tail") && g.structs[value] != nil {
				all = append(all, value)
			}
		}
		t := f.Type
		if a, ok := t.(*ast.ArrayType); ok {
			t = a.Elt
		}
		if id, ok := t.(*ast.Ident); ok && g.structs[id.Name] != nil {
			all = append(all, id.Name)
		}
	}
	return all
}

// names are the names in a set.
func (g *generator) names(set string) string {
	var all []string
	for _, s := range g.sets[set].decl.Specs {
		all = append(all, s.(*ast.ValueSpec).Names[0].Name)
	}
	return strings.Join(all, ", ")
}
