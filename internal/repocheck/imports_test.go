// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// layer says what the packages at and below a directory may import of this module.
// A name ending in "/..." stands for all at and below it. The row with the longest
// matching dir counts; every package must have one.
type layer struct {
	dir   string
	may   []string
	tests []string // besides, in tests
}

// layers is the direction in which imports go: cmd -> emu -> devices -> mmio.
func layers() []layer {
	return []layer{
		{dir: "mmio", may: []string{"mmio/..."}},
		{dir: "iommu", may: []string{"mmio", "iommu/..."}, tests: []string{"mmio/mmiotest"}},
		{dir: "dmabuf", may: []string{"dmabuf/...", "ioctl/..."}},
		{dir: "ioctl", may: []string{"dmabuf/...", "ioctl/..."}},

		{dir: "emu", may: []string{"emu/...", "mmio/...", "iommu/...", "dmabuf/...", "ioctl/..."},
			tests: []string{"images", "guest/..."}},
		{dir: "emu/fdt", may: []string{"mmio"}},
		{dir: "emu/loader", may: []string{"mmio"}},
		{dir: "emu/mem", may: []string{"mmio"}},
		{dir: "emu/sbi", may: []string{"mmio"}},
		{dir: "emu/riscv", may: []string{"mmio", "emu/mem", "emu/riscv/..."}},
		{dir: "emu/riscv/isa", may: []string{"emu/riscv/isa/..."}},
		{dir: "emu/riscv/softfloat"},

		{dir: "guest", may: []string{"guest/...", "ioctl/..."}},
		{dir: "guest/wire"},
		{dir: "guest/program"},

		{dir: "images", may: []string{"images/..."}},
		{dir: "cmd", may: []string{"cmd/...", "emu/...", "mmio/...", "iommu/...", "dmabuf/...", "ioctl/...",
			"guest/client", "guest/program", "guest/wire", "images"}},
		// Tools and tests of the whole; nothing imports them.
		{dir: "internal", may: []string{"emu/...", "mmio/...", "iommu/...", "dmabuf/...", "ioctl/...",
			"guest/client", "guest/program", "guest/wire", "images", "internal/..."},
			tests: []string{"guest/drm/pixel", "guest/tests/coherency", "guest/tests/graphics", "guest/tests/mappings", "guest/tests/ownership", "guest/tests/scenarios"}},
	}
}

// layerOf returns the row for the package in dir.
func layerOf(dir string) (layer, bool) {
	var best layer
	ok := false
	for _, l := range layers() {
		if under(dir, l.dir) && len(l.dir) >= len(best.dir) {
			best, ok = l, true
		}
	}
	return best, ok
}

// allows tells whether the layer may import the package at dir.
func (l layer) allows(dir string, test bool) bool {
	may := l.may
	if test {
		may = slices.Concat(may, l.tests)
	}
	return slices.ContainsFunc(may, func(m string) bool {
		if all, ok := strings.CutSuffix(m, "/..."); ok {
			return under(dir, all)
		}
		return dir == m
	})
}

func importRule() rule {
	return rule{
		name: "imports go one way",
		check: func(t *tree) []finding {
			var found []finding
			for _, f := range t.goFiles() {
				l, ok := layerOf(f.dir())
				if !ok {
					found = append(found, finding{f.path, 0, "the package has no place among the layers"})
					continue
				}
				for _, imp := range f.ast.Imports {
					name, _ := strconv.Unquote(imp.Path.Value)
					dir, ours := strings.CutPrefix(name, modulePath+"/")
					// A test in package x_test imports x.
					if !ours || dir == f.dir() && f.isTest() || l.allows(dir, f.isTest()) {
						continue
					}
					found = append(found, t.at(imp.Pos(), fmt.Sprintf("%s must not import %s", f.dir(), name)))
				}
			}
			return found
		},
		bad: []sample{
			{"device imports machine", one("mmio/g2d/g2d.go", "package g2d\n\nimport _ \"vdev/emu\"\n"),
				"mmio/g2d/g2d.go:3: mmio/g2d must not import vdev/emu"},
			{"core imports bus", one("dmabuf/core.go", "package dmabuf\n\nimport _ \"vdev/mmio\"\n"),
				"dmabuf must not import vdev/mmio"},
			{"protocol imports agent", one("guest/wire/w.go", "package wire\n\nimport _ \"vdev/guest/agent\"\n"),
				"guest/wire must not import"},
			{"hart imports machine in a test", one("emu/riscv/x_test.go", "package riscv\n\nimport _ \"vdev/emu\"\n"),
				"emu/riscv must not import vdev/emu"},
			{"same beginning is not below", one("emu/memory/x.go", "package memory\n\nimport _ \"vdev/guest/wire\"\n"),
				"emu/memory must not import"},
			{"test helper in the product", one("iommu/i.go", "package iommu\n\nimport _ \"vdev/mmio/mmiotest\"\n"),
				"iommu must not import"},
			{"unknown place", one("stuff/x.go", "package stuff\n"), "stuff/x.go: the package has no place"},
		},
		good: []sample{
			{"downwards", map[string]string{
				"cmd/vdev/main.go":       "package main\n\nimport _ \"vdev/emu\"\n",
				"emu/machine.go":         "package emu\n\nimport (\n\t_ \"fmt\"\n\t_ \"vdev/mmio/uart\"\n)\n",
				"mmio/uart/uart_test.go": "package uart_test\n\nimport (\n\t_ \"vdev/mmio/mmiotest\"\n\t_ \"vdev/mmio/uart\"\n)\n",
			}, ""},
		},
	}
}
