// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cacheSetting is one way for caches to behave.
type cacheSetting struct{ mode, seed, harts string }

func (c cacheSetting) String() string {
	return fmt.Sprintf("%s cache, seed %s, %s harts", c.mode, c.seed, c.harts)
}

func (c cacheSetting) args() []string {
	return []string{"--cache", c.mode, "--seed", c.seed, "--harts", c.harts}
}

// cacheSettings are all modes for one hart, with that many seeds of the random one, and
// for four harts with a quarter of them.
func cacheSettings(randomSeeds int) []cacheSetting {
	var all []cacheSetting
	for _, harts := range []string{"1", "4"} {
		for _, mode := range []string{"coherent", "lazy", "eager"} {
			all = append(all, cacheSetting{mode, "0", harts})
		}
		n := randomSeeds
		if harts != "1" {
			n /= 4
		}
		for seed := range n {
			all = append(all, cacheSetting{"random", fmt.Sprint(seed), harts})
		}
	}
	return all
}

// diskTest builds the guest program that loads a disk.
func diskTest(t *testing.T) string {
	t.Helper()
	return buildTests(t, "vdev/guest/tests/disk")
}

// newDisk makes a disk with an empty ext4 file system.
func newDisk(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, 32<<20); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", "/sbin/", "/usr/sbin/"} {
		mkfs, err := exec.LookPath(dir + "mkfs.ext4")
		if err != nil {
			continue
		}
		if out, err := exec.Command(mkfs, "-q", "-F", "-U", "clear", name).CombinedOutput(); err != nil {
			t.Fatalf("mkfs.ext4: %v\n%s", err, out)
		}
		return name
	}
	missing(t, "no mkfs.ext4 (Debian package e2fsprogs)")
	return ""
}

func TestFileSystemOnANonCoherentDiskIsIntactAndSilent(t *testing.T) {
	needImage(t)
	prog := diskTest(t)
	for _, c := range cacheSettings(20) {
		args := append([]string{"exec", "--disk", newDisk(t)}, c.args()...)
		o := vdev(t, "", append(args, prog, "-test.v")...)
		if o.status != 0 || !strings.Contains(o.stdout, "--- PASS: TestFileSystemUnderLoad") {
			t.Errorf("%v: status %d\n%s%s", c, o.status, o.stdout, o.stderr)
		}
		if strings.Contains(o.stderr, "BUG") {
			t.Errorf("%v: a correct program is reported:\n%s", c, o.stderr)
		}
	}
}

func TestBootIsSilentWithEveryDeviceNonCoherent(t *testing.T) {
	needImage(t)
	for _, c := range cacheSettings(4) {
		o := toPrompt(t, append([]string{"--port", "console=noncoherent", "--port", "rng=noncoherent"}, c.args()...)...)
		if strings.Contains(o.stderr, "BUG") {
			t.Errorf("%v: %s", c, o.stderr)
		}
	}
}

func TestMiswiredDiskIsReportedAndCorrupts(t *testing.T) {
	needImage(t)
	prog := diskTest(t)
	corrupt := false
	for _, mode := range []string{"lazy", "eager", "random"} {
		o := vdev(t, "", "exec", "--timeout", "60s", "--cache", mode, "--port", "block=miswired", "--disk", newDisk(t), prog)
		if !strings.Contains(o.stderr, "BUG: vdev: device-read-dirty in virtio-blk") {
			t.Errorf("%s: the wrong wiring is not reported; status %d\n%s%s", mode, o.status, o.stdout, o.stderr)
		}
		if n := strings.Count(o.stderr, "\nBUG: vdev: wrong-coherency in virtio-blk"); n != 1 {
			t.Errorf("%s: the wrong wiring is summed up %d times\n%s", mode, n, o.stderr)
		}
		// Without reports the status is the program's; a hang counts too.
		o = vdev(t, "", "exec", "--report-only", "--timeout", "20s", "--cache", mode, "--port", "block=miswired", "--disk", newDisk(t), prog)
		corrupt = corrupt || o.status != 0
	}
	if !corrupt {
		t.Error("nothing went wrong in any mode")
	}
}

func TestFileSystemBehindTheIOMMU(t *testing.T) {
	needImage(t)
	prog := diskTest(t)
	for _, c := range []cacheSetting{{"coherent", "0", "1"}, {"lazy", "0", "4"}, {"eager", "0", "1"}, {"random", "1", "1"}, {"random", "2", "4"}} {
		args := append([]string{"exec", "--iommu", "all", "--console", "--append", "loglevel=7", "--disk", newDisk(t)}, c.args()...)
		o := vdev(t, "", append(args, prog, "-test.v")...)
		if o.status != 0 || !strings.Contains(o.stdout, "--- PASS: TestFileSystemUnderLoad") || strings.Contains(o.stderr, "BUG") {
			t.Errorf("%v: status %d\n%s%s", c, o.status, o.stdout, o.stderr)
		}
		// Each in a group of its own, or nothing was translated.
		for _, master := range []string{"10003000.virtio_mmio", "10010000.dma-controller", "10800000.g2d", "11c00000.fimd"} {
			if !strings.Contains(o.stderr, "platform "+master+": Adding to iommu group") {
				t.Errorf("%v: %s is not behind the IOMMU:\n%s", c, master, o.stderr)
			}
		}
	}
}
