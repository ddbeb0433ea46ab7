// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// program is one of vdev's own programs in the guest.
type program struct {
	name    string // in /bin of the guest
	pattern string // of its package, for the go command
}

// guestPrograms lists the programs in a source tree: the agent, and what there is
// in guest/cmds.
func guestPrograms(src string) []program {
	var all []program
	add := func(name, dir string) {
		files, _ := filepath.Glob(filepath.Join(src, dir, "*.go"))
		if len(files) > 0 {
			all = append(all, program{name, "./" + dir})
		}
	}
	add("vdev-agent", "guest/agent")
	cmds, _ := os.ReadDir(filepath.Join(src, "guest/cmds"))
	for _, c := range cmds {
		if c.IsDir() {
			add(c.Name(), path.Join("guest/cmds", c.Name()))
		}
	}
	return all
}

// programsHash identifies the source of programs: the files of their packages and
// of those packages of ours that they import, and the versions of all others.
func programsHash(ctx context.Context, g *goTool, progs []program) (string, error) {
	h := sha256.New()
	if len(progs) > 0 {
		var patterns []string
		for _, p := range progs {
			patterns = append(patterns, p.pattern)
			fmt.Fprintf(h, "program %q %q\n", p.name, p.pattern)
		}
		pkgs, err := g.listGuest(ctx, patterns...)
		if err != nil {
			return "", err
		}
		for _, p := range pkgs {
			if err := hashPackage(h, p); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashPackage writes what identifies one package.
func hashPackage(h io.Writer, p goPackage) error {
	switch {
	case p.Standard:
		return nil // the version of Go is an input of its own
	case p.Module != nil && !p.Module.Main && p.Module.Version != "":
		fmt.Fprintf(h, "package %q %s@%s\n", p.ImportPath, p.Module.Path, p.Module.Version)
		return nil
	}
	if !p.DepOnly && p.Name != "main" {
		return fmt.Errorf("guest program %s is package %s, not main", p.ImportPath, p.Name)
	}
	fmt.Fprintf(h, "package %q\n", p.ImportPath)
	for _, f := range slices.Concat(p.GoFiles, p.SFiles, p.EmbedFiles) {
		b, err := os.ReadFile(filepath.Join(p.Dir, f))
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "file %q %s\n", f, hashText(string(b)))
	}
	return nil
}

// buildPrograms compiles programs into dir, under their names.
func buildPrograms(ctx context.Context, g *goTool, progs []program, dir string) error {
	for _, p := range progs {
		_, err := g.run(ctx, guestEnv(), "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", filepath.Join(dir, p.name), p.pattern)
		if err != nil {
			return fmt.Errorf("guest program %s: %w", strings.TrimPrefix(p.pattern, "./"), err)
		}
	}
	return nil
}
