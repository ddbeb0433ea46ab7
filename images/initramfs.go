// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/u-root/mkuimage/cpio"
)

// initramfsRecipe is part of an initramfs' key: see kernelRecipe. It changes with
// what baseRecords returns, too.
const initramfsRecipe = "1"

// initramfsFile is the file of an entry of kind "initramfs".
const initramfsFile = "initramfs.cpio"

// initramfs returns the entry of the initramfs, made if build says so.
func (b *builder) initramfs(ctx context.Context, build bool) (*entry, error) {
	src := b.opts.SourceDir
	if src == "" {
		found, err := FindSource()
		if err != nil {
			return b.anyInitramfs(err)
		}
		src = found
	} else if !isSourceTree(src) {
		return nil, fmt.Errorf("%s is not vdev's source tree", src)
	}
	g, err := findGo(ctx, src)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return b.anyInitramfs(err)
	}
	inputs, progs, err := b.initramfsInputs(ctx, g)
	if err != nil {
		return nil, err
	}
	if e, err := b.store.lookup("initramfs", inputs); err == nil || !build {
		return e, err
	}
	bb, err := b.busybox(ctx, g, true)
	if err != nil {
		return nil, err
	}
	e, err := b.store.ensure(ctx, "initramfs", inputs, []string{initramfsFile}, func(ctx context.Context, dir string) error {
		b.report.step("compiling %d guest programs", len(progs))
		bin := filepath.Join(dir, "bin")
		if err := os.Mkdir(bin, 0o755); err != nil {
			return err
		}
		if err := buildPrograms(ctx, g, progs, bin); err != nil {
			return err
		}
		records, err := initramfsRecords(bb.path(busyboxFile), commandNames(urootCommands()), bin, progs)
		if err != nil {
			return err
		}
		return writeInitramfs(filepath.Join(dir, initramfsFile), records)
	})
	if err == nil {
		b.store.prune(ctx, "initramfs", 8)
	}
	return e, err
}

// initramfsInputs are what the initramfs is made of, and the programs in it.
func (b *builder) initramfsInputs(ctx context.Context, g *goTool) ([]input, []program, error) {
	progs := guestPrograms(g.src)
	sum, err := programsHash(ctx, g, progs)
	if err != nil {
		return nil, nil, err
	}
	bb, err := b.busyboxInputs(g)
	if err != nil {
		return nil, nil, err
	}
	return []input{
		{"recipe", initramfsRecipe},
		{"busybox", keyOf("busybox", bb)},
		{"go", g.version},
		{"env", strings.Join(guestEnv(), " ")},
		{"programs", sum},
	}, progs, nil
}

// anyInitramfs is the way out where none can be made, because of why: the last one
// used.
func (b *builder) anyInitramfs(why error) (*entry, error) {
	e, err := b.store.newest("initramfs", func(manifest) bool { return true })
	if err != nil {
		return nil, why
	}
	b.report.step("using the initramfs of %s, though %v", e.Created.Format("2006-01-02 15:04"), why)
	return e, nil
}

// baseRecords are the parts of the initramfs that are always there. u-root's init
// makes the rest at boot.
func baseRecords() []cpio.Record {
	return []cpio.Record{
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.CharDev("dev/null", 0o666, 1, 3),
		cpio.CharDev("dev/tty", 0o666, 5, 0),
		cpio.CharDev("dev/urandom", 0o666, 1, 9),
		cpio.Directory("proc", 0o755),
		cpio.Directory("root", 0o700),
		cpio.Directory("sys", 0o755),
		cpio.Directory("tmp", 0o777|cpio.S_ISVTX),
		cpio.Directory("var/log", 0o755),
		cpio.StaticFile("etc/group", "root:x:0:\n", 0o644),
		cpio.StaticFile("etc/hostname", "vdev\n", 0o644),
		cpio.StaticFile("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 vdev\n", 0o644),
		cpio.StaticFile("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644),
		cpio.Symlink("init", "bbin/init"),
		cpio.Symlink("bin/defaultsh", "../bbin/gosh"),
		cpio.Symlink("bin/sh", "../bbin/gosh"),
	}
}

// initramfsRecords are the contents of the initramfs: the binary bb with a link for
// each of its commands, and the programs in the directory bin.
func initramfsRecords(bb string, commands []string, bin string, progs []program) ([]cpio.Record, error) {
	all := baseRecords()
	addFile := func(name, from string) error {
		text, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		all = append(all, cpio.StaticFile(name, string(text), 0o755))
		return nil
	}
	if err := addFile("bbin/bb", bb); err != nil {
		return nil, err
	}
	for _, c := range commands {
		all = append(all, cpio.Symlink("bbin/"+c, "bb"))
	}
	for _, p := range progs {
		if err := addFile("bin/"+p.name, filepath.Join(bin, p.name)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// writeInitramfs writes records to a file.
func writeInitramfs(file string, records []cpio.Record) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := writeArchive(f, records); err != nil {
		return err
	}
	return f.Close()
}

// writeArchive writes records as a newc archive, which depends on nothing but the
// records: they are sorted, so that a directory comes before what it holds, and
// owners, times and inode numbers are set to fixed values. Directories that are
// not among the records are added. Two records of one name are an error.
func writeArchive(w io.Writer, records []cpio.Record) error {
	byName := map[string]cpio.Record{}
	for _, r := range records {
		name := path.Clean(r.Name)
		if name != r.Name || name == "." || path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") || name == cpio.Trailer {
			return fmt.Errorf("initramfs: bad name %q", r.Name)
		}
		if _, dup := byName[name]; dup {
			return fmt.Errorf("initramfs: two files have the name /%s", name)
		}
		byName[name] = r
	}
	for _, r := range records {
		for dir := path.Dir(r.Name); dir != "."; dir = path.Dir(dir) {
			have, ok := byName[dir]
			if !ok {
				byName[dir] = cpio.Directory(dir, 0o755)
			} else if have.Mode&cpio.S_IFMT != cpio.S_IFDIR {
				return fmt.Errorf("initramfs: /%s is in /%s, which is not a directory", r.Name, dir)
			}
		}
	}
	names := make([]string, 0, len(byName))
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	out := cpio.Newc.Writer(w)
	for i, n := range names {
		r := cpio.MakeReproducible(byName[n])
		// A number of its own for each file: the kernel links files of one number
		// together where the link count allows it.
		r.Ino, r.NLink = uint64(i+1), 1
		if r.Mode&cpio.S_IFMT == cpio.S_IFDIR {
			r.NLink = 2
		}
		r.UID, r.GID, r.MTime, r.Dev, r.Major, r.Minor = 0, 0, 0, 0, 0, 0
		if err := out.WriteRecord(r); err != nil {
			return fmt.Errorf("initramfs: %w", err)
		}
	}
	return cpio.WriteTrailer(out)
}
