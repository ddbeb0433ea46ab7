// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLostSymbols(t *testing.T) {
	fragment := `# comment
CONFIG_SMP=y
CONFIG_NR_CPUS=8
CONFIG_LOCALVERSION="-vdev"
CONFIG_WLAN=n
# CONFIG_PCI is not set
`
	for name, tc := range map[string]struct {
		config string
		want   []string
	}{
		"all there":     {"CONFIG_SMP=y\nCONFIG_NR_CPUS=8\nCONFIG_LOCALVERSION=\"-vdev\"\nCONFIG_MMU=y\n", nil},
		"said to be no": {"CONFIG_SMP=y\nCONFIG_NR_CPUS=8\nCONFIG_LOCALVERSION=\"-vdev\"\n# CONFIG_WLAN is not set\n", nil},
		"one gone":      {"CONFIG_NR_CPUS=8\nCONFIG_LOCALVERSION=\"-vdev\"\n", []string{"CONFIG_SMP=y (is n)"}},
		"others differ": {"CONFIG_SMP=m\nCONFIG_NR_CPUS=64\nCONFIG_LOCALVERSION=\"\"\nCONFIG_WLAN=y\nCONFIG_PCI=y\n",
			[]string{"CONFIG_SMP=y (is m)", "CONFIG_NR_CPUS=8 (is 64)", `CONFIG_LOCALVERSION="-vdev" (is "")`, "CONFIG_WLAN=n (is y)", "CONFIG_PCI=n (is y)"}},
	} {
		got, err := lostSymbols(fragment, tc.config)
		if err != nil || !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, tc.want)
		}
	}
	for _, bad := range []string{"SMP=y", "CONFIG_SMP", "CONFIG_SMP=", "CONFIG_A B=y", "config"} {
		if _, err := lostSymbols(bad, ""); err == nil {
			t.Errorf("fragment %q is taken", bad)
		}
	}
}

func TestFragmentNamesWhatTheMachineHas(t *testing.T) {
	all, err := parseConfig(kernelFragment)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, s := range all {
		if _, dup := have[s.name]; dup {
			t.Errorf("%s is there twice", s.name)
		}
		have[s.name] = s.value
	}
	// One representative of each thing the guest is for.
	for _, name := range []string{
		"64BIT", "SMP", "MMU", "FPU", "RISCV_SBI", "RISCV_ISA_SVPBMT", "RISCV_ISA_ZICBOM", "RISCV_ISA_ZICBOZ", "RISCV_ISA_ZICBOP",
		"MODULES", "KALLSYMS_ALL", "DEBUG_INFO_DWARF5", "DEBUG_INFO_BTF", "IKCONFIG_PROC", "PERF_EVENTS",
		"SERIAL_8250_CONSOLE", "HVC_RISCV_SBI", "SERIAL_EARLYCON_RISCV_SBI", "RTC_DRV_GOLDFISH", "POWER_RESET_SYSCON_POWEROFF", "SIFIVE_PLIC",
		"VIRTIO_MMIO", "VIRTIO_CONSOLE", "VIRTIO_BLK", "VIRTIO_NET", "HW_RANDOM_VIRTIO",
		"RISCV_IOMMU", "IOMMU_DMA", "EXYNOS_IOMMU",
		"DRM_EXYNOS", "DRM_EXYNOS_FIMD", "DRM_EXYNOS_DPI", "DRM_EXYNOS_G2D", "DRM_PANEL_SIMPLE", "DRM_VGEM",
		"VIDEO_SAMSUNG_EXYNOS4_IS", "VIDEO_S5P_FIMC", "VIDEO_OV2640",
		"SW_SYNC", "UDMABUF", "DMABUF_HEAPS_SYSTEM", "DMABUF_HEAPS_CMA", "DMA_CMA",
		"EXT4_FS", "TMPFS", "DEVTMPFS_MOUNT", "CONFIGFS_FS", "DEBUG_FS",
	} {
		if v := have["CONFIG_"+name]; v != "y" {
			t.Errorf("CONFIG_%s is %q, want y", name, v)
		}
	}
}

func TestPatchesSayWhatTheyAreFor(t *testing.T) {
	all := patches()
	if len(all) == 0 {
		t.Fatal("no patches")
	}
	for _, p := range all {
		head, diff, ok := strings.Cut(p.text, "\n---\n")
		if !ok || !strings.HasPrefix(diff, "--- a/") {
			t.Errorf("%s: no diff after its message", p.name)
		}
		subject, body, _ := strings.Cut(head, "\n\n")
		if !strings.Contains(subject, "Subject: [PATCH] ") || len(body) < 100 || !strings.Contains(body, "Signed-off-by: ") {
			t.Errorf("%s: its message is not one", p.name)
		}
	}
}

func TestApplyPatch(t *testing.T) {
	p := patch{"test.patch", "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-two\n+deux\n three\n"}
	tree := t.TempDir()
	file := filepath.Join(tree, "f")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one\ntwo\nthree\n")
	// The second time it is there already.
	for range 2 {
		if err := applyPatch(t.Context(), tree, p); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(file); string(got) != "one\ndeux\nthree\n" {
			t.Errorf("patched: %q", got)
		}
	}
	write("something\nelse\n")
	if err := applyPatch(t.Context(), tree, p); err == nil || !strings.Contains(err.Error(), p.name) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a patch that does not fit: %v; want one line with its name", err)
	}
}

func TestLocalSource(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "absent"): "no such file",
		dir:                          "not a Linux source tree",
		"/dev/null":                  "neither",
	} {
		if _, err := localSource(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("localSource(%s): %v, want %q", path, err, want)
		}
	}
	tree := filepath.Join(dir, "linux")
	for _, name := range []string{"Kbuild", "Makefile", "arch/riscv/Kconfig", "scripts/kconfig/conf.c", ".git/HEAD"} {
		path := filepath.Join(tree, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	identity := func() string {
		t.Helper()
		src, err := localSource(tree)
		if err != nil {
			t.Fatal(err)
		}
		return src.identity.Value
	}
	before := identity()
	if err := os.WriteFile(filepath.Join(tree, ".git/HEAD"), []byte("other"), 0o644); err != nil {
		t.Fatal(err)
	}
	if identity() != before {
		t.Error("the history of a tree changes its identity")
	}
	if err := os.WriteFile(filepath.Join(tree, "Makefile"), []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if identity() == before {
		t.Error("a changed file does not change the tree's identity")
	}
	if top, err := kernelTop(dir); err == nil {
		t.Errorf("kernelTop of a directory with more in it = %s", top)
	}
	if err := os.Remove(junk); err != nil {
		t.Fatal(err)
	}
	if top, err := kernelTop(dir); err != nil || top != tree {
		t.Errorf("kernelTop = %s, %v; want %s", top, err, tree)
	}
}

func TestUnpackRefusesWhatIsNoTarball(t *testing.T) {
	for name, text := range map[string]string{
		"empty":     "",
		"random":    strings.Repeat("\xa5garbage", 1000),
		"cut gzip":  "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b",
		"cut xz":    "\xfd7zXZ\x00\x00\x04",
		"short xyz": "abc",
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "linux.tar")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		b := newBuilder(Options{CacheDir: dir})
		err := b.unpackTree(t.Context(), kernelSource{path: file}, filepath.Join(dir, "out"))
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line", name, err)
		}
	}
}

func TestTarFlag(t *testing.T) {
	for head, want := range map[string]string{
		"\xfd7zXZ\x00rest":     "-J",
		"\x1f\x8b\x08rest":     "-z",
		"BZh9rest":             "-j",
		"\x28\xb5\x2f\xfdrest": "--zstd",
		"linux-7.2/":           "--no-auto-compress",
	} {
		r := strings.NewReader(head)
		got, err := tarFlag(r)
		if err != nil || got != want || r.Len() != len(head) {
			t.Errorf("tarFlag(%q) = %q, %v with %d bytes left; want %q", head, got, err, r.Len(), want)
		}
	}
}

func TestMissingToolsAreOneCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := require([]requirement{{"bison", "bison"}, {"apt-get", "apt"}, {"apt-cache", "apt"}, {"/dev/null", "null"}, {"/nowhere/x.h", "x-dev"}})
	if err == nil || !strings.HasSuffix(err.Error(), "apt-get install -y apt bison x-dev") {
		t.Errorf("require: %v", err)
	}
	if err := require([]requirement{{"/dev/null", "null"}}); err != nil {
		t.Errorf("require of what is there: %v", err)
	}
}

func TestLastLines(t *testing.T) {
	for text, want := range map[string]string{
		"":                  "",
		"a\nb\n":            "a\nb",
		"a\n\nb\r\n  c  \n": "b\n  c",
		"a\nb\nc\nd":        "c\nd",
	} {
		if got := lastLines(text, 2); got != want {
			t.Errorf("lastLines(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestCommandHasAKnownEnvironment(t *testing.T) {
	t.Setenv("ARCH", "sparc")
	t.Setenv("MAKEFLAGS", "-j99")
	got, err := output(t.Context(), "", []string{"GOOS=linux"}, "env")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got, "sparc") || strings.Contains(got, "-j99") || !strings.Contains(got, "GOOS=linux\n") || !strings.Contains(got, "LC_ALL=C\n") {
		t.Errorf("environment of programs:\n%s", got)
	}
	_, err = output(t.Context(), "", nil, "sh", "-c", "echo first >&2; echo second >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "first; second") {
		t.Errorf("failed program: %v, want its words", err)
	}
	if _, err := output(t.Context(), "", nil, "vdev-no-such-program"); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("absent program: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := output(ctx, "", nil, "sleep", "60"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLiveLineFitsTheTerminal(t *testing.T) {
	for _, width := range []int{1, 10, 40, 79, 200} {
		for _, done := range []int64{0, 1, 50, 100} {
			line := liveLine("kernel", done, 100, "CC drivers/gpu/drm/exynos/exynos_drm_g2d.o", width)
			if n := len([]rune(line)); n > width {
				t.Errorf("%d of 100 in %d columns takes %d: %q", done, width, n, line)
			}
		}
	}
	if got, want := liveLine("x", 1, 2, "y", 80), "x [############............]  50% y"; got != want {
		t.Errorf("liveLine = %q, want %q", got, want)
	}
}

func TestProgressInALogIsAFewPlainLines(t *testing.T) {
	var said bytes.Buffer
	r := newReporter(&said)
	for i := range int64(1001) {
		r.live("kernel", i, 1000, "CC x.o")
	}
	r.clear()
	r.step("done")
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 12 || lines[0] != "vdev: kernel: 0%" || lines[10] != "vdev: kernel: 100%" || lines[11] != "vdev: done" {
		t.Errorf("said:\n%s", said.String())
	}
	if strings.ContainsAny(said.String(), "\r\x1b") {
		t.Error("a log has terminal control in it")
	}
	// Silent ones do nothing.
	newReporter(nil).live("x", 1, 2, "")
	newReporter(nil).step("x")
}
