// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	kernelArch  = "riscv"              // Linux's name of the architecture
	crossPrefix = "riscv64-linux-gnu-" // of the compiler's programs
)

// kernelRecipe is part of a kernel's key. It changes when the same inputs give
// another result because the code below builds differently.
const kernelRecipe = "1"

// Files of an entry of kind "kernel".
const (
	kernelImage  = "Image"
	kernelElf    = "vmlinux"
	kernelConfig = "config"
)

// kernelSpace is what a build takes on disk in bytes, at its peak: 1.8 GB of
// source, 2 GB of objects with debug information, and some for growth.
const kernelSpace = 5e9

// kernelLines is about how many lines the build prints: it scales the progress bar
// of the first build.
const kernelLines = 1800

// inputCompiler names the input that is the compiler's version.
const inputCompiler = "compiler"

// kernelInputs are what the kernel is made of, with the version of the compiler
// last.
func kernelInputs(source input, compiler string) []input {
	in := []input{{"recipe", kernelRecipe}, source, {"fragment", hashText(kernelFragment)}}
	for _, p := range patches() {
		in = append(in, input{"patch " + p.name, hashText(p.text)})
	}
	return append(in, input{inputCompiler, compiler})
}

// kernel returns the kernel's entry, from the cache if it can. build says whether
// it may be built otherwise.
func (b *builder) kernel(ctx context.Context, build bool) (*entry, error) {
	if b.opts.KernelSource != "" {
		src, err := localSource(b.opts.KernelSource)
		if err != nil {
			return nil, err
		}
		if e, err := b.cachedKernel(ctx, src.identity); err == nil || !build {
			return e, err
		}
		return b.buildKernel(ctx, src)
	}
	pinName := "kernel-source." + b.opts.Suite
	rec, pinned := b.store.pinned(pinName)
	if pinned && !(b.opts.Update && build) {
		if e, err := b.cachedKernel(ctx, debIdentity(rec)); err == nil || !build {
			return e, err
		}
		// The archive may have moved on, but what is here is good.
		if src, err := b.store.lookup("source", []input{debIdentity(rec)}); err == nil {
			return b.buildKernel(ctx, kernelSource{src.path(sourceTar), debIdentity(rec)})
		}
	}
	if !build {
		return nil, errAbsent
	}
	// Say what is missing before a long download, not after.
	if err := require(slices.Concat(kernelRequirements(), debRequirements())); err != nil {
		return nil, err
	}
	a, err := newApt(ctx, b.opts, "", b.report)
	if err != nil {
		return nil, err
	}
	b.report.step("looking for the newest kernel source of suite %s", b.opts.Suite)
	if err := a.update(ctx); err != nil {
		return nil, err
	}
	rec, err = a.newestKernelSource(ctx)
	if err != nil {
		return nil, err
	}
	e, err := b.cachedKernel(ctx, debIdentity(rec))
	if err != nil {
		src, err := b.sourceEntry(ctx, a, rec)
		if err != nil {
			return nil, err
		}
		e, err = b.buildKernel(ctx, kernelSource{src.path(sourceTar), debIdentity(rec)})
		if err != nil {
			return nil, err
		}
	}
	return e, b.store.pin(pinName, rec)
}

// cachedKernel returns the kernel made from a source by the installed compiler; or,
// where there is no compiler, by any.
func (b *builder) cachedKernel(ctx context.Context, source input) (*entry, error) {
	version, err := compilerVersion(ctx)
	if err == nil {
		return b.store.lookup("kernel", kernelInputs(source, version))
	}
	return b.store.newest("kernel", func(m manifest) bool {
		return m.Key == keyOf("kernel", kernelInputs(source, m.input(inputCompiler)))
	})
}

// compilerVersion returns the first line that the cross compiler says of itself.
func compilerVersion(ctx context.Context) (string, error) {
	text, err := output(ctx, "", nil, crossPrefix+"gcc", "--version")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(text, "\n")
	return first, nil
}

// buildKernel makes a kernel out of a source.
func (b *builder) buildKernel(ctx context.Context, src kernelSource) (*entry, error) {
	if err := require(kernelRequirements()); err != nil {
		return nil, err
	}
	version, err := compilerVersion(ctx)
	if err != nil {
		return nil, err
	}
	files := []string{kernelImage, kernelElf, kernelConfig}
	e, err := b.store.ensure(ctx, "kernel", kernelInputs(src.identity, version), files, func(ctx context.Context, dir string) error {
		if err := needSpace(b.opts.CacheDir, kernelSpace); err != nil {
			return err
		}
		return b.compileKernel(ctx, src, dir)
	})
	if err == nil {
		b.store.prune(ctx, "kernel", 4)
		b.store.prune(ctx, "source", 2)
	}
	return e, err
}

// compileKernel unpacks, patches, configures and compiles in dir, and leaves the
// entry's files there.
func (b *builder) compileKernel(ctx context.Context, src kernelSource, dir string) error {
	began := time.Now()
	tree, err := b.patchedTree(ctx, src, filepath.Join(dir, "linux"))
	if err != nil {
		return err
	}
	logPath := filepath.Join(b.opts.CacheDir, "kernel-build.log")
	log, err := os.Create(logPath)
	if err != nil {
		return err
	}
	defer log.Close()
	m := kernelMake{builder: b, tree: tree, log: log, logPath: logPath}
	if err := m.configure(ctx, dir); err != nil {
		return err
	}
	b.report.step("compiling the kernel with %d jobs, log in %s", b.opts.Jobs, logPath)
	if err := m.run(ctx, kernelLines, "Image"); err != nil {
		return err
	}
	for name, from := range map[string]string{
		kernelImage:  "arch/riscv/boot/Image",
		kernelElf:    "vmlinux",
		kernelConfig: ".config",
	} {
		if err := os.Rename(filepath.Join(tree, from), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	b.report.step("kernel built in %s", time.Since(began).Round(time.Second))
	return nil
}

// patchedTree unpacks a source below dir, patches it and returns its top.
func (b *builder) patchedTree(ctx context.Context, src kernelSource, dir string) (string, error) {
	if err := b.unpackTree(ctx, src, dir); err != nil {
		return "", err
	}
	tree, err := kernelTop(dir)
	if err != nil {
		return "", fmt.Errorf("%s: %w", src.path, err)
	}
	for _, p := range patches() {
		if err := applyPatch(ctx, tree, p); err != nil {
			return "", err
		}
	}
	return tree, nil
}

// applyPatch changes the tree, unless it has that change already.
func applyPatch(ctx context.Context, tree string, p patch) error {
	run := func(args ...string) (string, error) {
		cmd := command(ctx, tree, nil, "patch", append([]string{"-p1", "-f", "-s", "--no-backup-if-mismatch"}, args...)...)
		cmd.Stdin = strings.NewReader(p.text)
		said, err := cmd.CombinedOutput()
		return string(said), err
	}
	if _, err := run("-R", "--dry-run"); err == nil {
		return nil
	}
	if said, err := run(); err != nil {
		return fmt.Errorf("patch %s does not fit this kernel: %w", p.name, commandError(ctx, "patch", err, said))
	}
	return nil
}

// kernelMake runs the kernel's make.
type kernelMake struct {
	*builder
	tree    string
	log     *os.File
	logPath string
}

// args are the variables of each call. The names and times that a build puts into
// its result are fixed, so that the same inputs give the same kernel.
func (m *kernelMake) args() []string {
	mapping := "-fdebug-prefix-map=" + m.tree + "=/usr/src/linux"
	return []string{
		"ARCH=" + kernelArch,
		"CROSS_COMPILE=" + crossPrefix,
		"KBUILD_BUILD_USER=vdev",
		"KBUILD_BUILD_HOST=vdev",
		"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
		"KBUILD_BUILD_VERSION=1",
		"KCFLAGS=" + mapping,
		"KAFLAGS=" + mapping,
		"V=0",
	}
}

// configure writes the tree's .config: nothing but the fragment and what that
// drags in. It fails if a setting of the fragment got lost.
func (m *kernelMake) configure(ctx context.Context, dir string) error {
	fragment := filepath.Join(dir, "config.fragment")
	if err := os.WriteFile(fragment, []byte(kernelFragment), 0o644); err != nil {
		return err
	}
	if err := m.run(ctx, 0, "KCONFIG_ALLCONFIG="+fragment, "allnoconfig"); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(m.tree, ".config"))
	if err != nil {
		return err
	}
	lost, err := lostSymbols(kernelFragment, string(config))
	if err != nil {
		return err
	}
	if len(lost) > 0 {
		return fmt.Errorf("this kernel cannot be configured as vdev needs it, it lost: %s", strings.Join(lost, ", "))
	}
	return nil
}

// run calls make, showing what it compiles; lines is about how many lines it will
// print, 0 to show nothing.
func (m *kernelMake) run(ctx context.Context, lines int64, args ...string) error {
	var errs tailBuffer
	var done int64
	began := time.Now()
	show := &lineWriter{line: func(line string) {
		if f := strings.Fields(line); lines > 0 && len(f) >= 2 && strings.HasPrefix(line, "  ") {
			done++
			// The last steps of the link are known to come; 100 % is the end.
			m.report.live("kernel", min(done, lines-1), lines,
				fmt.Sprintf("%s %s %s", time.Since(began).Round(time.Second), f[0], strings.TrimPrefix(f[1], m.tree+"/")))
		}
	}}
	all := append(m.args(), "-j"+strconv.Itoa(m.opts.Jobs))
	cmd := command(ctx, m.tree, nil, "make", append(all, args...)...)
	out := io.MultiWriter(m.log, &errs, show)
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	m.report.clear()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	tail := lastLines(errs.String(), 15)
	if mentionsFullDisk(tail) {
		return syscall.ENOSPC
	}
	return fmt.Errorf("the kernel build failed (%w), its log is %s and ends with:\n%s", err, m.logPath, tail)
}

// tailBuffer keeps the end of what is written to it.
type tailBuffer struct{ bytes.Buffer }

func (t *tailBuffer) Write(b []byte) (int, error) {
	const keep = 16 << 10
	t.Buffer.Write(b)
	if extra := t.Len() - keep; extra > keep {
		t.Next(extra)
	}
	return len(b), nil
}
