// SPDX-License-Identifier: Apache-2.0

package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// Example is a function that shows how something is used.
type Example struct {
	Name string
	Doc  string   // its comment, in one line, without the name
	Text string   // its source
	Uses []string // names of other packages that it mentions
}

// Examples reads the functions with comments of a file, in order.
func Examples(dir, name string) ([]Example, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []Example
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Doc == nil {
			continue
		}
		e := Example{Name: f.Name.Name}
		e.Doc = strings.TrimSpace(strings.Join(strings.Fields(f.Doc.Text()), " "))
		e.Text = string(text[fset.Position(f.Pos()).Offset:fset.Position(f.End()).Offset])
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				e.Uses = append(e.Uses, s.Sel.Name)
			}
			return true
		})
		all = append(all, e)
	}
	return all, nil
}
