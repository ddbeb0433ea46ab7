// SPDX-License-Identifier: Apache-2.0

//go:build linux

package tests

import (
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"vdev/guest/tests/internal/raw"
)

// isa returns the extensions that the kernel found, from /proc/cpuinfo:
// "rv64imafdc" letters first, then the named ones.
func isa(t *testing.T) map[string]bool {
	t.Helper()
	b, err := os.ReadFile("/proc/cpuinfo")
	must(t, err)
	m := regexp.MustCompile(`(?m)^isa\s*:\s*rv64([a-z]+?)((?:_[a-z0-9]+)*)$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no isa line in /proc/cpuinfo:\n%s", b)
	}
	found := map[string]bool{}
	for _, letter := range strings.Split(string(m[1]), "") {
		found[letter] = true
	}
	for _, name := range strings.Split(string(m[2]), "_") {
		found[name] = true
	}
	return found
}

// extension tells whether the machine has an extension.
func extension(t *testing.T, name string) bool { return isa(t)[name] }

func TestBaseExtensions(t *testing.T) {
	found := isa(t)
	for _, name := range []string{"i", "m", "a", "f", "d", "c", "zicsr", "zifencei", "zicntr"} {
		if !found[name] {
			t.Errorf("the machine lacks %s", name)
		}
	}
}

func TestHWProbe(t *testing.T) {
	// Keys and bits of arch/riscv/include/uapi/asm/hwprobe.h.
	const (
		keyBase, keyIMA      = 3, 4
		baseIMA              = 1
		imaFD, imaC          = 1 << 0, 1 << 1
		extZba, extZbb, zbs  = 1 << 3, 1 << 4, 1 << 5
		extZicboz, extZfhmin = 1 << 6, 1 << 28
	)
	pairs := []raw.HWProbePair{{Key: keyBase}, {Key: keyIMA}, {Key: 1 << 40}}
	must(t, raw.HWProbe(pairs))
	if pairs[0].Value&baseIMA == 0 || pairs[1].Value&(imaFD|imaC) != imaFD|imaC {
		t.Errorf("got %+v, want the base and F, D, C", pairs)
	}
	if pairs[2].Key != -1 {
		t.Errorf("an unknown key gives %+v, want key -1", pairs[2])
	}
	// The kernel must say the same by both ways.
	found := isa(t)
	for name, bit := range map[string]uint64{"zba": extZba, "zbb": extZbb, "zbs": zbs, "zicboz": extZicboz, "zfhmin": extZfhmin} {
		if got := pairs[1].Value&bit != 0; got != found[name] {
			t.Errorf("%s: hwprobe says %v, cpuinfo %v", name, got, found[name])
		}
	}
}

func TestMachine(t *testing.T) {
	b, err := os.ReadFile("/proc/cpuinfo")
	must(t, err)
	if n := strings.Count(string(b), "processor"); n != runtime.NumCPU() {
		t.Errorf("%d processors in cpuinfo, %d usable", n, runtime.NumCPU())
	}
	if !regexp.MustCompile(`(?m)^mmu\s*:\s*sv(39|48|57)$`).Match(b) {
		t.Errorf("no page table format in cpuinfo:\n%s", b)
	}
}
