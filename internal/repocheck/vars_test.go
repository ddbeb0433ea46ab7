// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"strings"
)

// A package's only variables are those that are as good as constants: errors and
// tables, complete at their declaration and never written afterwards. Then two
// machines in one process cannot meet in one.

// packageScope type-checks one package by itself: imports are empty stand-ins, and
// what follows from that is ignored. It is enough to know what each name in the
// package stands for.
func packageScope(t *tree, dir string, files []*file) *types.Info {
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{},
		Defs:  map[*ast.Ident]types.Object{},
		Uses:  map[*ast.Ident]types.Object{},
	}
	conf := types.Config{Error: func(error) {}, Importer: standIns{}, FakeImportC: true}
	asts := make([]*ast.File, len(files))
	for i, f := range files {
		asts[i] = f.ast
	}
	// The error is the first of those that Error got.
	_, _ = conf.Check(modulePath+"/"+dir, t.fset, asts, info)
	return info
}

// standIns imports every package as an empty one.
type standIns struct{}

var _ types.Importer = standIns{}

func (standIns) Import(name string) (*types.Package, error) {
	if name == "unsafe" {
		return importer.Default().Import(name)
	}
	p := types.NewPackage(name, packageName(name))
	p.MarkComplete()
	return p, nil
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// packageName is the name that a package with this import path has by custom.
func packageName(name string) string {
	base := path.Base(name)
	if majorVersion.MatchString(base) {
		base = path.Base(path.Dir(name))
	}
	return base
}

func variableRule() rule {
	return rule{
		name: "no mutable package-level state",
		check: func(t *tree) []finding {
			var found []finding
			pkgs := t.packages()
			for _, dir := range sortedKeys(pkgs) {
				info := packageScope(t, dir, pkgs[dir])
				for _, f := range pkgs[dir] {
					found = append(found, variableDecls(t, f)...)
					found = append(found, variableWrites(t, f, info)...)
				}
			}
			return found
		},
		bad: []sample{
			{"no value", one("a/a.go", "package a\n\nvar count int\n"), "a/a.go:3: variable count has no value"},
			{"lock", one("a/a.go", "package a\n\nimport \"sync\"\n\nvar mu = sync.Mutex{}\n"), "a/a.go:5: variable mu holds state (sync.Mutex)"},
			{"atomic", one("a/a.go", "package a\n\nimport \"sync/atomic\"\n\nvar n atomic.Int64\n"), "variable n holds state (atomic.Int64)"},
			{"made empty", one("a/a.go", "package a\n\nvar seen = make(map[int]bool)\n"), "a/a.go:3: variable seen starts empty"},
			{"empty map", one("a/a.go", "package a\n\nvar seen = map[int]bool{}\n"), "a/a.go:3: variable seen starts empty"},
			{"assigned", one("a/a.go", "package a\n\nvar n = 1\n\nfunc f() { n = 2 }\n"), "a/a.go:5: variable n is written"},
			{"counted", one("a/a.go", "package a\n\nvar n = 1\n\nfunc f() { n++ }\n"), "a/a.go:5: variable n is written"},
			{"element", one("a/a.go", "package a\n\nvar t = [2]struct{ x []int }{}\n\nfunc f() { t[0].x[1] = 2 }\n"), "a/a.go:5: variable t is written"},
			{"address", one("a/a.go", "package a\n\nvar n = 1\n\nfunc f() *int { return &n }\n"), "a/a.go:5: variable n is written"},
			{"deleted", one("a/a.go", "package a\n\nvar m = map[int]int{1: 1}\n\nfunc f() { delete(m, 1) }\n"), "a/a.go:5: variable m is written"},
			{"from another file", map[string]string{
				"a/a.go": "package a\n\nvar n = 1\n",
				"a/b.go": "package a\n\nfunc f() { n = 2 }\n",
			}, "a/b.go:3: variable n is written"},
		},
		good: []sample{
			{"tables and errors", one("a/a.go", `package a

import (
	_ "embed"
	"errors"
	"io"
)

var ErrGone = errors.New("gone")

var _ io.Reader = (*thing)(nil)

//go:embed text
var text string

var names = [...]string{"a", "b"}

var table = func() *[4]int {
	var t [4]int
	t[0] = 1
	return &t
}()

func shadow() {
	names := []string{}
	names = append(names, table0())
	_ = names
}

func row(i int) *string { return clone(&i, names[i]) }
`), ""},
			{"tests may", one("a/a_test.go", "package a\n\nvar update bool\n"), ""},
		},
	}
}

// variableDecls finds declarations that make no sense for a constant table.
func variableDecls(t *tree, f *file) []finding {
	var found []finding
	for _, d := range f.ast.Decls {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, s := range gen.Specs {
			spec := s.(*ast.ValueSpec)
			doc := gen.Doc
			if spec.Doc != nil {
				doc = spec.Doc
			}
			for i, name := range spec.Names {
				if name.Name == "_" || embedded(doc) {
					continue
				}
				var value ast.Expr
				if i < len(spec.Values) {
					value = spec.Values[i]
				}
				if msg := variableFault(spec.Type, value); msg != "" {
					found = append(found, t.at(name.Pos(), fmt.Sprintf("variable %s %s", name.Name, msg)))
				}
			}
		}
	}
	return found
}

// embedded tells whether the declaration is filled by the compiler.
func embedded(doc *ast.CommentGroup) bool {
	if doc != nil {
		for _, c := range doc.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// variableFault says what is wrong with a variable of that type and value, of which
// one may be nil.
func variableFault(typ, value ast.Expr) string {
	lit, _ := value.(*ast.CompositeLit)
	if typ == nil && lit != nil {
		typ = lit.Type
	}
	if sel, ok := typ.(*ast.SelectorExpr); ok {
		if pkg, ok := sel.X.(*ast.Ident); ok && (pkg.Name == "sync" || pkg.Name == "atomic") {
			return fmt.Sprintf("holds state (%s.%s)", pkg.Name, sel.Sel.Name)
		}
	}
	if value == nil {
		return "has no value, so something must write it"
	}
	if call, ok := value.(*ast.CallExpr); ok {
		if fn, ok := call.Fun.(*ast.Ident); ok && (fn.Name == "make" || fn.Name == "new") {
			return "starts empty, so something must write it"
		}
	}
	if _, ok := typ.(*ast.MapType); ok && lit != nil && len(lit.Elts) == 0 {
		return "starts empty, so something must write it"
	}
	return ""
}

// variableWrites finds what changes a package-level variable, or lets others do so.
func variableWrites(t *tree, f *file, info *types.Info) []finding {
	var found []finding
	written := func(e ast.Expr) {
		id := rootIdent(e)
		if id == nil {
			return
		}
		v, ok := info.Uses[id].(*types.Var)
		if ok && !v.IsField() && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
			found = append(found, t.at(id.Pos(), fmt.Sprintf("variable %s is written outside its declaration", id.Name)))
		}
	}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				written(e)
			}
		case *ast.RangeStmt:
			written(n.Key)
			written(n.Value)
		case *ast.IncDecStmt:
			written(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				written(n.X)
			}
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 {
				if _, builtin := info.Uses[fn].(*types.Builtin); builtin && (fn.Name == "delete" || fn.Name == "clear" || fn.Name == "copy") {
					written(n.Args[0])
				}
			}
		}
		return true
	})
	return found
}

// rootIdent is the variable that an addressable expression is part of.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}
