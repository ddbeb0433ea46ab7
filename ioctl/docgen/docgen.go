// SPDX-License-Identifier: Apache-2.0

// Package docgen writes the page about all ioctls from the declarations of package
// ioctl, their comments and its examples. For our own drivers it insists that
// everything is said: what each field means, until when a request blocks, when each
// error comes, and an example.
package docgen

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strings"

	"vdev/ioctl"
	"vdev/ioctl/cheader"
	"vdev/ioctl/internal/source"
)

// Output is the page, from the top of the source tree.
const Output = "docs/ioctl.md"

// Layout is what the page consists of, besides the declarations.
type Layout struct {
	Intro string // of the page
	// Own are the sections about our own drivers.
	Own []Section
	// Linux begins the part about those of Linux, which are in short.
	Linux string
	Short []Section
	// Examples is the file with the examples, in the directory of the package.
	Examples string
}

// Section is about the requests of a file.
type Section struct {
	Source string // file of package ioctl
	Title  string
	Header string // of ours for C programs, from the top of the source tree
}

// set is a set of values with names.
type set struct {
	kind string // "flags" or "one of"
	decl *ast.GenDecl
}

// request is a constant that is a request number.
type request struct {
	name string
	spec *ast.ValueSpec
	arg  source.Argument
}

// block is a block of requests.
type block struct {
	file     source.File
	decl     *ast.GenDecl
	family   string
	requests []request
}

type generator struct {
	pkg      *source.Package
	out      bytes.Buffer
	structs  map[string]*ast.StructType
	docs     map[string]*ast.CommentGroup // of structures
	own      map[string]bool              // structures of our own drivers
	fields   map[string]string            // names of fields that nothing else can be, in C
	sets     map[string]set
	blocks   []block
	sections map[string]bool // requests with a section of their own
	printed  map[string]bool // sets that the current section lists
	examples []source.Example
	shown    map[string]string // the section that shows the example, by its name
}

// Generate returns the text of the page. dir is the directory of package ioctl.
func Generate(dir string, l Layout) ([]byte, error) {
	pkg, err := source.Load(dir, "")
	if err != nil {
		return nil, err
	}
	g := &generator{pkg: pkg, structs: map[string]*ast.StructType{}, docs: map[string]*ast.CommentGroup{}, own: map[string]bool{},
		fields: map[string]string{}, sets: map[string]set{}, sections: map[string]bool{}, shown: map[string]string{}}
	if g.examples, err = source.Examples(dir, l.Examples); err != nil {
		return nil, err
	}
	own, titled := map[string]bool{}, map[string]bool{}
	for _, s := range l.Own {
		own[s.Source], titled[s.Source] = true, true
	}
	for _, s := range l.Short {
		titled[s.Source] = true
	}
	for _, f := range pkg.Files {
		for _, d := range f.AST.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				if err := g.collect(f, d, own[f.Name]); err != nil {
					return nil, fmt.Errorf("%s: %w", f.Name, err)
				}
			}
		}
	}
	g.line("%s", strings.TrimSpace(l.Intro))
	for _, s := range l.Own {
		if err := g.section(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Source, err)
		}
	}
	g.line("\n%s", strings.TrimSpace(l.Linux))
	for _, s := range l.Short {
		if err := g.short(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Source, err)
		}
	}
	for _, b := range g.blocks {
		if !titled[b.file.Name] {
			return nil, fmt.Errorf("%s: its requests are on no page", b.file.Name)
		}
	}
	return g.out.Bytes(), nil
}

// of finds the requests of a file.
func (g *generator) of(name string) (block, error) {
	for _, b := range g.blocks {
		if b.file.Name == name {
			return b, nil
		}
	}
	return block{}, fmt.Errorf("there are no requests")
}

func (g *generator) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// collect notes what a block declares.
func (g *generator) collect(f source.File, d *ast.GenDecl, own bool) error {
	if d.Tok == token.TYPE {
		for _, s := range d.Specs {
			s := s.(*ast.TypeSpec)
			st, ok := s.Type.(*ast.StructType)
			if !ok || !source.IsABI(st) {
				continue
			}
			g.structs[s.Name.Name], g.docs[s.Name.Name], g.own[s.Name.Name] = st, d.Doc, own
			for _, field := range st.Fields.List {
				for _, n := range field.Names {
					// Others are words of the language, too.
					if strings.ToLower(n.Name[1:]) != n.Name[1:] && strings.ToUpper(n.Name) != n.Name {
						g.fields[n.Name] = cheader.FieldName(field)
					}
				}
			}
		}
		return nil
	}
	if d.Tok != token.CONST {
		return nil
	}
	b := block{file: f, decl: d}
	for _, dir := range source.Directives(d.Doc) {
		switch dir.What {
		case "family":
			b.family = dir.Name
		case "flags":
			g.sets[dir.Name] = set{"flags", d}
		case "enum":
			g.sets[dir.Name] = set{"one of", d}
		}
	}
	for _, s := range d.Specs {
		s := s.(*ast.ValueSpec)
		arg, ok, err := source.ArgumentOf(s)
		if err != nil {
			return err
		}
		if ok && b.family != "" {
			b.requests = append(b.requests, request{s.Names[0].Name, s, arg})
			if own {
				g.sections[s.Names[0].Name] = true
			}
		}
	}
	if b.requests != nil {
		g.blocks = append(g.blocks, b)
	}
	return nil
}

// cName is the name of a structure in C.
func (g *generator) cName(name string) string {
	if g.own[name] {
		return cheader.StructName(name)
	}
	return ioctl.CName(name)
}

// value is the value of a constant.
func (g *generator) value(name string) constant.Value {
	if c, ok := g.pkg.Types.Scope().Lookup(name).(*types.Const); ok {
		return c.Val()
	}
	return constant.MakeUnknown()
}

// number is a request number as it is written in C.
func (g *generator) number(r request) (string, error) {
	v, ok := constant.Uint64Val(g.value(r.name))
	if !ok {
		return "", fmt.Errorf("%s has no value", r.name)
	}
	req := ioctl.Request(v)
	macro := map[[2]bool]string{{false, false}: "_IO", {true, false}: "_IOW", {false, true}: "_IOR", {true, true}: "_IOWR"}[[2]bool{req.Writes(), req.Reads()}]
	typ, format := fmt.Sprintf("%#x", req.Type()), "`%#08x`, `%s(%s, %#x%s)`"
	if g.sections[r.name] {
		format = "`%#08x`, `%s(%s, %d%s)`" // as in its header
	}
	if req.Type() > ' ' && req.Type() < 0x7f {
		typ = "'" + string(rune(req.Type())) + "'"
	}
	arg := r.arg.Type
	switch {
	case g.structs[arg] != nil:
		arg = ", struct " + g.cName(arg)
	case arg == "none":
		arg = ""
	case arg == "string":
		arg = ", char *"
	default:
		arg = ", " + g.cType(ast.NewIdent(arg))
	}
	return fmt.Sprintf(format, v, macro, typ, req.Number(), arg), nil
}
