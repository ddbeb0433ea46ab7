// SPDX-License-Identifier: Apache-2.0

package linux

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vdev/emu/symbols"
	"vdev/images"
)

// kernelFile is the guest's kernel. Without one the tests that need it are skipped, or
// fail if everything must be there.
func kernelFile(t *testing.T) *symbols.KernelFile {
	img, err := images.Find(t.Context(), images.Options{})
	if err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	f, err := symbols.ReadKernelFile(img.Vmlinux)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every member and every symbol that this package asks for is in the guest's kernel, or
// in another one that is listed here.
func TestTheKernelHasWhatIsAskedFor(t *testing.T) {
	k := kernelFile(t)
	elsewhere := map[string]bool{
		"mem_map": true, "max_mapnr": true, // FLATMEM
		"vmemmap_start_pfn": true, // SPARSEMEM_VMEMMAP, since Linux 6.13
	}
	member := regexp.MustCompile(`"([a-z_0-9]+\.[a-z_0-9.]+)"`)
	symbol := regexp.MustCompile(`(?:Symbol|variable)\("([a-z_0-9]+)"\)`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	members, syms := 0, 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range member.FindAllSubmatch(text, -1) {
			members++
			if got, ok := k.Member(string(m[1])); !ok || got.Size == 0 {
				t.Errorf("%s: the kernel has no %s (%+v)", file, m[1], got)
			}
		}
		for _, m := range symbol.FindAllSubmatch(text, -1) {
			syms++
			if _, ok := k.Address(string(m[1])); !ok && !elsewhere[string(m[1])] {
				t.Errorf("%s: the kernel has no %s", file, m[1])
			}
		}
	}
	if members < 30 || syms < 4 {
		t.Errorf("only %d members and %d symbols are asked for", members, syms)
	}
	// Names of variables that decide what something is.
	for _, name := range []string{"dma_buf_fops", "sync_file_fops", "system_heap_buf_ops", "cma_heap_buf_ops", "udmabuf_ops", "drm_gem_prime_dmabuf_ops"} {
		if a, ok := k.Address(name); !ok || k.Variable(a) != name {
			t.Errorf("%s is at %#x, where %q is", name, a, k.Variable(a))
		}
	}
}
