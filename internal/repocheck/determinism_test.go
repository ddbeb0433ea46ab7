// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strconv"
)

// What a guest can observe must follow from image, seed and input alone. In the
// packages that model the machine nothing may therefore depend on the host's time,
// its scheduler, its random numbers or its environment.

// modelDirs are the directories of models; with everything below them.
func modelDirs() []string {
	return []string{"mmio", "iommu", "dmabuf", "emu"}
}

// notModels are the files and directories among them that deal with the host, or
// take no part in a run.
func notModels() map[string]string {
	return map[string]string{
		"emu/pace.go":           "lets idle virtual time pass at the speed of the host's clock",
		"emu/loader/file.go":    "reads what is to be booted",
		"emu/riscv/isa/gen":     "a generator; a test compares its output",
		"emu/riscv/isa/isatest": "for tests",
		"mmio/mmiotest":         "for tests",
		"dmabuf/blocking":       "for programs with goroutines, on the host's clock; no machine uses it",
	}
}

func isModel(f *file) bool {
	if f.isTest() {
		return false
	}
	for part := range notModels() {
		if under(f.path, part) {
			return false
		}
	}
	return slices.ContainsFunc(modelDirs(), func(d string) bool { return under(f.path, d) })
}

// bannedImports are packages that bring in the host; rand is allowed with sources
// of one's own.
func bannedImports() map[string]string {
	return map[string]string{
		"math/rand":     "has a source of its own; use math/rand/v2 with a seeded one",
		"crypto/rand":   "differs in every run",
		"os":            "is the host; files and environment are for cmd",
		"os/exec":       "is the host",
		"os/signal":     "is the host",
		"net":           "is the host",
		"sync/atomic":   "is for several goroutines; a machine has one",
		"runtime/cgo":   "is the host",
		"testing/quick": "is for tests",
	}
}

// bannedNames are functions of packages that are otherwise allowed.
func bannedNames() map[string][]string {
	return map[string][]string{
		"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Local"},
		"math/rand/v2": {"Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "Uint32", "Uint32N", "Uint64", "Uint64N",
			"UintN", "Uint", "N", "Float32", "Float64", "NormFloat64", "ExpFloat64", "Perm", "Shuffle"},
		"runtime": {"NumCPU", "NumGoroutine", "GOMAXPROCS", "Gosched"},
	}
}

func determinismRule() rule {
	return rule{
		name: "models do not depend on the host",
		check: func(t *tree) []finding {
			var found []finding
			for _, f := range t.goFiles() {
				if isModel(f) {
					found = append(found, hostUses(t, f)...)
				}
			}
			return found
		},
		bad: []sample{
			{"goroutine", one("mmio/uart/a.go", "package uart\n\nfunc f() { go f() }\n"), "mmio/uart/a.go:3: starts a goroutine"},
			{"clock", one("mmio/rtc/a.go", "package rtc\n\nimport \"time\"\n\nvar now = time.Now\n"), "mmio/rtc/a.go:5: uses time.Now"},
			{"clock by another name", one("emu/sbi/a.go", "package sbi\n\nimport tm \"time\"\n\nfunc f() { tm.Sleep(1) }\n"), "emu/sbi/a.go:5: uses time.Sleep"},
			{"dot import", one("emu/sbi/a.go", "package sbi\n\nimport . \"time\"\n"), "emu/sbi/a.go:3: imports time with a dot"},
			{"random", one("emu/mem/a.go", "package mem\n\nimport \"math/rand/v2\"\n\nfunc f() int { return rand.IntN(3) }\n"), "emu/mem/a.go:5: uses math/rand/v2.IntN"},
			{"old random", one("emu/mem/a.go", "package mem\n\nimport _ \"math/rand\"\n"), "emu/mem/a.go:3: math/rand has a source"},
			{"environment", one("iommu/a.go", "package iommu\n\nimport _ \"os\"\n"), "iommu/a.go:3: os is the host"},
		},
		good: []sample{
			{"virtual time and seeded numbers", one("emu/riscv/a.go", `package riscv

import (
	"math/rand/v2"
	"time"
)

const d = 5 * time.Microsecond

func f(seed uint64) int {
	var rand2 = rand.New(rand.NewPCG(seed, 0))
	return rand2.IntN(3)
}

func g(time struct{ Now int }) int { return time.Now }
`), ""},
			{"tests and commands may", map[string]string{
				"mmio/uart/a_test.go": "package uart\n\nimport \"time\"\n\nfunc f() { go f(); time.Sleep(1) }\n",
				"cmd/vdev/a.go":       "package main\n\nimport _ \"os\"\n",
				"mmio/mmiotest/a.go":  "package mmiotest\n\nfunc f() { go f() }\n",
				"emu/pace.go":         "package emu\n\nimport \"time\"\n\nvar now = time.Now\n",
			}, ""},
		},
	}
}

// hostUses finds what brings the host into one file.
func hostUses(t *tree, f *file) []finding {
	var found []finding
	banned := map[string][]string{} // by the package's name in this file
	paths := map[string]string{}
	for _, imp := range f.ast.Imports {
		name, _ := strconv.Unquote(imp.Path.Value)
		if why, ok := bannedImports()[name]; ok {
			found = append(found, t.at(imp.Pos(), fmt.Sprintf("%s %s", name, why)))
		}
		names, ok := bannedNames()[name]
		if !ok {
			continue
		}
		local := importName(imp, name)
		if local == "." {
			found = append(found, t.at(imp.Pos(), fmt.Sprintf("imports %s with a dot", name)))
			continue
		}
		banned[local], paths[local] = names, name
	}
	// Only what a name stands for tells a package from a variable.
	info := packageScope(t, f.dir(), []*file{f})
	ast.Inspect(f.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, t.at(n.Pos(), "starts a goroutine"))
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			if _, isPkg := info.Uses[id].(*types.PkgName); !isPkg {
				break
			}
			for _, name := range banned[id.Name] {
				if n.Sel.Name == name {
					found = append(found, t.at(n.Pos(), fmt.Sprintf("uses %s.%s", paths[id.Name], name)))
				}
			}
		}
		return true
	})
	return found
}

// importName is the name by which a file knows the package that it imports.
func importName(imp *ast.ImportSpec, path string) string {
	if imp.Name != nil {
		return imp.Name.Name
	}
	return packageName(path)
}

// mapRanges are the places in models that range over a map although its order
// changes from run to run, and why that does not matter.
func mapRanges() map[string]string {
	return map[string]string{
		"emu/riscv/exec_b.go":  "fills a table, each entry by itself",
		"emu/riscv/exec_fd.go": "as exec_b.go",
	}
}

func mapRangeRule() rule {
	return rule{
		name: "models do not range over maps",
		check: func(t *tree) []finding {
			var found []finding
			pkgs := t.packages()
			for _, dir := range sortedKeys(pkgs) {
				info := packageScope(t, dir, pkgs[dir])
				for _, f := range pkgs[dir] {
					if !isModel(f) || mapRanges()[f.path] != "" {
						continue
					}
					ast.Inspect(f.ast, func(n ast.Node) bool {
						if r, ok := n.(*ast.RangeStmt); ok && isMap(info, r.X) {
							found = append(found, t.at(r.Pos(), "ranges over a map, in an order that changes from run to run"))
						}
						return true
					})
				}
			}
			return found
		},
		bad: []sample{
			{"local", one("mmio/a/a.go", "package a\n\nfunc f() {\n\tm := map[int]int{1: 2}\n\tfor range m {\n\t}\n}\n"), "mmio/a/a.go:5: ranges over a map"},
			{"field of another file's type", map[string]string{
				"mmio/a/a.go": "package a\n\ntype s struct{ m named }\n",
				"mmio/a/b.go": "package a\n\ntype named map[string]int\n\nfunc (s *s) f() {\n\tfor k := range s.m {\n\t\t_ = k\n\t}\n}\n",
			}, "mmio/a/b.go:6: ranges over a map"},
		},
		good: []sample{
			{"others", map[string]string{
				"mmio/a/a.go":   "package a\n\nfunc f(m map[int]int, l []int) int {\n\tfor range l {\n\t}\n\tfor range 5 {\n\t}\n\treturn m[1]\n}\n",
				"cmd/vdev/a.go": "package main\n\nfunc f(m map[int]int) {\n\tfor range m {\n\t}\n}\n",
			}, ""},
		},
	}
}

func isMap(info *types.Info, e ast.Expr) bool {
	tv, ok := info.Types[e]
	if !ok || tv.Type == nil {
		return false
	}
	_, ok = tv.Type.Underlying().(*types.Map)
	return ok
}
