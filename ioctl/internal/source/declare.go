// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"go/ast"
	"reflect"
	"strconv"
	"strings"
)

// Directive is a line of a comment like "//ioctl:what name".
type Directive struct{ What, Name string }

// Directives are those of a block of declarations.
func Directives(doc *ast.CommentGroup) []Directive {
	var all []Directive
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		if text, ok := strings.CutPrefix(c.Text, "//ioctl:"); ok {
			what, name, _ := strings.Cut(text, " ")
			all = append(all, Directive{what, name})
		}
	}
	return all
}

// Argument is what the comment behind a request says about its argument.
type Argument struct {
	// Type is a structure, a type of Go, "none" or "string".
	Type string
	// Directed says that In and Out list the fields that this request reads and writes,
	// some as NAME=SET.
	Directed bool
	In, Out  []string
}

// ArgumentOf reads the comment behind a constant; ok is false if that is no request.
func ArgumentOf(s *ast.ValueSpec) (a Argument, ok bool, err error) {
	if typ, is := s.Type.(*ast.Ident); !is || typ.Name != "Request" {
		return a, false, nil
	}
	var fields string
	a.Type, fields, a.Directed = strings.Cut(strings.TrimSpace(s.Comment.Text()), ":")
	if a.Directed {
		in, out, arrow := strings.Cut(fields, "->")
		if !arrow {
			return a, true, fmt.Errorf("%s: %q has no arrow", s.Names[0], fields)
		}
		a.In, a.Out = names(in), names(out)
	}
	return a, true, nil
}

// names are the words between commas.
func names(list string) []string {
	all := []string{}
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// IsABI tells whether a structure has the layout of the ABI.
func IsABI(st *ast.StructType) bool {
	if len(st.Fields.List) == 0 {
		return false
	}
	sel, ok := st.Fields.List[0].Type.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "HostLayout"
}

// TagWords are the words of a field's tag.
func TagWords(f *ast.Field) []string {
	if f.Tag == nil {
		return nil
	}
	text, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return nil
	}
	return strings.Split(reflect.StructTag(text).Get("ioctl"), ",")
}
