// SPDX-License-Identifier: Apache-2.0

package lockstep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vdev/emu/mem"
	"vdev/emu/riscv"
	"vdev/mmio"
)

// stepLimit bounds a run; a case takes some 200 steps.
const stepLimit = 50_000_000

// board is what surrounds the hart: no devices but the one that stops it.
type board struct {
	hart    *riscv.Hart
	stopped bool
}

func (b *board) Read(mmio.PhysAddr, int) (uint64, bool) { return 0, false }

func (b *board) Write(addr mmio.PhysAddr, _ int, v uint64) bool {
	if addr != stopAddr {
		return false
	}
	b.stopped = v == stopValue
	b.hart.RequestExit()
	return true
}

func (b *board) Time() uint64                     { return 0 }
func (b *board) Ecall(*riscv.Hart) bool           { return false }
func (b *board) TimerChanged(*riscv.Hart)         {}
func (b *board) StoreWatch(mmio.PhysAddr, uint64) {}

// runHart runs an image on vdev's hart and returns RAM afterwards.
func runHart(in image) (image, error) {
	m, err := mem.New(ramBase, ramSize)
	if err != nil {
		return nil, err
	}
	m.Write(ramBase, in)
	b := &board{}
	b.hart = riscv.New(riscv.Config{Mem: m, Code: riscv.NewCodeCache(m), Bus: b, Env: b})
	b.hart.Reset(ramBase)
	for !b.stopped {
		b.hart.Run(1 << 20)
		if b.hart.Steps() > stepLimit {
			return nil, fmt.Errorf("still running at %#x after %d steps", b.hart.PC(), b.hart.Steps())
		}
	}
	out := bytes.Clone(m.Bytes()[:len(in)])
	runtime.KeepAlive(m) // the bytes are gone with it
	return out, nil
}

const qemuName = "qemu-system-riscv64"

// qemuWants are the extensions of vdev that QEMU may have off, by the names that
// its versions have for them.
var qemuWants = []string{"Zfhmin", "zfhmin", "svinval", "svnapot", "svpbmt", "zba", "zbb", "zbs"}

// qemuCPU returns a -cpu option that switches on what this QEMU has of qemuWants, and
// the hypervisor off, which vdev does not have.
func qemuCPU(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(qemuName, "-M", "none", "-device", "rv64-riscv-cpu,help")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	cpu := "rv64,h=off"
	for _, p := range qemuWants {
		if strings.Contains(string(out), " "+p+"=") {
			cpu += "," + p + "=on"
		}
	}
	return cpu
}

// needQEMU skips the test where QEMU is missing, and fails it where tools are
// demanded.
func needQEMU(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath(qemuName); err != nil {
		if os.Getenv("VDEV_REQUIRE_TOOLS") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v (Debian package qemu-system-misc)", err)
	}
}

// runQEMU runs an image on QEMU and returns RAM afterwards.
func runQEMU(t *testing.T, in image) (image, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ram")
	if err := os.WriteFile(name, in, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(name, ramSize); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, qemuName, "-M", "virt,memory-backend=ram", "-cpu", qemuCPU(t),
		"-object", fmt.Sprintf("memory-backend-file,id=ram,size=%d,mem-path=%s,share=on", ramSize, name),
		"-m", fmt.Sprintf("%dM", ramSize>>20), "-bios", "none", "-nographic", "-nodefaults", "-serial", "none")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, errors.New("QEMU does not end")
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return b[:len(in)], nil
}
