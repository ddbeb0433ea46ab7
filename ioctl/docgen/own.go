// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"slices"
	"strings"

	"vdev/ioctl"
	"vdev/ioctl/internal/source"
)

// section writes all about a driver of ours.
func (g *generator) section(s Section) error {
	g.line("\n## %s", s.Title)
	b, err := g.of(s.Source)
	if err != nil {
		return err
	}
	file := b.file.AST
	g.line("\nFor C programs: [%s](../%s). In Go: [ioctl/%s](../ioctl/%s).", s.Header, s.Header, s.Source, s.Source)
	if err := g.device(file); err != nil {
		return err
	}
	g.printed = map[string]bool{}
	for name, set := range g.sets {
		if slices.Contains(file.Decls, ast.Decl(set.decl)) {
			g.printed[name] = true
		}
	}
	g.line("\n| request | argument |\n|---|---|")
	for _, r := range b.requests {
		g.line("| %s | `struct %s` |", link(r.name), g.cName(r.arg.Type))
	}
	for _, r := range b.requests {
		if err := g.request(r); err != nil {
			return err
		}
	}
	g.values(file)
	return nil
}

// device writes what the comments of a file say about its device and limits.
func (g *generator) device(file *ast.File) error {
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST || d.Lparen.IsValid() || d.Doc == nil {
			continue
		}
		name := d.Specs[0].(*ast.ValueSpec).Names[0].Name
		v := g.value(name)
		if v.Kind() == constant.Unknown {
			return fmt.Errorf("%s has no value", name)
		}
		c := parse(d.Doc)
		for i, p := range c.text {
			if i == 0 {
				p = strings.Replace(p, name, name+" ("+strings.Trim(v.ExactString(), `"`)+")", 1)
			}
			g.line("\n%s", g.prose(p))
		}
		g.errnos(c.errnos)
	}
	return nil
}

// request writes all about a request of ours.
func (g *generator) request(r request) error {
	if g.structs[r.arg.Type] == nil {
		return fmt.Errorf("%s: there is no structure %q", r.name, r.arg.Type)
	}
	number, err := g.number(r)
	if err != nil {
		return err
	}
	own, arg := parse(r.spec.Doc), parse(g.docs[r.arg.Type]).about(r.arg.Type)
	if strings.HasPrefix(strings.Join(arg.text, ""), r.arg.Type+" is ") && own.text != nil {
		arg.text = nil // nothing that the request's own comment does not say
	}
	d := own.and(arg)
	if err := complete(r.name, d); err != nil {
		return err
	}
	g.line("\n### %s\n\n%s, in Go `%s`", r.name, number, r.arg.Type)
	for _, p := range d.text {
		g.line("\n%s", g.prose(p))
	}
	rows, err := g.rows(r.arg.Type, r.arg)
	if err != nil {
		return err
	}
	if v, _ := constant.Uint64Val(g.value(r.name)); !ioctl.Request(v).Reads() {
		rows = slices.DeleteFunc(rows, func(r row) bool { return r.dir == "out" })
	}
	if err := g.table(r.name, rows); err != nil {
		return err
	}
	for _, row := range rows {
		if g.structs[row.elem] == nil {
			continue
		}
		elems, err := g.elem(row.elem, row.dir)
		if err != nil {
			return err
		}
		about := parse(g.docs[row.elem])
		g.line("\n%s", g.prose(strings.Join(about.text, " ")))
		if err := g.table(r.name, elems); err != nil {
			return err
		}
	}
	if d.blocks != "" {
		g.line("\n**Blocks** until %s", g.prose(d.blocks))
	} else {
		g.line("\nDoes not block.")
	}
	g.errnos(d.errnos)
	return g.example(r.name)
}

// complete tells what is missing in what is said about a request.
func complete(name string, d doc) error {
	has := func(e string) bool {
		return slices.ContainsFunc(d.errnos, func(x errno) bool { return slices.Contains(strings.Split(x.names, ", "), e) })
	}
	for _, e := range d.errnos {
		if e.when == "" {
			return fmt.Errorf("%s: nothing says when %s comes", name, e.names)
		}
	}
	switch {
	case len(d.text) == 0:
		return fmt.Errorf("%s: nothing says what it does", name)
	case d.blocks != "" && !has("EINTR"):
		return fmt.Errorf("%s: it blocks, but nothing is said about EINTR", name)
	case d.blocks == "" && (has("EINTR") || has("ETIMEDOUT")):
		return fmt.Errorf("%s: it can be interrupted, but nothing says what it waits for", name)
	}
	return nil
}

// errnos writes a list of errors as a table.
func (g *generator) errnos(all []errno) {
	if len(all) == 0 {
		return
	}
	g.line("\n| error | when |\n|---|---|")
	for _, e := range all {
		names := "`" + strings.ReplaceAll(e.names, ", ", "`, `") + "`"
		if e.names == "Others" {
			names = "others"
		}
		g.line("| %s | %s |", names, g.prose(e.when))
	}
}

// example writes the first example that makes the request, or where it is.
func (g *generator) example(name string) error {
	i := slices.IndexFunc(g.examples, func(e source.Example) bool { return slices.Contains(e.Uses, name) })
	if i < 0 {
		return fmt.Errorf("%s: there is no example", name)
	}
	e := g.examples[i]
	if at := g.shown[e.Name]; at != "" {
		g.line("\nAn example is at %s.", link(at))
		return nil
	}
	g.shown[e.Name] = name
	g.line("\n%s\n\n```go\n%s\n```", g.prose(e.Doc), e.Text)
	return nil
}

// values writes the sets of values of a file.
func (g *generator) values(file *ast.File) {
	g.line("\n### Values")
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, dir := range source.Directives(d.Doc) {
			if g.sets[dir.Name].decl != d {
				continue
			}
			g.line("\n#### %s\n\n%s\n\n| | | |\n|---|---|---|", dir.Name, g.prose(strings.Join(parse(d.Doc).text, " ")))
			for _, s := range d.Specs {
				s := s.(*ast.ValueSpec)
				name := s.Names[0].Name
				g.line("| `%s` | %s | %s |", name, g.value(name), g.prose(strings.Join(parse(s.Doc).text, " ")))
			}
		}
	}
}
