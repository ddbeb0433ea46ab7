// SPDX-License-Identifier: Apache-2.0

package images

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultSuite is the Debian suite that kernel sources and packages come from.
const DefaultSuite = "forky"

// Options says what to build and where. The zero value is the default image in
// the user's cache, built silently.
type Options struct {
	// CacheDir is the cache; by default "vdev" in the user's cache directory.
	CacheDir string
	// SourceDir is vdev's source tree, which the guest programs are compiled
	// from; by default it is looked for (see FindSource).
	SourceDir string
	// KernelSource is a kernel tree or tarball to use instead of Debian's.
	KernelSource string
	// Suite is the Debian suite; by default DefaultSuite.
	Suite string
	// Mirror is the URI of a Debian archive; by default the one that the
	// system's apt uses.
	Mirror string
	// Update looks for a newer kernel source package than the one in the cache.
	Update bool
	// Jobs is the number of compilers run at a time; by default one a CPU.
	Jobs int
	// Progress receives progress and status lines: live ones if it is a
	// terminal, plain ones if not, none if nil.
	Progress io.Writer
}

// withDefaults fills in what is not set, and makes paths absolute.
func (o Options) withDefaults() (Options, error) {
	if o.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("no place for the cache: %w; set XDG_CACHE_HOME or HOME", err)
		}
		o.CacheDir = filepath.Join(base, "vdev")
	}
	if o.Suite == "" {
		o.Suite = DefaultSuite
	}
	if !isSuiteName(o.Suite) {
		return o, fmt.Errorf("%q is not the name of a Debian suite", o.Suite)
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	for _, p := range []*string{&o.CacheDir, &o.SourceDir, &o.KernelSource} {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return o, err
		}
		*p = abs
	}
	if o.KernelSource != "" {
		if _, err := os.Stat(o.KernelSource); err != nil {
			return o, fmt.Errorf("kernel source: %w", err)
		}
	}
	return o, nil
}

// isSuiteName keeps out what would end up elsewhere than in the field it is
// meant for: the name becomes part of paths and of apt's configuration.
func isSuiteName(s string) bool {
	if s == "" || s[0] == '-' || s[0] == '.' {
		return false
	}
	for _, c := range s {
		ok := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.'
		if !ok {
			return false
		}
	}
	return true
}

// Image is a guest image: the paths of files in the cache. They stay valid while
// the process runs; whoever wants to keep them makes a copy (see Image.CopyTo).
type Image struct {
	Kernel    string // boot image, "Image" of the Linux build
	Vmlinux   string // the same kernel as ELF with DWARF and BTF
	Config    string // its configuration
	Initramfs string // uncompressed newc archive
	// Modules is a directory with vdev's kernel modules (*.ko) and their debug
	// information; empty if there are none.
	Modules string
}

// files are the image's files by the names that a copy gets.
func (m Image) files() map[string]string {
	return map[string]string{
		"Image":          m.Kernel,
		"vmlinux":        m.Vmlinux,
		"config":         m.Config,
		"initramfs.cpio": m.Initramfs,
	}
}
