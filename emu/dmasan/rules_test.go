// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"strings"
	"testing"

	"vdev/emu/mem"
	"vdev/emu/symbols"
)

// scripts that a driver or a program could have run, and what must be said about
// each. Those without a code are correct.
var scripts = []struct {
	name   string
	script script
	want   string // codes, in order
}{
	// What Linux's dma_map_single and dma_unmap_single do.
	{"to device", "W0 C0 d0 W0.0+8 C0 d0", ""},
	{"to device, not cleaned again", "W0 C0 d0 W0.0+8 d0", "device-read-dirty"},
	{"to device, never cleaned", "W0 d0", "device-read-dirty"},
	{"to device, zeroed", "C0 Z0 d0", "device-read-dirty"},
	{"to device, other bytes are dirty", "W0 C0 d0 W0.0+8 d0.8+56", ""},
	{"from device", "W0 C0 D0 I0 R0", ""},
	{"from device, invalidated only before", "C0 I0 D0 R0", "early-invalidate"},
	{"from device, flushed only before", "W0 F0 D0 R0", "early-invalidate"},
	{"from device, used after the invalidate", "I0 R0 D0 R0", "cpu-read-stale"},
	{"from device, never invalidated", "W0 C0 D0 R0.3+1", "cpu-read-stale"},
	{"from device, other bytes are read", "W0 C0 D0.0+16 R0.16+48", ""},
	{"from device, twice, invalidated once", "C0 D0 I0 R0 D0 R0", "cpu-read-stale"},
	{"from device, with an invalidate before and one after", "W0 I0 D0 I0 R0", ""},
	{"bidirectional", "W0 F0 D0.0+32 I0 R0 W0.0+4 F0 d0", ""},
	{"overwritten by a hart", "C0 D0 W0 R0 C0 d0", ""},
	{"partly overwritten by a hart", "C0 D0 W0.0+32 R0.0+32", ""},

	{"device writes under stores", "C0 W0.0+1 D0.32+8", "writeback-over-dma"},
	{"device writes where a hart never cleaned", "W0.0+1 D0.32+8", "writeback-over-dma"},
	{"device writes next to a line with stores", "C0 C1 W0.0+1 D1", ""},
	{"after a clean", "C0 W0.0+1 C0 D0.32+8 I0 R0", ""},

	{"the rest is read by the hart", "C0 D0 W0.0+8 R0.8+8", "clobber-by-fill"},
	{"the rest is read after a clean", "C0 D0 W0.0+8 C0 I0 R0.8+8", "clobber-by-fill"},
	{"the rest is read by a device", "C0 D0 W0.0+8 C0 d0.8+8", "clobber-by-fill"},
	{"the rest is read by a device, flushed", "C0 D0 W0.0+8 F0 e0", "clobber-by-fill"},
	{"the rest is dead", "C0 D0 W0.0+8 C0 d0.0+8 R0.0+8", ""},
	{"the rest is overwritten", "C0 D0 W0.0+8 W0.8+56 R0 C0 d0", ""},
	{"the rest is overwritten by the device", "C0 D0 W0.0+8 C0 D0.8+56 I0 R0", ""},
	{"invalidated before the store", "C0 D0 I0 W0.0+8 R0.8+8 C0 d0", ""},

	{"stores thrown away, then loaded", "C0 W0.0+8 I0 R0.0+1", "invalidate-dirty"},
	{"stores thrown away, then sent", "C0 W0.0+8 I0 d0", "invalidate-dirty"},
	{"stores thrown away, nobody cares", "C0 W0.0+8 I0 R0.8+56 W0.0+8 R0 C0 d0", ""},
	{"stores thrown away under a device's data", "C0 W0.0+8 I0 D0 I0 R0", ""},
	{"stores flushed", "C0 W0.0+8 F0 R0 d0", ""},
	{"neighbour's stores thrown away", "C0 D0.0+32 W0.32+8 I0 R0.0+32 R0.32+8", "clobber-by-fill invalidate-dirty"},

	{"coherent buffer", "W0 F0 w0 d0 D0 r0 w0.0+8 r0 d0", ""},
	{"coherent buffer that was not flushed", "W0 r0.0+1", "alias-mismatch"},
	{"coherent buffer that was only invalidated", "C0 W0.8+8 I0 r0.8+8", "invalidate-dirty"},
	{"stored to under a dirty line", "C0 W0.8+8 w0.0+1", "alias-mismatch"},
	{"loaded cacheable", "F0 w0 R0", "alias-mismatch"},
	{"loaded cacheable after a flush", "F0 w0 F0 R0 W0 F0 r0", ""},
	{"coherent buffer is freed", "F0 w0 D0.8+8 W1 W0.0+1 R0 C0 d0 D0 I0 R0", ""},
	{"coherent buffer is freed and zeroed", "F0 F1 w0 D1 Z0 Z1 R0 R1", ""},
	{"coherent buffer is freed and mapped", "F0 w0 D0 C0 D0 I0 R0 W0 R0", ""},
	{"coherent buffer is not freed", "F0 w0 W0.0+1 r0.8+1", "alias-mismatch"},

	// A page of the page cache.
	{"stored to while mapped, by somebody else", "W0 @2 C0 @1 W0.0+8 d0", ""},
	{"stored to while mapped, by oneself", "W0 C0 W0.0+8 d0", "device-read-dirty"},
	{"stored to while the disk reads", "W0 C0 J W0.0+8 d0.0+32 d0.32+32", ""},
	{"stored to before the disk reads", "W0 C0 W0.0+8 J d0", "device-read-dirty"},
	{"stored to after a ring was", "F4 w4 d4 W0 C0 w4.8+1 W0.0+8 J d0", ""},
	{"stored to before a ring was", "F4 w4 d4 W0 C0 W0.0+8 w4.8+1 J d0", "device-read-dirty"},
	{"stored to after another device's ring was", "F4 w4 e4 W0 C0 w4.8+1 W0.0+8 J d0", "device-read-dirty"},
	{"stored to by somebody else, second transfer", "W0 @2 C0 d0 @1 W0.0+8 J d0", "device-read-dirty"},
	{"stored to by somebody else, shown twice", "W0 @2 C0 J @1 W0.0+8 d0 J d0", "device-read-dirty"},
}

func codes(r *rig) string {
	var c []string
	for _, f := range r.san.Reports() {
		c = append(c, f.Code.String())
	}
	return strings.Join(c, " ")
}

func TestRules(t *testing.T) {
	for _, tt := range scripts {
		t.Run(tt.name, func(t *testing.T) {
			first := ""
			for i, c := range machines() {
				r := tt.script.play(t, c, false)
				if got := codes(r); got != tt.want {
					t.Errorf("%s: found %q, want %q", c.Mode, got, tt.want)
				}
				if i == 0 {
					first = r.verdict()
				} else if v := r.verdict(); v != first {
					t.Errorf("%s, seed %d:\n%sbut lazy:\n%s", c.Mode, c.Seed, v, first)
				}
				if r.san.Errors() != len(r.san.Reports()) {
					t.Errorf("%d errors in %d reports", r.san.Errors(), len(r.san.Reports()))
				}
			}
		})
	}
}

// Every rule must have a script that breaks it.
func TestEveryRuleHasAScript(t *testing.T) {
	for c := range SyncNoOp { // those on the order of accesses
		found := false
		for _, tt := range scripts {
			found = found || tt.want == c.String()
		}
		if !found {
			t.Errorf("no script for %s alone", c)
		}
	}
}

// In coherent mode nothing is tracked, so nothing is ever said.
func TestCoherentModeIsSilent(t *testing.T) {
	for _, tt := range scripts {
		if r := tt.script.play(t, mem.CacheConfig{Mode: mem.Coherent}, true); codes(r) != "" {
			t.Errorf("%s: found %q", tt.name, codes(r))
		}
	}
}

// A store that races with the owner of the page, or one that was forgotten.
func TestThreads(t *testing.T) {
	for _, tt := range []struct {
		name   string
		script script
		want   string
	}{
		{"another thread stores while the page is handed over", "W0 @3 C0 @1 W0.0+8 @3 J d0", ""},
		{"the program goes on in another thread", "W0 @3 C0 @1 W0.0+8 J d0", "device-read-dirty"},
		{"another process stores", "W0 @2 C0 @1 W0.0+8 J d0", ""},
		{"a thread stores after another one started the device", "W0 C0 J @3 W0.0+8 d0", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
			r.regs.Priv = symbols.User
			for i, s := range tt.script.steps(t) {
				r.do(i, s)
			}
			if got := codes(r); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			r = newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
			r.regs.Priv = symbols.User
			r.san.cfg.Disk = func(string) bool { return false }
			for i, s := range tt.script.steps(t) {
				r.do(i, s)
			}
			if got := codes(r); got != "device-read-dirty" {
				t.Errorf("found %q for what is no disk", got)
			}
		})
	}
}
