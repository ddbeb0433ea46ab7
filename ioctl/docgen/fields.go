// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"vdev/ioctl/cheader"
	"vdev/ioctl/internal/source"
)

// row is a line in the table of a structure: fields that are described together.
type row struct {
	names   []string // in C
	typ     string   // in C
	dir     string   // "in", "out", "in, out", or "" of padding
	sets    []string // of values
	elem    string   // the structure that it points to
	meaning string
}

// rows are the fields of a structure as a request uses them. In our own structures a
// field that nothing is said about goes with the one before.
func (g *generator) rows(name string, arg source.Argument) ([]row, error) {
	var all []row
	for _, f := range g.structs[name].Fields.List {
		if f.Names[0].Name == "_" {
			continue
		}
		r := g.row(g.structs[name], f)
		if arg.Directed && !direct(&r, f.Names[0].Name, arg) {
			continue
		}
		if slices.Contains(source.TagWords(f), "pad") || slices.Contains(source.TagWords(f), "hidden") {
			r.dir, r.meaning = "", "Reserved: 0."
		}
		if r.meaning == "" && r.sets == nil && len(all) > 0 {
			if last := &all[len(all)-1]; last.typ == r.typ && last.dir == r.dir && last.sets == nil && last.elem == "" && last.dir != "" &&
				(g.own[name] || last.meaning == "") {
				last.names = append(last.names, r.names...)
				continue
			}
		}
		all = append(all, r)
	}
	return all, nil
}

// elem are the fields of an element of a list with a direction.
func (g *generator) elem(name, dir string) ([]row, error) {
	all, err := g.rows(name, source.Argument{})
	for i := range all {
		if all[i].dir == "in" {
			all[i].dir = dir
		}
	}
	return all, err
}

// direct sets a field's direction as a request has it; false if it does not use it.
func direct(r *row, field string, arg source.Argument) bool {
	is := func(list []string) bool {
		return slices.ContainsFunc(list, func(s string) bool {
			name, set, other := strings.Cut(s, "=")
			if name == field && other {
				r.sets = []string{set}
			}
			return name == field
		})
	}
	in, out := is(arg.In), is(arg.Out)
	r.dir = map[[2]bool]string{{true, false}: "in", {false, true}: "out", {true, true}: "in, out"}[[2]bool{in, out}]
	return in || out
}

// row describes a field by its comment and its tag.
func (g *generator) row(st *ast.StructType, f *ast.Field) row {
	r := row{names: []string{cheader.FieldName(f)}, typ: g.cType(f.Type), dir: "in"}
	text := strings.Join(parse(f.Doc).text, " ")
	if rest, ok := strings.CutPrefix(text, "Out"); ok {
		if rest, ok = strings.CutPrefix(rest, ": "); ok || rest == "." {
			text = strings.TrimPrefix(capital(rest), ".")
		}
	}
	kind, count := "", ""
	for _, w := range source.TagWords(f) {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "out":
			r.dir = "out"
		case "inout":
			r.dir = "in, out"
		case "flags", "enum":
			r.sets = strings.Split(value, "+")
		case "fd":
			kind = map[string]string{"buffer": "A dma-buf.", "sync": "A sync object.", "fence": "A fence."}[value]
		case "handle":
			kind = "A buffer's handle."
		case "object":
			kind = "Its number."
		case "syncobj":
			kind = "A handle of a synchronisation object."
		case "ptr":
			r.elem = value
		case "len":
			if at := slices.IndexFunc(st.Fields.List, func(o *ast.Field) bool { return o.Names[0].Name == value }); at >= 0 {
				count = cheader.FieldName(st.Fields.List[at])
			}
		}
	}
	if text == "" && r.elem == "" {
		text = kind
	}
	r.meaning = text
	if r.elem != "" {
		what := map[string]string{"u16": "numbers of 16 bits", "u32": "numbers of 32 bits", "u64": "numbers of 64 bits", "str": "characters", "bytes": "bytes"}[r.elem]
		if what == "" {
			what = "struct " + g.cName(r.elem)
		}
		to := "Points to " + what
		if count != "" {
			to += ", as many as " + count + " says"
		}
		r.meaning = strings.TrimSpace(to + ". " + text)
	}
	return r
}

// cType is a type of a field in C.
func (g *generator) cType(t ast.Expr) string {
	length := ""
	if a, ok := t.(*ast.ArrayType); ok && a.Len != nil {
		t, length = a.Elt, "["+types.ExprString(a.Len)+"]"
	}
	name := types.ExprString(t)
	c, ok := map[string]string{"uint8": "__u8", "byte": "__u8", "uint16": "__u16", "uint32": "__u32", "uint64": "__u64",
		"int32": "__s32", "int64": "__s64"}[name]
	if !ok {
		c = "struct " + g.cName(name)
	}
	return c + length
}

// table writes the fields of a structure of one of our drivers.
func (g *generator) table(request string, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	g.line("\n| field | type | | meaning |\n|---|---|---|---|")
	for _, r := range rows {
		meaning := g.prose(r.meaning)
		for _, s := range r.sets {
			if !g.printed[s] {
				return fmt.Errorf("%s: field %s has values of %s, which the section does not list", request, r.names[0], s)
			}
			meaning = strings.TrimSpace(meaning + " " + capital(g.sets[s].kind) + ": [" + s + "](#" + s + ").")
		}
		if meaning == "" {
			return fmt.Errorf("%s: nothing is said about the field %s", request, r.names[0])
		}
		g.line("| `%s` | `%s` | %s | %s |", strings.Join(r.names, "`, `"), r.typ, r.dir, meaning)
	}
	return nil
}
