// SPDX-License-Identifier: Apache-2.0

package cheader

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"vdev/ioctl/internal/source"
)

// fields writes where in the arguments of a file's requests there are things that a
// driver has to translate: a macro of calls of three other macros, in the order of the
// requests.
//
//	FD(request, structure, field, what, out)
//	LIST(request, structure, pointer, count, element, out)
//	LIST_FD(request, element, field, what)   of the LIST before it
func (g *generator) fields(file *ast.File) error {
	structs := map[string]*ast.StructType{}
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.TYPE {
			continue
		}
		for _, s := range d.Specs {
			s := s.(*ast.TypeSpec)
			if st, ok := s.Type.(*ast.StructType); ok {
				structs[s.Name.Name] = st
			}
		}
	}
	g.line("/*\n * The file descriptors and lists in the arguments of requests:")
	g.line(" * FD(request, structure, field, what, out)")
	g.line(" * LIST(request, structure, pointer, count, element, out)")
	g.line(" * LIST_FD(request, element, field, what), of the list before it\n */")
	text := "#define VDEV_DMABUF_FIELDS(FD, LIST, LIST_FD)"
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, s := range d.Specs {
			s := s.(*ast.ValueSpec)
			if typ, ok := s.Type.(*ast.Ident); !ok || typ.Name != "Request" {
				continue
			}
			arg := strings.TrimSpace(s.Comment.Text())
			lines, err := requestFields(s.Names[0].Name, arg, structs)
			if err != nil {
				return err
			}
			for _, l := range lines {
				text += " \\\n\t" + l
			}
		}
	}
	g.line("%s", text)
	return nil
}

// requestFields are the calls of macros for a request.
func requestFields(request, arg string, structs map[string]*ast.StructType) ([]string, error) {
	st := structs[arg]
	if st == nil {
		return nil, fmt.Errorf("%s: no structure %q in this file", request, arg)
	}
	var lines []string
	for _, f := range st.Fields.List {
		words := source.TagWords(f)
		out := 0
		if slices.Contains(words, "out") {
			out = 1
		}
		what, elem, count := "", "", ""
		for _, w := range words {
			key, value, _ := strings.Cut(w, "=")
			switch key {
			case "fd":
				what = value
			case "ptr":
				elem = value
			case "len":
				count = value
			}
		}
		switch {
		case what != "":
			lines = append(lines, fmt.Sprintf("FD(%s, %s, %s, %s, %d)", request, StructName(arg), FieldName(f), what, out))
		case elem != "":
			i := slices.IndexFunc(st.Fields.List, func(f *ast.Field) bool { return f.Names[0].Name == count })
			if i < 0 || types.ExprString(st.Fields.List[i].Type) != "uint32" || structs[elem] == nil {
				return nil, fmt.Errorf("%s.%s: a list needs a structure of this file and a uint32 with its length", arg, f.Names[0])
			}
			lines = append(lines, fmt.Sprintf("LIST(%s, %s, %s, %s, %s, %d)", request, StructName(arg), FieldName(f),
				FieldName(st.Fields.List[i]), StructName(elem), out))
			for _, e := range structs[elem].Fields.List {
				for _, w := range source.TagWords(e) {
					if what, ok := strings.CutPrefix(w, "fd="); ok {
						lines = append(lines, fmt.Sprintf("LIST_FD(%s, %s, %s, %s)", request, StructName(elem), FieldName(e), what))
					}
				}
			}
		}
	}
	return lines, nil
}
