// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// kernelSource is a kernel tree to build: where it is and what identifies it.
type kernelSource struct {
	path     string // a directory or a tarball
	identity input
}

// sourceTar is the name of the tarball in an entry of kind "source".
const sourceTar = "linux.tar"

// localSource describes a tree or tarball that the user named.
func localSource(path string) (kernelSource, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return kernelSource{}, fmt.Errorf("kernel source: %w", err)
	}
	if fi.IsDir() {
		if err := checkKernelTree(path); err != nil {
			return kernelSource{}, err
		}
		sum, err := treeFingerprint(path)
		if err != nil {
			return kernelSource{}, fmt.Errorf("kernel source: %w", err)
		}
		return kernelSource{path, input{"source", "tree " + path + " " + sum}}, nil
	}
	if !fi.Mode().IsRegular() {
		return kernelSource{}, fmt.Errorf("kernel source %s is neither a directory nor a tarball", path)
	}
	sum, err := hashFile(path)
	if err != nil {
		return kernelSource{}, fmt.Errorf("kernel source: %w", err)
	}
	return kernelSource{path, input{"source", "tarball " + sum}}, nil
}

// checkKernelTree says whether a directory looks like the top of a Linux tree that
// can be built for RISC-V.
func checkKernelTree(dir string) error {
	for _, name := range []string{"Kbuild", "Makefile", "arch/riscv/Kconfig", "scripts/kconfig"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s is not a Linux source tree: it has no %s", dir, name)
		}
	}
	return nil
}

// treeFingerprint identifies the state of a tree by the name, size and time of
// modification of each file: reading two gigabytes at every start would be slow.
func treeFingerprint(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%q %d %d %o\n", rel, fi.Size(), fi.ModTime().UnixNano(), fi.Mode())
		return nil
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// debIdentity identifies a kernel by the package that its source came in.
func debIdentity(rec debRecord) input {
	return input{"source", rec.Name + " " + rec.Version + " sha256:" + rec.SHA256}
}

// sourceEntry returns the tarball out of a kernel source package, from the cache or
// the archive.
func (b *builder) sourceEntry(ctx context.Context, a *apt, rec debRecord) (*entry, error) {
	return b.store.ensure(ctx, "source", []input{debIdentity(rec)}, []string{sourceTar}, func(ctx context.Context, dir string) error {
		// The package, and the tarball out of it.
		if err := needSpace(b.opts.CacheDir, 500e6); err != nil {
			return err
		}
		b.report.step("downloading %s %s", rec.Name, rec.Version)
		deb, err := a.download(ctx, rec, dir)
		if err != nil {
			return err
		}
		out := filepath.Join(dir, "deb")
		if err := ExtractDeb(ctx, deb, out); err != nil {
			return err
		}
		tars, err := filepath.Glob(filepath.Join(out, "usr/src/linux-source-*.tar.*"))
		if err != nil || len(tars) != 1 {
			return fmt.Errorf("package %s %s holds %d source tarballs, not one", rec.Name, rec.Version, len(tars))
		}
		return os.Rename(tars[0], filepath.Join(dir, sourceTar))
	})
}

// unpackTree puts a kernel tree, ours to change, into dir.
func (b *builder) unpackTree(ctx context.Context, src kernelSource, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	fi, err := os.Stat(src.path)
	if err != nil {
		return err
	}
	if fi.IsDir() {
		return b.copyTree(ctx, src.path, dir)
	}
	f, err := os.Open(src.path)
	if err != nil {
		return err
	}
	defer f.Close()
	flag, err := tarFlag(f)
	if err != nil {
		return fmt.Errorf("kernel source %s: %w", src.path, err)
	}
	var said bytes.Buffer
	cmd := command(ctx, dir, nil, "tar", "-x", flag, "--no-same-owner", "-f", "-")
	cmd.Stdin = &progressReader{r: f, report: b.report, task: "unpacking kernel source", total: fi.Size()}
	cmd.Stderr = &said
	err = cmd.Run()
	b.report.clear()
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", src.path, commandError(ctx, "tar", err, said.String()))
	}
	return nil
}

// tarFlag returns the option that makes tar decompress what f begins with. It
// leaves f at its beginning.
func tarFlag(f io.ReadSeeker) (string, error) {
	head := make([]byte, 6)
	if _, err := io.ReadFull(f, head); err != nil {
		return "", errors.New("is no tarball: it is too short")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	for _, c := range []struct{ magic, flag string }{
		{"\xfd7zXZ\x00", "-J"},
		{"\x1f\x8b", "-z"},
		{"BZh", "-j"},
		{"\x28\xb5\x2f\xfd", "--zstd"},
	} {
		if bytes.HasPrefix(head, []byte(c.magic)) {
			return c.flag, nil
		}
	}
	return "--no-auto-compress", nil
}

// copyTree copies a user's tree without its history, and rids the copy of what a
// build in place has left.
func (b *builder) copyTree(ctx context.Context, src, dst string) error {
	b.report.step("copying %s", src)
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	var said bytes.Buffer
	pack := command(ctx, src, nil, "tar", "-c", "--exclude=./.git", "-f", "-", ".")
	pack.Stdout, pack.Stderr = w, &said
	unpack := command(ctx, dst, nil, "tar", "-x", "--no-same-owner", "-f", "-")
	unpack.Stdin, unpack.Stderr = r, &said
	errPack, errUnpack := pack.Start(), unpack.Start()
	w.Close()
	r.Close()
	if errPack == nil {
		errPack = pack.Wait()
	}
	if errUnpack == nil {
		errUnpack = unpack.Wait()
	}
	if err := errors.Join(errUnpack, errPack); err != nil {
		return fmt.Errorf("copying %s: %w", src, commandError(ctx, "tar", err, said.String()))
	}
	_, err = output(ctx, dst, nil, "make", "-s", "ARCH="+kernelArch, "mrproper")
	return err
}

// kernelTop finds the top of the tree in a directory that a tarball was unpacked
// to: the directory itself, or the only one in it.
func kernelTop(dir string) (string, error) {
	if checkKernelTree(dir) == nil {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) == 1 && entries[0].IsDir() {
		top := filepath.Join(dir, entries[0].Name())
		if checkKernelTree(top) == nil {
			return top, nil
		}
	}
	return "", errors.New("the tarball does not hold a Linux source tree")
}
