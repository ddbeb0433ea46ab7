// SPDX-License-Identifier: Apache-2.0

package ioctl

import (
	"debug/elf"
	"encoding/binary"
	"flag"
	"fmt"
	"go/constant"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"vdev/ioctl/internal/source"
)

var update = flag.Bool("update", false, "write testdata/abi.txt from the headers of $VDEV_KERNEL_SOURCE")

// abiFile is what a compiler for riscv64 made of Linux's headers.
const abiFile = "testdata/abi.txt"

// fact is a number of the ABI: what C calls it, and what it is here.
type fact struct {
	expr  string // of C
	value uint64
	own   bool // of our own drivers
}

// facts are all sizes, offsets and constants of this package.
func facts(t *testing.T) []fact {
	t.Helper()
	var all []fact
	for _, typ := range structTable() {
		c, own := CName(typ.Name()), strings.HasPrefix(typ.Name(), "Vdev")
		if rest, ok := strings.CutPrefix(c, "dma_test_"); ok {
			c, own = "vdev_dmatest_"+rest, true
		}
		c = "struct " + c
		if typ == reflect.TypeFor[DRMWaitVblank]() {
			c = "union drm_wait_vblank"
		}
		all = append(all, fact{fmt.Sprintf("sizeof(%s)", c), uint64(typ.Size()), own})
		for f := range typ.Fields() {
			tag := f.Tag.Get("ioctl")
			if f.Name == "_" || hasWord(tag, "hidden") {
				continue
			}
			name := CName(f.Name)
			for word := range strings.SplitSeq(tag, ",") {
				if n, ok := strings.CutPrefix(word, "c="); ok {
					name = n
				}
			}
			all = append(all,
				fact{fmt.Sprintf("offsetof(%s, %s)", c, name), uint64(f.Offset), own},
				fact{fmt.Sprintf("sizeof(((%s *)0)->%s)", c, name), uint64(f.Type.Size()), own})
		}
	}
	pkg, err := source.Load(".", "")
	if err != nil {
		t.Fatal(err)
	}
	scope := pkg.Types.Scope()
	for _, name := range scope.Names() {
		c, ok := scope.Lookup(name).(*types.Const)
		if !ok || !c.Exported() || !strings.Contains(name, "_") || c.Val().Kind() == constant.String {
			continue
		}
		v, ok := constant.Uint64Val(constant.ToInt(c.Val()))
		if !ok {
			t.Fatalf("%s has no value", name)
		}
		switch {
		case strings.HasPrefix(name, "DRM_VBLANK_"):
			name = "_" + name
		case name == "G2D_BUF_USERPTR":
			name = "(__u32)" + name // an int in C, so negative
		}
		all = append(all, fact{name, v, strings.HasPrefix(name, "VDEV_")})
	}
	return all
}

func hasWord(tag, word string) bool { return strings.Contains(","+tag+",", ","+word+",") }

// TestABI compares with what a compiler made of the headers of the Linux version that
// the guest has.
func TestABI(t *testing.T) {
	text, err := os.ReadFile(abiFile)
	if err != nil {
		t.Fatal(err)
	}
	linux := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		if linux[line[:i]], err = strconv.ParseUint(line[i+1:], 0, 64); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, f := range facts(t) {
		if f.own {
			continue
		}
		n++
		if v, ok := linux[f.expr]; !ok {
			t.Errorf("%s does not have %s: see TestABIOfHeaders", abiFile, f.expr)
		} else if v != f.value {
			t.Errorf("%s is %#x here and %#x in Linux", f.expr, f.value, v)
		}
	}
	if n != len(linux) {
		t.Errorf("%s has %d numbers, this package %d", abiFile, len(linux), n)
	}
}

// newest is the version of Linux that has all facts. Headers of earlier ones lack
// those that match newer, or have an earlier form of them; the others are older than
// any header that is likely to be installed.
const newest = 7<<8 | 2

var newer = regexp.MustCompile(`\b(drm_gem_change_handle|drm_mode_closefb|drm_set_client_name|sync_set_deadline|` +
	`drm_syncobj_(eventfd|handle|wait|timeline_wait)|` +
	`DRM_IOCTL_(GEM_CHANGE_HANDLE|MODE_CLOSEFB|SET_CLIENT_NAME)|SYNC_IOC_SET_DEADLINE|` +
	`DRM_IOCTL_SYNCOBJ_(EVENTFD|HANDLE_TO_FD|FD_TO_HANDLE|WAIT|TIMELINE_WAIT)|` +
	`DRM_SYNCOBJ_(FD_TO_HANDLE|HANDLE_TO_FD)_FLAGS_TIMELINE|DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE|` +
	`DRM_CAP_ATOMIC_ASYNC_PAGE_FLIP|DRM_CLIENT_CAP_(CURSOR_PLANE_HOTSPOT|PLANE_COLOR_PIPELINE)|` +
	`DRM_CLIENT_NAME_MAX_LEN|DRM_MODE_OBJECT_COLOROP|` +
	`DRM_FORMAT_(\w*(R16|R32|161616|1616|3232|323232|32323232)F|(RGB|BGR)161616|NV20|NV30|P230|S\d+|T430|XVUY2101010|XYYY2101010|Y8))\b`)

// TestABIOfHeaders compares with what the compiler makes of headers here: those of
// the tree $VDEV_KERNEL_SOURCE, otherwise the installed ones, which may be older.
func TestABIOfHeaders(t *testing.T) {
	h := findHeaders(t)
	var have []fact
	for _, f := range facts(t) {
		if f.own || h.has(f.expr) {
			have = append(have, f)
		}
	}
	got := h.compile(t, have)
	var b strings.Builder
	fmt.Fprintf(&b, "# What riscv64-linux-gnu-gcc makes of the headers of Linux %s, and of\n# drivers/dma-buf/sw_sync.c. Written by:\n#\tVDEV_KERNEL_SOURCE=TREE go test ./ioctl -run TestABIOfHeaders -update\n", h.version)
	for i, f := range have {
		if got[i] != f.value {
			t.Errorf("%s is %#x here and %#x in Linux %s", f.expr, f.value, got[i], h.version)
		}
		if !f.own {
			fmt.Fprintf(&b, "%s %#x\n", f.expr, got[i])
		}
	}
	t.Logf("%d numbers compared with Linux %s", len(have), h.version)
	if !*update {
		return
	}
	if h.tree == "" {
		t.Fatal("-update needs $VDEV_KERNEL_SOURCE")
	}
	if err := os.WriteFile(abiFile, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
}

// headers are Linux's headers and a compiler.
type headers struct {
	cc      string
	tree    string  // of the source, or "": the installed ones
	version version // of Linux
}

// version is a version of Linux as LINUX_VERSION_CODE has it.
type version int

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v>>16, v>>8&0xff, v&0xff) }

func findHeaders(t *testing.T) *headers {
	t.Helper()
	missing := func(err error) {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	h := &headers{tree: os.Getenv("VDEV_KERNEL_SOURCE")}
	var err error
	if h.cc, err = exec.LookPath("riscv64-linux-gnu-gcc"); err != nil {
		missing(err)
	}
	if h.tree != "" {
		text, err := os.ReadFile(filepath.Join(h.tree, "Makefile"))
		if err != nil {
			t.Fatal(err)
		}
		part := func(name string) version {
			m := regexp.MustCompile(`(?m)^` + name + ` = (\d+)$`).FindSubmatch(text)
			if m == nil {
				t.Fatalf("%s/Makefile has no %s", h.tree, name)
			}
			n, _ := strconv.Atoi(string(m[1]))
			return version(n)
		}
		h.version = part("VERSION")<<16 | part("PATCHLEVEL")<<8 | part("SUBLEVEL")
		return h
	}
	cmd := exec.Command(h.cc, "-E", "-P", "-x", "c", "-")
	cmd.Stdin = strings.NewReader("#include <drm/drm.h>\n#include <linux/version.h>\nVERSION LINUX_VERSION_CODE\n")
	out, err := cmd.Output()
	if err != nil {
		missing(fmt.Errorf("the compiler has no headers of Linux: %w", err))
	}
	_, code, _ := strings.Cut(string(out), "VERSION ")
	n, err := strconv.Atoi(strings.TrimSpace(code))
	if err != nil {
		t.Fatal(err)
	}
	h.version = version(n)
	return h
}

// has tells whether these headers are new enough for a fact.
func (h *headers) has(expr string) bool {
	if h.tree == "" && (strings.Contains(expr, "sw_sync") || strings.HasPrefix(expr, "SW_SYNC")) {
		return false // not in a header
	}
	return h.version>>8 >= newest || !newer.MatchString(expr)
}

// compile returns the values of facts.
func (h *headers) compile(t *testing.T, facts []fact) []uint64 {
	t.Helper()
	var c strings.Builder
	for _, name := range []string{"stddef.h", "linux/ioctl.h", "linux/types.h", "drm/drm.h", "drm/drm_fourcc.h", "drm/exynos_drm.h",
		"drm/vgem_drm.h", "linux/dma-buf.h", "linux/dma-heap.h", "linux/udmabuf.h", "linux/sync_file.h", "linux/fcntl.h"} {
		fmt.Fprintf(&c, "#include <%s>\n", name)
	}
	c.WriteString("#include \"vdev_dmatest.h\"\n#include \"vdev_bsu.h\"\n")
	dir := t.TempDir()
	args := []string{"-Wall", "-Werror", "-I../guest/driver"}
	if h.tree != "" {
		// What making the installed headers would take out.
		args = append(args, "-D__user=", "-D__EXPORTED_HEADERS__", "-isystem", filepath.Join(h.tree, "include/uapi"))
		c.WriteString(swSync(t, h.tree))
	}
	c.WriteString("const unsigned long long abi[] __attribute__((section(\".vdev.abi\"))) = {\n")
	for _, f := range facts {
		fmt.Fprintf(&c, "\t%s,\n", f.expr)
	}
	c.WriteString("};\n")
	file, obj := filepath.Join(dir, "abi.c"), filepath.Join(dir, "abi.o")
	if err := os.WriteFile(file, []byte(c.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(h.cc, append(args, "-c", "-o", obj, file)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	e, err := elf.Open(obj)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s := e.Section(".vdev.abi")
	if e.Machine != elf.EM_RISCV || e.Class != elf.ELFCLASS64 || s == nil || s.Size != 8*uint64(len(facts)) {
		t.Fatalf("the compiler made no numbers for riscv64: %v", e.FileHeader)
	}
	values := make([]uint64, len(facts))
	if err := binary.Read(s.Open(), binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

// swSync is what the driver of timelines in software declares for programs.
func swSync(t *testing.T, tree string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tree, "drivers/dma-buf/sw_sync.c"))
	if err != nil {
		t.Fatal(err)
	}
	_, s, ok1 := strings.Cut(string(text), "\nstruct sw_sync_create_fence_data {")
	s, _, ok2 := strings.Cut(s, "#define SW_SYNC_HAS_DEADLINE_BIT")
	if !ok1 || !ok2 {
		t.Fatal("drivers/dma-buf/sw_sync.c has changed")
	}
	return "struct sw_sync_create_fence_data {" + s
}
