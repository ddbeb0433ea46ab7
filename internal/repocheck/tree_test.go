// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// modulePath is the path of this module.
const modulePath = "vdev"

// file is one file of the repository.
type file struct {
	path string // relative to the top, with slashes
	text []byte
	ast  *ast.File // nil unless it is Go
}

func (f *file) dir() string  { return path.Dir(f.path) }
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// tree is the files of a repository, in order of their paths.
type tree struct {
	fset  *token.FileSet
	files []*file
}

func newTree() *tree { return &tree{fset: token.NewFileSet()} }

// add parses and appends one file.
func (t *tree) add(name string, text []byte) error {
	f := &file{path: name, text: text}
	if strings.HasSuffix(name, ".go") {
		var err error
		f.ast, err = parser.ParseFile(t.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
	}
	t.files = append(t.files, f)
	return nil
}

// goFiles are the files that are Go.
func (t *tree) goFiles() []*file {
	var all []*file
	for _, f := range t.files {
		if f.ast != nil {
			all = append(all, f)
		}
	}
	return all
}

// packages groups the Go files, without tests, by directory.
func (t *tree) packages() map[string][]*file {
	pkgs := map[string][]*file{}
	for _, f := range t.goFiles() {
		if !f.isTest() {
			pkgs[f.dir()] = append(pkgs[f.dir()], f)
		}
	}
	return pkgs
}

// at makes a finding about a place in a Go file.
func (t *tree) at(pos token.Pos, msg string) finding {
	p := t.fset.Position(pos)
	return finding{p.Filename, p.Line, msg}
}

// repositoryRoot is the top of the repository that the test runs in.
func repositoryRoot(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// loadTree reads all text files below root, except for what is built (bin), what
// tests feed on (testdata), and hidden directories other than .ci.
func loadTree(root string) (*tree, error) {
	t := newTree()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			hidden := rel != "." && d.Name()[0] == '.' && rel != ".ci"
			if hidden || rel == "bin" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || rel == ".git" { // a file in a linked work tree
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 { // not text
			return err
		}
		return t.add(rel, text)
	})
	return t, err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// under tells whether the slash-separated path name is dir or lies below it.
func under(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}
