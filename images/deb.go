// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// FetchDeb returns the path of a Debian package in the default cache, downloading
// it if needed: see Options.FetchDeb.
func FetchDeb(ctx context.Context, pkg, arch, suite string) (path string, err error) {
	return Options{Suite: suite}.FetchDeb(ctx, pkg, arch)
}

// FetchDeb returns the path of the newest version of a Debian package of o.Suite,
// from the cache or, the first time and with o.Update, from the archive. arch is
// Debian's name of an architecture, or "" for the machine's own. Of a package
// linux-image-ARCH, which is empty but for a dependency, it fetches the package with
// the kernel.
func (o Options) FetchDeb(ctx context.Context, pkg, arch string) (path string, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return "", err
	}
	if !isPackageName(pkg) || arch != "" && !isPackageName(arch) {
		return "", fmt.Errorf("%q (%q) is not the name of a Debian package", pkg, arch)
	}
	b := newBuilder(o)
	pinName := "deb." + pkg + archField(arch) + "." + o.Suite
	if rec, ok := b.store.pinned(pinName); ok && !o.Update && !standsFor(rec) {
		if e, err := b.store.lookup("deb", debInputs(rec, arch)); err == nil {
			return e.path(debFile(rec, arch)), nil
		}
	}
	a, err := newApt(ctx, o, arch, b.report)
	if err != nil {
		return "", err
	}
	if err := a.update(ctx); err != nil {
		return "", err
	}
	rec, err := a.find(ctx, pkg)
	if err != nil {
		return "", err
	}
	for real, ok := kernelOf(rec); ok; real, ok = kernelOf(rec) {
		if rec, err = a.find(ctx, real); err != nil {
			return "", err
		}
	}
	name := debFile(rec, arch)
	e, err := b.store.ensure(ctx, "deb", debInputs(rec, arch), []string{name}, func(ctx context.Context, dir string) error {
		b.report.step("downloading %s %s", rec.Name, rec.Version)
		deb, err := a.download(ctx, rec, dir)
		if err != nil {
			return err
		}
		return os.Rename(deb, filepath.Join(dir, name))
	})
	if err != nil {
		return "", err
	}
	return e.path(name), b.store.pin(pinName, rec)
}

// kernelOf returns the package that a kernel's package without a kernel stands for:
// linux-image-ARCH depends on linux-image-VERSION, and where that has been split, it
// depends on linux-binary-VERSION.
func kernelOf(rec debRecord) (string, bool) {
	if !strings.HasPrefix(rec.Name, "linux-image-") {
		return "", false
	}
	for _, kind := range []string{"linux-binary-", "linux-image-"} {
		for _, dep := range rec.Depends {
			if v, ok := strings.CutPrefix(dep, kind); ok && dep != rec.Name && v != "" && v[0] >= '0' && v[0] <= '9' {
				return dep, true
			}
		}
	}
	return "", false
}

// standsFor tells whether a package stands for another one.
func standsFor(rec debRecord) bool {
	_, ok := kernelOf(rec)
	return ok
}

func debInputs(rec debRecord, arch string) []input {
	return []input{{"package", rec.Name + " " + rec.Version}, {"arch", arch}, {"sha256", rec.SHA256}}
}

func debFile(rec debRecord, arch string) string {
	return rec.Name + archField(arch) + ".deb"
}

func archField(arch string) string {
	if arch == "" {
		return ""
	}
	return "." + arch
}

// isPackageName follows Debian policy, section 5.6.1.
func isPackageName(s string) bool {
	for i, c := range s {
		ok := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && strings.ContainsRune("+-.", c)
		if !ok {
			return false
		}
	}
	return s != ""
}

// ExtractDeb unpacks the files of a Debian package into dir, which is made if need
// be.
func ExtractDeb(ctx context.Context, deb, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return diskError(dir, err)
	}
	if _, err := output(ctx, "", nil, "dpkg-deb", "-x", deb, dir); err != nil {
		return diskError(dir, fmt.Errorf("unpacking %s: %w", filepath.Base(deb), err))
	}
	return nil
}
