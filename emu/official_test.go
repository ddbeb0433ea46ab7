// SPDX-License-Identifier: Apache-2.0

package emu_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vdev/emu"
)

// officialDir names a directory of bare-metal ELF files that report through HTIF:
// riscv-tests, or riscv-arch-test built with a model that halts that way. They are
// not part of this repository.
const officialDir = "VDEV_RISCV_TESTS"

// officialTimeout is ample: the longest of them runs for some ten million
// instructions.
const officialTimeout = time.Minute

func TestOfficial(t *testing.T) {
	dir := os.Getenv(officialDir)
	if dir == "" {
		t.Skipf("set %s to a directory of riscv-tests ELF files", officialDir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "rv64*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no rv64* files in %s=%s", officialDir, dir)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m, err := emu.New(emu.Config{
				Memory: 16 << 20, Harts: 1, FirmwareMode: emu.FirmwareNone,
				Kernel: &emu.File{Name: name, Data: b},
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), officialTimeout)
			defer cancel()
			if r := m.Run(ctx); r.Reason != emu.TestExit || r.Status != 0 {
				t.Errorf("ended with %+v", r)
			}
		})
	}
}
