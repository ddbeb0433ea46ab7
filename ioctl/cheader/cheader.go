// SPDX-License-Identifier: Apache-2.0

// Package cheader turns a Go file of package ioctl into the C header that a kernel
// driver and C programs include. The Go file is the declaration; the header follows
// it, comments and all.
package cheader

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"vdev/ioctl"
	"vdev/ioctl/internal/source"
)

// Header is one header to generate.
type Header struct {
	Source string // file of package ioctl
	Output string // the header, from the top of the source tree
	Guard  string // its include guard
	// Include names other headers that it needs.
	Include []string
	// Fields has the header say where in arguments there are file descriptors and lists,
	// instead of declaring them.
	Fields bool
}

// Headers lists the headers that there are.
func Headers() []Header {
	return []Header{
		{Source: "dmatest.go", Output: "guest/driver/vdev_dmatest.h", Guard: "_UAPI_VDEV_DMATEST_H"},
		{Source: "dmabuf_vdev.go", Output: "guest/driver/vdev_dmabuf.h", Guard: "_UAPI_VDEV_DMABUF_H"},
		{Source: "dmabuf_vdev_unit.go", Output: "guest/driver/vdev_bsu.h", Guard: "_VDEV_BSU_H",
			Include: []string{"vdev_dmabuf.h"}},
		{Source: "dmabuf_vdev.go", Output: "guest/driver/vdev_dmabuf_fields.h", Guard: "_VDEV_DMABUF_FIELDS_H", Fields: true},
	}
}

// Generate returns the text of a header. dir is the directory of package ioctl.
func Generate(dir string, h Header) ([]byte, error) {
	pkg, err := source.Load(dir, "")
	if err != nil {
		return nil, err
	}
	file := pkg.File(h.Source)
	if file == nil {
		return nil, fmt.Errorf("%s holds no %s", dir, h.Source)
	}
	g := &generator{pkg: pkg.Types}
	g.line("/* Code generated from ioctl/%s. DO NOT EDIT. */", h.Source)
	text := g.out.String()
	g.out.Reset()
	// The notice comes first in a C file.
	g.line("/* SPDX-License-Identifier: GPL-2.0-only */")
	g.out.WriteString(text)
	g.line("#ifndef %s\n#define %s\n", h.Guard, h.Guard)
	if h.Fields {
		if err := g.fields(file); err != nil {
			return nil, err
		}
		g.line("\n#endif /* %s */", h.Guard)
		return g.out.Bytes(), nil
	}
	g.line("#include <linux/ioctl.h>\n#include <linux/types.h>")
	for _, name := range h.Include {
		g.line("#include %q", name)
	}
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		switch d.Tok {
		case token.CONST:
			err = g.constants(d)
		case token.TYPE:
			err = g.structure(d)
		}
		if err != nil {
			return nil, err
		}
	}
	g.line("\n#endif /* %s */", h.Guard)
	return g.out.Bytes(), nil
}

type generator struct {
	pkg *types.Package
	out bytes.Buffer
}

func (g *generator) line(format string, args ...any) { fmt.Fprintf(&g.out, format+"\n", args...) }

// goName matches what may be the name of a structure in a comment.
var goName = regexp.MustCompile(`\b[A-Z]\w*[a-z]\w*\b`)

// comment writes a Go comment as a C comment, in which structures have their C names.
func (g *generator) comment(indent string, doc *ast.CommentGroup) {
	if doc == nil {
		return
	}
	text := goName.ReplaceAllStringFunc(doc.Text(), func(name string) string {
		if _, ok := g.pkg.Scope().Lookup(name).(*types.TypeName); ok {
			return "struct " + StructName(name)
		}
		return name
	})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) == 1 {
		g.line("%s/* %s */", indent, lines[0])
		return
	}
	g.line("%s/*", indent)
	for _, l := range lines {
		g.line("%s", strings.TrimRight(indent+" * "+l, " "))
	}
	g.line("%s */", indent)
}

func (g *generator) constants(d *ast.GenDecl) error {
	exported := false
	for _, s := range d.Specs {
		exported = exported || s.(*ast.ValueSpec).Names[0].IsExported()
	}
	if !exported {
		return nil
	}
	g.line("")
	g.comment("", d.Doc)
	for _, s := range d.Specs {
		s := s.(*ast.ValueSpec)
		name := s.Names[0].Name
		c, ok := g.pkg.Scope().Lookup(name).(*types.Const)
		if !ok || c.Val().Kind() == constant.Unknown {
			return fmt.Errorf("%s has no value", name)
		}
		g.comment("", s.Doc)
		text := c.Val().ExactString()
		if len(s.Values) == 1 {
			if lit, ok := s.Values[0].(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, "0x") {
				text = lit.Value
			}
		}
		if named, ok := c.Type().(*types.Named); ok && named.Obj().Name() == "Request" {
			var err error
			if text, err = g.request(s, c); err != nil {
				return err
			}
		}
		g.line("#define %s %s", name, text)
	}
	return nil
}

// request writes a request number as the macro that makes it, and checks that the
// macro makes that number.
func (g *generator) request(s *ast.ValueSpec, c *types.Const) (string, error) {
	v, _ := constant.Uint64Val(c.Val())
	arg := strings.TrimSpace(s.Comment.Text())
	obj := g.pkg.Scope().Lookup(arg)
	if obj == nil {
		return "", fmt.Errorf("%s: the comment names no structure, but %q", c.Name(), arg)
	}
	if size := source.Sizes().Sizeof(obj.Type()); uint64(size) != v>>16&0x3fff {
		return "", fmt.Errorf("%s: says %d bytes, %s has %d", c.Name(), v>>16&0x3fff, arg, size)
	}
	macro := [...]string{"_IO", "_IOW", "_IOR", "_IOWR"}[v>>30]
	return fmt.Sprintf("%s(%#x, %d, struct %s)", macro, v>>8&0xff, v&0xff, StructName(arg)), nil
}

func (g *generator) structure(d *ast.GenDecl) error {
	for _, s := range d.Specs {
		s := s.(*ast.TypeSpec)
		st, ok := s.Type.(*ast.StructType)
		if !ok || !s.Name.IsExported() {
			continue
		}
		if err := g.padded(s.Name.Name); err != nil {
			return err
		}
		g.line("")
		g.comment("", d.Doc)
		g.line("struct %s {", StructName(s.Name.Name))
		for _, f := range st.Fields.List {
			if f.Names[0].Name == "_" {
				continue
			}
			elem, length := f.Type, ""
			if a, ok := f.Type.(*ast.ArrayType); ok && a.Len != nil {
				elem, length = a.Elt, "["+types.ExprString(a.Len)+"]"
			}
			typ, ok := cTypes()[types.ExprString(elem)]
			if !ok {
				return fmt.Errorf("%s.%s: type %s has no place in the ABI", s.Name, f.Names[0], types.ExprString(f.Type))
			}
			g.comment("\t", f.Doc)
			g.line("\t%s %s%s;", typ, FieldName(f), length)
		}
		g.line("};")
	}
	return nil
}

// cTypes are the types of fields.
func cTypes() map[string]string {
	return map[string]string{"uint8": "__u8", "uint16": "__u16", "uint32": "__u32", "uint64": "__u64", "int32": "__s32"}
}

// FieldName is the name of a field in C.
func FieldName(f *ast.Field) string {
	for _, word := range source.TagWords(f) {
		if name, ok := strings.CutPrefix(word, "c="); ok {
			return name
		}
	}
	return ioctl.CName(f.Names[0].Name)
}

// padded fails if the compiler would put padding into a structure.
func (g *generator) padded(name string) error {
	st := g.pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
	sizes := source.Sizes()
	sum := int64(0)
	for f := range st.Fields() {
		sum += sizes.Sizeof(f.Type())
	}
	if size := sizes.Sizeof(st); size != sum {
		return fmt.Errorf("%s: %d bytes of padding are not explicit", name, size-sum)
	}
	return nil
}

// StructName is the name of a structure of our own in C. Some lack the prefix here, and there the
// device's name is one word.
func StructName(name string) string {
	c := ioctl.CName(name)
	if strings.HasPrefix(c, "vdev_") {
		return c
	}
	return "vdev_" + strings.Replace(c, "dma_test", "dmatest", 1)
}
