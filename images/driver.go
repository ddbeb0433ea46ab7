// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/mkuimage/cpio"
)

// driverDir is where the guest's kernel modules are in the source tree.
const driverDir = "guest/driver"

// driverRecipe is part of the modules' key: see kernelRecipe.
const driverRecipe = "1"

// Each module is kept twice: with debug information, for the debugger and for
// reports, and as it goes into the guest.
const strippedSuffix = ".stripped"

// driverSource is a file that modules are made from.
type driverSource struct {
	name string
	text []byte
}

// driverSources reads the files of the modules, sorted by name.
func driverSources(src string) ([]driverSource, error) {
	var all []driverSource
	for _, pattern := range []string{"Makefile", "*.c", "*.h"} {
		files, err := filepath.Glob(filepath.Join(src, driverDir, pattern))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			// What an earlier build by hand left there is none of ours.
			if strings.HasSuffix(f, ".mod.c") {
				continue
			}
			text, err := os.ReadFile(f)
			if err != nil {
				return nil, err
			}
			all = append(all, driverSource{filepath.Base(f), text})
		}
	}
	slices.SortFunc(all, func(a, b driverSource) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// driverModules lists the modules that the Kbuild file in sources makes.
func driverModules(sources []driverSource) []string {
	var all []string
	for _, s := range sources {
		if s.name != "Makefile" {
			continue
		}
		for line := range strings.Lines(string(s.text)) {
			f := strings.Fields(line)
			if len(f) < 2 || f[0] != "obj-m" {
				continue
			}
			for _, obj := range f[2:] {
				if name, ok := strings.CutSuffix(obj, ".o"); ok {
					all = append(all, name+".ko")
				}
			}
		}
	}
	return all
}

// driverInputs are what the modules are made of.
func driverInputs(kernel *entry, sources []driverSource) []input {
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "file %q %s\n", s.name, hashText(string(s.text)))
	}
	return []input{
		{"recipe", driverRecipe},
		{"tree", keyOf("moduletree", moduleTreeInputs(kernel))},
		{"sources", hex.EncodeToString(h.Sum(nil))},
	}
}

// driver returns the entry of the guest's kernel modules for a kernel, made if
// build says so. It is nil if the source tree has no modules.
func (b *builder) driver(ctx context.Context, src string, kernel *entry, build bool) (*entry, error) {
	sources, err := driverSources(src)
	if err != nil {
		return nil, err
	}
	modules := driverModules(sources)
	if len(modules) == 0 {
		return nil, nil
	}
	inputs := driverInputs(kernel, sources)
	if e, err := b.store.lookup("driver", inputs); err == nil || !build {
		return e, err
	}
	tree, err := b.moduleTree(ctx, kernel)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, m := range modules {
		files = append(files, m, m+strippedSuffix)
	}
	e, err := b.store.ensure(ctx, "driver", inputs, files, func(ctx context.Context, dir string) error {
		b.report.step("compiling %d kernel modules", len(modules))
		return b.compileDriver(ctx, tree, sources, modules, dir)
	})
	if err == nil {
		b.store.prune(ctx, "driver", 8)
	}
	return e, err
}

// compileDriver builds the modules in dir and leaves them there.
func (b *builder) compileDriver(ctx context.Context, tree *entry, sources []driverSource, modules []string, dir string) error {
	linux, work := filepath.Join(dir, "linux"), filepath.Join(dir, "work")
	if err := b.unpackModuleTree(ctx, tree, linux); err != nil {
		return err
	}
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	for _, s := range sources {
		if err := os.WriteFile(filepath.Join(work, s.name), s.text, 0o644); err != nil {
			return err
		}
	}
	logPath := filepath.Join(b.opts.CacheDir, "driver-build.log")
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	m := kernelMake{builder: b, tree: linux, log: log, logPath: logPath}
	// Reports show where in vdev's source tree a line is.
	mapping := "-ffile-prefix-map=" + work + "=" + driverDir + " -ffile-prefix-map=" + linux + "=/usr/src/linux"
	if err := m.run(ctx, 0, "M="+work, "KCFLAGS="+mapping, "modules"); err != nil {
		return err
	}
	for _, name := range modules {
		out := filepath.Join(dir, name)
		if err := os.Rename(filepath.Join(work, name), out); err != nil {
			return err
		}
		if _, err := output(ctx, dir, nil, crossPrefix+"strip", "--strip-debug", "-o", out+strippedSuffix, out); err != nil {
			return err
		}
	}
	return nil
}

// modules lists the modules of an entry of kind "driver", which may be nil, by
// their paths in the cache.
func modules(driver *entry) []string {
	if driver == nil {
		return nil
	}
	var all []string
	for _, f := range driver.Files {
		if path.Ext(f.Name) == ".ko" {
			all = append(all, driver.path(f.Name))
		}
	}
	return all
}

// moduleRecords are the modules as they are in the guest. u-root's init and the
// agent load what is in this directory.
func moduleRecords(driver *entry) ([]cpio.Record, error) {
	var all []cpio.Record
	for _, m := range modules(driver) {
		text, err := os.ReadFile(m + strippedSuffix)
		if err != nil {
			return nil, err
		}
		all = append(all, cpio.StaticFile("lib/modules/"+filepath.Base(m), string(text), 0o644))
	}
	return all, nil
}
