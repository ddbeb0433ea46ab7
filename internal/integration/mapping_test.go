// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vdev/emu/dmasan"
	"vdev/guest/tests/mappings"
)

// TestMappingsAreReported runs the broken programs of package mappings and their
// correct twins, with and without a model of caches.
func TestMappingsAreReported(t *testing.T) {
	needImage(t)
	prog := guestProgram(t, "vdev/guest/tests/mappings/prog")
	for _, p := range mappings.Pairs() {
		for _, c := range []cacheSetting{{"coherent", "0", "1"}, {"lazy", "0", "4"}} {
			t.Run(p.Code+" "+c.String(), func(t *testing.T) {
				t.Parallel()
				run := func(form string) (outcome, []report) {
					file := filepath.Join(t.TempDir(), "reports")
					args := append([]string{"exec", "--iommu", "all", "--report", file}, c.args()...)
					o := vdev(t, "", append(args, prog, p.Code, form)...)
					reports, _ := readReports(t, file)
					return o, reports
				}
				if o, reports := run("correct"); o.status != 0 || len(reports) != 0 {
					t.Errorf("correct: status %d, %d reports\n%s", o.status, len(reports), o.stderr)
				}
				o, reports := run("broken")
				if o.status != statusReports || len(reports) != 1 {
					t.Fatalf("broken: status %d, %d reports\n%s", o.status, len(reports), o.stderr)
				}
				checkMapping(t, p, &reports[0])
			})
		}
	}
}

// checkMapping looks at the report on a broken program.
func checkMapping(t *testing.T, p mappings.Pair, r *report) {
	t.Helper()
	if r.Code != p.Code || r.This.By != p.Device || r.This.Start == nil || r.Address == nil || !strings.HasSuffix(r.Address.Cause, "page fault") {
		t.Fatalf("%+v", r)
	}
	if (p.Code == "dma-after-unmap") != (r.Other != nil) || (p.Code == "dma-unmapped") != (r.Address.Phys == "") {
		t.Errorf("other %+v, address %+v", r.Other, r.Address)
	}
	if r.Other != nil && (r.Other.What != "unmap" || !slices.ContainsFunc(r.Other.User, func(f frame) bool {
		return strings.HasSuffix(f.Func, "mappings.startAgain")
	})) {
		t.Errorf("the other side is %+v", r.Other)
	}
	if p.Device == "g2d" {
		// A kernel thread starts it; whose job and buffer it is the report knows.
		if !strings.Contains(r.This.Job, "64x64") {
			t.Errorf("the job is %q", r.This.Job)
		}
		if p.Code == "dma-out-of-range" && (r.Buffer == nil || r.Buffer.Size != 4096 || r.Buffer.Offset != 4095) {
			t.Errorf("the buffer is %+v", r.Buffer)
		}
	} else if !slices.ContainsFunc(r.This.Start.User, func(f frame) bool {
		return strings.HasSuffix(f.Func, "mappings."+p.Func) && filepath.Base(f.File) == "cases.go" && f.Line > 0
	}) {
		t.Errorf("function %s is in no backtrace: %+v", p.Func, r.frames())
	}
}

// TestEveryRuleIsExplained looks for a section, with a report, for each rule.
func TestEveryRuleIsExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/hazards.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range dmasan.Codes() {
		for _, want := range []string{"\n## " + c.String() + "\n", "\nBUG: vdev: " + c.String() + " in ", "(#" + c.String() + ")"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("docs/hazards.md has no %q", strings.TrimSpace(want))
			}
		}
	}
}
