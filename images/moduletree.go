// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// moduleTreeRecipe is part of a module tree's key: see kernelRecipe.
const moduleTreeRecipe = "1"

// moduleTreeFile is the file of an entry of kind "moduletree": a tarball of what
// building a module for the kernel takes, a twentieth of the kernel's source.
const moduleTreeFile = "tree.tar"

// moduleTreeLines is about how many lines preparing a tree prints.
const moduleTreeLines = 200

// moduleTreeInputs are what a module tree is made of. A kernel's key says it all:
// source, configuration and compiler.
func moduleTreeInputs(kernel *entry) []input {
	return []input{{"recipe", moduleTreeRecipe}, {"kernel", kernel.Key}}
}

// moduleTree returns the tree to build modules for a kernel in. It is an entry of
// its own, so that neither it nor a module has the kernel built again.
func (b *builder) moduleTree(ctx context.Context, kernel *entry) (*entry, error) {
	if err := require(kernelRequirements()); err != nil {
		return nil, err
	}
	inputs := moduleTreeInputs(kernel)
	if e, err := b.store.lookup("moduletree", inputs); err == nil {
		return e, nil
	}
	src, err := b.sourceOf(ctx, kernel)
	if err != nil {
		return nil, err
	}
	e, err := b.store.ensure(ctx, "moduletree", inputs, []string{moduleTreeFile}, func(ctx context.Context, dir string) error {
		if err := needSpace(b.opts.CacheDir, moduleTreeSpace); err != nil {
			return err
		}
		return b.prepareModuleTree(ctx, kernel, src, dir)
	})
	if err == nil {
		b.store.prune(ctx, "moduletree", 4)
	}
	return e, err
}

// moduleTreeSpace is what preparing a tree takes on disk, in bytes, at its peak.
const moduleTreeSpace = 2.5e9

// sourceOf finds the source that a kernel was made from.
func (b *builder) sourceOf(ctx context.Context, kernel *entry) (kernelSource, error) {
	identity := input{"source", kernel.input("source")}
	if b.opts.KernelSource != "" {
		src, err := localSource(b.opts.KernelSource)
		if err == nil && src.identity != identity {
			err = fmt.Errorf("kernel source %s has changed: build the image again", b.opts.KernelSource)
		}
		return src, err
	}
	if e, err := b.store.lookup("source", []input{identity}); err == nil {
		return kernelSource{e.path(sourceTar), identity}, nil
	}
	rec, ok := b.store.pinned("kernel-source." + b.opts.Suite)
	if !ok || debIdentity(rec) != identity {
		return kernelSource{}, errors.New("the source of the kernel in the cache is gone: run \"vdev image build --update\"")
	}
	if err := require(debRequirements()); err != nil {
		return kernelSource{}, err
	}
	a, err := newApt(ctx, b.opts, "", b.report)
	if err != nil {
		return kernelSource{}, err
	}
	if err := a.update(ctx); err != nil {
		return kernelSource{}, err
	}
	e, err := b.sourceEntry(ctx, a, rec)
	if err != nil {
		return kernelSource{}, err
	}
	return kernelSource{e.path(sourceTar), identity}, nil
}

// prepareModuleTree configures the kernel's source as the kernel was, makes what
// modules need of it, and packs that.
func (b *builder) prepareModuleTree(ctx context.Context, kernel *entry, src kernelSource, dir string) error {
	tree, err := b.patchedTree(ctx, src, filepath.Join(dir, "linux"))
	if err != nil {
		return err
	}
	config, err := os.ReadFile(kernel.path(kernelConfig))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, ".config"), config, 0o644); err != nil {
		return err
	}
	logPath := filepath.Join(b.opts.CacheDir, "module-build.log")
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	m := kernelMake{builder: b, tree: tree, log: log, logPath: logPath}
	b.report.step("preparing to build modules, log in %s", logPath)
	if err := m.run(ctx, moduleTreeLines, "modules_prepare"); err != nil {
		return err
	}
	symvers, err := moduleSymvers(kernel.path(kernelElf))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tree, "Module.symvers"), symvers, 0o644); err != nil {
		return err
	}
	// The kernel's own list of what modules need. With two equal compilers it leaves
	// the programs that run here as they are.
	slim := filepath.Join(dir, "slim")
	env := []string{"srctree=.", "SRCARCH=" + kernelArch, "CC=cc", "HOSTCC=cc", "MAKE=make"}
	if _, err := output(ctx, tree, env, "sh", "scripts/package/install-extmod-build", slim); err != nil {
		return fmt.Errorf("packing the tree for modules: %w", err)
	}
	_, err = output(ctx, slim, nil, "tar", "-c", "-f", filepath.Join(dir, moduleTreeFile), ".")
	return err
}

// moduleSymvers makes a Module.symvers of a kernel: the list of the symbols that
// modules may use. The kernel's build writes one, but as its last step, for which all
// modules are compiled; each symbol leaves its mark in the kernel's own symbol table
// (see Linux's include/linux/export-internal.h). Which of them are for GPL modules
// only is checked again when a module is loaded.
func moduleSymvers(vmlinux string) ([]byte, error) {
	f, err := elf.Open(vmlinux)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(vmlinux), err)
	}
	var names []string
	for _, s := range symbols {
		if name, ok := strings.CutPrefix(s.Name, "__ksymtab_"); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s exports no symbols to modules", filepath.Base(vmlinux))
	}
	slices.Sort(names)
	var out bytes.Buffer
	for _, name := range slices.Compact(names) {
		fmt.Fprintf(&out, "0x00000000\t%s\tvmlinux\tEXPORT_SYMBOL\t\n", name)
	}
	return out.Bytes(), nil
}

// unpackModuleTree puts the tree of an entry into dir.
func (b *builder) unpackModuleTree(ctx context.Context, tree *entry, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Open(tree.path(moduleTreeFile))
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := command(ctx, dir, nil, "tar", "-x", "--no-same-owner", "-f", "-")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = io.Reader(f), &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("unpacking the tree for modules: %w", commandError(ctx, "tar", err, said.String()))
	}
	return nil
}
