// SPDX-License-Identifier: Apache-2.0

// Package source reads the declarations of package ioctl, for what is generated from
// them.
package source

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// Package is a Go package of declarations.
type Package struct {
	Types *types.Package
	Files []File // sorted by name
}

// File is a file of it, without tests.
type File struct {
	Name string // without its directory
	AST  *ast.File
}

// File is the syntax of a file, or nil if there is none of that name.
func (p *Package) File(name string) *ast.File {
	for _, f := range p.Files {
		if f.Name == name {
			return f.AST
		}
	}
	return nil
}

// Load reads the package in a directory. What needs other packages has no type;
// constants and structures for an ABI need none. skip names a file to leave out.
func Load(dir, skip string) (*Package, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	p := &Package{}
	var all []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || filepath.Base(name) == skip {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
		p.Files = append(p.Files, File{filepath.Base(name), f})
	}
	if all == nil {
		return nil, fmt.Errorf("%s holds no Go files", dir)
	}
	// Bodies of functions use packages that noImports does not have.
	cfg := types.Config{Importer: noImports{}, IgnoreFuncBodies: true, Error: func(error) {}, Sizes: Sizes()}
	p.Types, err = cfg.Check("ioctl", fset, all, nil)
	if p.Types == nil {
		return nil, err
	}
	return p, nil
}

// Sizes are those of riscv64.
func Sizes() types.Sizes { return types.SizesFor("gc", "riscv64") }

// noImports gives packages that hold only what declarations of an ABI use.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	if path == "structs" {
		name := types.NewTypeName(token.NoPos, p, "HostLayout", nil)
		types.NewNamed(name, types.NewStruct(nil, nil), nil)
		p.Scope().Insert(name)
	}
	p.MarkComplete()
	return p, nil
}
