// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// urootTools lists u-root's commands, as imports.
//
//go:embed uroot_tools.go
var urootTools string

// busyboxRecipe is part of a busybox's key: see kernelRecipe.
const busyboxRecipe = "1"

// busyboxSpace is what compiling u-root takes on disk in bytes.
const busyboxSpace = 200e6

// busyboxFile is the file of an entry of kind "busybox".
const busyboxFile = "bb"

// urootCommands returns the import paths of the commands in the guest.
func urootCommands() []string {
	var all []string
	for line := range strings.Lines(urootTools) {
		if imp, ok := strings.CutPrefix(strings.TrimSpace(line), `_ "`); ok {
			all = append(all, strings.TrimSuffix(imp, `"`))
		}
	}
	return all
}

// commandNames returns the names of commands with the given import paths.
func commandNames(imports []string) []string {
	names := make([]string, len(imports))
	for i, imp := range imports {
		names[i] = path.Base(imp)
	}
	return names
}

// busyboxInputs are what the binary with u-root's commands is made of. The
// versions of all modules are in go.mod.
func (b *builder) busyboxInputs(g *goTool) ([]input, error) {
	mod, err := os.ReadFile(filepath.Join(g.src, "go.mod"))
	if err != nil {
		return nil, err
	}
	own, err := hashSources(g.src, "images/mkbusybox")
	if err != nil {
		return nil, err
	}
	return []input{
		{"recipe", busyboxRecipe},
		{"go", g.version},
		{"env", strings.Join(guestEnv(), " ")},
		{"modules", hashText(string(mod))},
		{"maker", own},
		{"commands", hashText(strings.Join(urootCommands(), " "))},
	}, nil
}

// hashSources identifies the Go files in directories of a source tree.
func hashSources(src string, dirs ...string) (string, error) {
	h := sha256.New()
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(src, dir, "*.go")) // sorted
		if err != nil {
			return "", err
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(h, "file %q %s\n", path.Join(dir, filepath.Base(f)), hashText(string(b)))
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// busybox returns the entry with u-root's commands, compiling them if build says so.
func (b *builder) busybox(ctx context.Context, g *goTool, build bool) (*entry, error) {
	inputs, err := b.busyboxInputs(g)
	if err != nil {
		return nil, err
	}
	if !build {
		return b.store.lookup("busybox", inputs)
	}
	e, err := b.store.ensure(ctx, "busybox", inputs, []string{busyboxFile}, func(ctx context.Context, dir string) error {
		if err := needSpace(b.opts.CacheDir, busyboxSpace); err != nil {
			return err
		}
		b.report.step("compiling u-root: %d commands", len(urootCommands()))
		// The maker itself runs here, not in the guest.
		maker := filepath.Join(dir, "mkbusybox")
		if _, err := g.run(ctx, []string{"GOFLAGS=-mod=readonly"}, "build", "-o", maker, "./images/mkbusybox"); err != nil {
			return fmt.Errorf("u-root's builder: %w", err)
		}
		args := append([]string{"-o", filepath.Join(dir, busyboxFile), "-src", filepath.Join(dir, "src")}, urootCommands()...)
		env := append(guestEnv(), "PATH="+filepath.Dir(g.path)+string(os.PathListSeparator)+os.Getenv("PATH"))
		if _, err := output(ctx, g.src, env, maker, args...); err != nil {
			return fmt.Errorf("u-root: %w", err)
		}
		return nil
	})
	if err == nil {
		b.store.prune(ctx, "busybox", 4)
	}
	return e, err
}
