// SPDX-License-Identifier: Apache-2.0

package dmasan

import (
	"encoding/json"
	"strings"
	"testing"

	"vdev/emu/mem"
)

func TestWiring(t *testing.T) {
	for _, tt := range []struct {
		name     string
		script   script
		coherent string // the bus masters that the kernel takes for coherent
		want     string
	}{
		{"said once, after the first error", "C0 W0 d0 W1 d1 D1 R1", "disk", "device-read-dirty wrong-coherency device-read-dirty writeback-over-dma cpu-read-stale"},
		{"nothing wrong, nothing said", "C0 W0 C0 d0 D0 I0 R0", "disk", ""},
		{"driver at fault", "C0 W0 d0", "", "device-read-dirty"},
		{"another device", "C0 W0 d0", "camera", "device-read-dirty"},
		{"two devices", "C0 W0 d0 e0", "disk camera", "device-read-dirty wrong-coherency device-read-dirty wrong-coherency"},
		{"device is the other side", "C0 D0 R0", "disk", "cpu-read-stale wrong-coherency"},
		{"no device in it", "F0 w0 R0", "disk", "alias-mismatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range machines() {
				r := newRig(t, c, false)
				asked := map[string]int{}
				r.san.cfg.Device = func(master string) (string, bool) {
					asked[master]++
					return "10000000." + master, strings.Contains(tt.coherent, master)
				}
				for i, s := range tt.script.steps(t) {
					r.do(i, s)
				}
				if got := codes(r); got != tt.want {
					t.Errorf("%v: found %q, want %q", c.Mode, got, tt.want)
				}
				for m, n := range asked {
					if n != 1 {
						t.Errorf("%v: asked %d times about %s", c.Mode, n, m)
					}
				}
			}
		})
	}
}

func TestWiringReport(t *testing.T) {
	r := newRig(t, mem.CacheConfig{Mode: mem.Lazy}, false)
	r.san.cfg.Device = func(string) (string, bool) { return "10000000.disk", true }
	for i, s := range script("C0 W0 d0").steps(t) {
		r.do(i, s)
	}
	for _, want := range []string{"\nBUG: vdev: wrong-coherency in disk\n", "\nDevice: disk, which the kernel knows as 10000000.disk; dma_coherent is set\n", "\nMissing: dma-noncoherent in"} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("no %q in\n%s", want, r.text.String())
		}
	}
	lines := strings.Split(r.json.String(), "\n")
	var j jsonReport
	if err := json.Unmarshal([]byte(lines[1]), &j); err != nil || j.Code != "wrong-coherency" || j.Device != "10000000.disk" || j.Memory != nil || j.ID != 2 {
		t.Errorf("%v in %s", err, lines[1])
	}
	if r.san.Errors() != 2 {
		t.Errorf("%d errors", r.san.Errors())
	}
}
