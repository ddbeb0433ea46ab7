// SPDX-License-Identifier: Apache-2.0

package cheader

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"vdev/ioctl/internal/source"
)

// fieldTypes are what the tables of fields are made of.
const fieldTypes = `
/* What a file descriptor stands for. */
enum field_object { OBJECT_BUFFER, OBJECT_SYNC, OBJECT_FENCE };

enum field_type { FIELD_FD, FIELD_LIST };

/* A file descriptor or a list in the argument of a request. */
struct field {
	enum field_type type;
	bool out;
	/* Of a list: of elem_fd, which is in each element of a list that is not out. */
	enum field_object object;
	/* Of a list: of the pointer, and of the number of its elements; their size. */
	__u16 offset, count, elem, elem_fd;
};
`

// requestTable is the beginning of the table of requests.
const requestTable = `/* The requests, by their numbers: which fields are theirs. */
static const struct {
	unsigned int cmd;
	const struct field *fields, *end;
	/*
	 * A file descriptor comes first, nothing else is to be translated, and there is no
	 * answer.
	 */
	bool quick;
} requests[] = {`

// fields writes where in the arguments of a file's requests there are things that a
// driver has to translate: a table of these fields, and one of the requests, by their
// numbers, which says which fields are theirs.
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
	g.line("#include <linux/stddef.h>\n#include <linux/types.h>\n#include \"vdev_dmabuf.h\"\n%s", fieldTypes)
	fields, requests, first := "static const struct field fields[] = {", "", 0
	longest, longestQuick := uint64(0), uint64(0)
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
				fields += "\n\t{ " + l + " },"
			}
			size, quick := g.quick(s.Names[0].Name, structs[arg], lines)
			if size%8 != 0 {
				return fmt.Errorf("%s: an argument of %d bytes is not in words of 8", s.Names[0].Name, size)
			}
			longest = max(longest, size)
			if quick {
				longestQuick = max(longestQuick, size)
			}
			requests += fmt.Sprintf("\n\t[_IOC_NR(%s)] = { %[1]s, fields + %d, fields + %d, %t },", s.Names[0].Name, first, first+len(lines), quick)
			first += len(lines)
		}
	}
	g.line("%s\n};\n", fields)
	g.line("%s%s\n};\n", requestTable, requests)
	g.line("/* The longest argument, and that of a quick request. */\n#define ARG_SIZE %d\n#define QUICK_SIZE %d", longest, longestQuick)
	return nil
}

// quick tells whether a request is one that a driver can make short work of, and how long
// its argument is.
func (g *generator) quick(request string, arg *ast.StructType, rows []string) (size uint64, ok bool) {
	v, _ := constant.Uint64Val(g.pkg.Scope().Lookup(request).(*types.Const).Val())
	const read = 2
	return v >> 16 & 0x3fff, v>>30&read == 0 && len(rows) == 1 && strings.HasPrefix(rows[0], "FIELD_FD, false") &&
		slices.ContainsFunc(source.TagWords(arg.Fields.List[1]), func(w string) bool { return strings.HasPrefix(w, "fd=") })
}

// requestFields are the rows of the table of fields for a request.
func requestFields(request, arg string, structs map[string]*ast.StructType) ([]string, error) {
	st := structs[arg]
	if st == nil {
		return nil, fmt.Errorf("%s: no structure %q in this file", request, arg)
	}
	var lines []string
	for _, f := range st.Fields.List {
		words := source.TagWords(f)
		out := slices.Contains(words, "out")
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
			lines = append(lines, fmt.Sprintf("FIELD_FD, %t, OBJECT_%s, offsetof(struct %s, %s)", out, strings.ToUpper(what), StructName(arg), FieldName(f)))
		case elem != "":
			i := slices.IndexFunc(st.Fields.List, func(f *ast.Field) bool { return f.Names[0].Name == count })
			if i < 0 || types.ExprString(st.Fields.List[i].Type) != "uint32" || structs[elem] == nil {
				return nil, fmt.Errorf("%s.%s: a list needs a structure of this file and a uint32 with its length", arg, f.Names[0])
			}
			list := fmt.Sprintf("offsetof(struct %s, %s), offsetof(struct %[1]s, %[3]s),\n\t  sizeof(struct %[4]s)",
				StructName(arg), FieldName(f), FieldName(st.Fields.List[i]), StructName(elem))
			line := fmt.Sprintf("FIELD_LIST, %t, 0, %s", out, list)
			for _, e := range structs[elem].Fields.List {
				for _, w := range source.TagWords(e) {
					if what, ok := strings.CutPrefix(w, "fd="); ok {
						line = fmt.Sprintf("FIELD_LIST, %t, OBJECT_%s, %s, offsetof(struct %s, %s)", out, strings.ToUpper(what), list,
							StructName(elem), FieldName(e))
					}
				}
			}
			lines = append(lines, line)
		}
	}
	return lines, nil
}
