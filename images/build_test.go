// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeImage puts entries into a cache that Find takes for the image of the given
// source tree: built for a kernel source that is pinned, by a compiler.
func fakeImage(t *testing.T, opts Options) (kernel, initramfs *entry) {
	t.Helper()
	b := newBuilder(opts)
	rec := debRecord{Name: "linux-source-7.2", Version: "7.2.1-1", SHA256: "00"}
	if err := b.store.pin("kernel-source."+opts.Suite, rec); err != nil {
		t.Fatal(err)
	}
	compiler, err := compilerVersion(t.Context())
	if err != nil {
		compiler = "any" // will do where there is none
	}
	put := func(kind string, inputs []input, files ...string) *entry {
		e, err := b.store.ensure(t.Context(), kind, inputs, files, func(_ context.Context, dir string) error {
			for _, f := range files {
				if err := os.WriteFile(filepath.Join(dir, f), []byte(kind+f), 0o644); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	kernel = put("kernel", kernelInputs(debIdentity(rec), compiler), kernelImage, kernelElf, kernelConfig)
	g, err := findGo(t.Context(), opts.SourceDir)
	if err != nil {
		t.Fatal(err)
	}
	inputs, _, err := b.initramfsInputs(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return kernel, put("initramfs", inputs, initramfsFile)
}

func testOptions(t *testing.T) Options {
	t.Helper()
	opts, err := Options{CacheDir: t.TempDir(), SourceDir: testModule(t)}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func TestFind(t *testing.T) {
	opts := testOptions(t)
	if _, err := Find(t.Context(), opts); !errors.Is(err, ErrNotBuilt) {
		t.Fatalf("Find in an empty cache: %v, want ErrNotBuilt", err)
	}
	k, i := fakeImage(t, opts)
	img, err := Find(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if want := imageOf(k, i); img != want {
		t.Errorf("Find = %+v, want %+v", img, want)
	}
	// What is found is what Build gives, without building, and soon.
	began := time.Now()
	built, err := Build(t.Context(), opts)
	if err != nil || built != img {
		t.Errorf("Build with a warm cache = %+v, %v", built, err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("Build with a warm cache takes %v", d)
	}
	parts, err := Info(t.Context(), opts)
	if err != nil || len(parts) != 2 || len(parts[0].Files) != 3 || len(parts[1].Files) != 1 {
		t.Errorf("Info = %+v, %v", parts, err)
	}
	// A damaged image is not built, and the reason is said.
	if err := os.Truncate(img.Vmlinux, 2); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), opts); !errors.Is(err, ErrNotBuilt) || !strings.Contains(err.Error(), "vmlinux") {
		t.Errorf("Find with a cut vmlinux: %v", err)
	}
}

func TestChangedProgramWantsANewInitramfsOnly(t *testing.T) {
	opts := testOptions(t)
	fakeImage(t, opts)
	if err := os.WriteFile(filepath.Join(opts.SourceDir, "guest/wire/wire.go"), []byte("package wire // changed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(t.Context(), opts); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Find after a change: %v, want ErrNotBuilt", err)
	}
	b := newBuilder(opts)
	if _, err := b.initramfs(t.Context(), false); !errors.Is(err, errAbsent) {
		t.Errorf("initramfs: %v, want errAbsent", err)
	}
	if _, err := b.kernel(t.Context(), false); err != nil {
		t.Errorf("kernel: %v", err)
	}
}

func TestWithoutACompilerAnyKernelWillDo(t *testing.T) {
	opts := testOptions(t)
	k, _ := fakeImage(t, opts)
	t.Setenv("PATH", t.TempDir())
	e, err := newBuilder(opts).kernel(t.Context(), true)
	if err != nil || e.dir != k.dir {
		t.Errorf("kernel = %+v, %v; want the one that is there", e, err)
	}
}

func TestWithoutSourceTheLastInitramfsWillDo(t *testing.T) {
	opts := testOptions(t)
	b := newBuilder(opts)
	why := errors.New("no source")
	if _, err := b.anyInitramfs(why); !errors.Is(err, why) {
		t.Errorf("in an empty cache: %v, want the reason", err)
	}
	_, i := fakeImage(t, opts)
	if e, err := b.anyInitramfs(why); err != nil || e.dir != i.dir {
		t.Errorf("anyInitramfs = %+v, %v", e, err)
	}
}

func TestFindSource(t *testing.T) {
	src := testModule(t)
	t.Setenv("VDEV_SOURCE", src)
	if got, err := FindSource(); err != nil || got != src {
		t.Errorf("by VDEV_SOURCE: %s, %v; want %s", got, err, src)
	}
	t.Setenv("VDEV_SOURCE", t.TempDir())
	if got, err := FindSource(); err == nil {
		t.Errorf("by a wrong VDEV_SOURCE: %s", got)
	}
	// The test's executable lies elsewhere, so the working directory decides.
	t.Setenv("VDEV_SOURCE", "")
	t.Chdir(filepath.Join(src, "guest/cmds/hello"))
	want, err := filepath.EvalSymlinks(src)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FindSource(); err != nil || got != src && got != want {
		t.Errorf("by the working directory: %s, %v; want %s", got, err, src)
	}
	// A module of another name around it is not it.
	t.Chdir(t.TempDir())
	if err := os.WriteFile("go.mod", []byte("module other // vdev\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if isSourceTree(".") {
		t.Error("another module is taken for vdev's")
	}
}

func TestCopy(t *testing.T) {
	opts := testOptions(t)
	k, i := fakeImage(t, opts)
	img := imageOf(k, i)
	dir := filepath.Join(t.TempDir(), "a", "b")
	if _, err := FromDir(dir); err == nil {
		t.Error("FromDir of nothing succeeds")
	}
	// Over an old copy, too.
	for range 2 {
		if err := img.CopyTo(dir); err != nil {
			t.Fatal(err)
		}
	}
	got, err := FromDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range img.files() {
		want, err1 := os.ReadFile(src)
		have, err2 := os.ReadFile(got.files()[name])
		if err := errors.Join(err1, err2); err != nil || string(want) != string(have) {
			t.Errorf("%s: copy holds %q, original %q (%v)", name, have, want, err)
		}
	}
	left, _ := os.ReadDir(dir)
	if len(left) != len(img.files()) {
		t.Errorf("copy left %v", left)
	}
}
