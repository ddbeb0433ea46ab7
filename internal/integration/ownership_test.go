// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vdev/guest/tests/ownership"
)

// TestOwnershipIsReported runs the broken programs of package ownership and their correct
// twins.
func TestOwnershipIsReported(t *testing.T) {
	needImage(t)
	prog := guestProgram(t, "vdev/guest/tests/ownership/prog")
	run := func(t *testing.T, c cacheSetting, args ...string) (outcome, []report) {
		file := filepath.Join(t.TempDir(), "reports")
		o := vdev(t, "", slices.Concat([]string{"exec", "--report", file}, c.args(), args)...)
		reports, _ := readReports(t, file)
		return o, reports
	}
	for _, p := range ownership.Pairs() {
		for _, c := range []cacheSetting{{"coherent", "0", "1"}, {"lazy", "0", "1"}, {"eager", "0", "4"}, {"random", "1", "1"}} {
			t.Run(p.Code+" "+c.String(), func(t *testing.T) {
				t.Parallel()
				modes := []string{"observe"}
				if c.mode == "lazy" {
					modes = append(modes, "enforce", "off")
				}
				for _, sync := range modes {
					if o, reports := run(t, c, "--sync", sync, prog, p.Code, "correct"); o.status != 0 || len(reports) != 0 {
						t.Errorf("correct, devices %s: status %d, %d reports\n%s", sync, o.status, len(reports), o.stderr)
					}
				}
				o, reports := run(t, c, prog, p.Code, "broken")
				if o.status != statusReports {
					t.Errorf("broken: status %d\n%s", o.status, o.stderr)
				}
				checkOwnership(t, &p, reports, o.stderr)
			})
		}
	}
	t.Run(ownership.Enforced, func(t *testing.T) {
		t.Parallel()
		for _, c := range []cacheSetting{{"lazy", "0", "1"}, {"random", "2", "4"}} {
			if o, reports := run(t, c, "--sync", "enforce", prog, ownership.Enforced, "correct"); o.status != 0 || len(reports) != 0 {
				t.Errorf("%v: status %d, %d reports\n%s", c, o.status, len(reports), o.stderr)
			}
		}
		if o, _ := run(t, cacheSetting{"lazy", "0", "1"}, "--sync", "observe", prog, ownership.Enforced, "correct"); o.status == 0 {
			t.Error("the device waits without --sync enforce")
		}
	})
}

// checkOwnership looks at the reports on a broken program.
func checkOwnership(t *testing.T, p *ownership.Pair, reports []report, text string) {
	t.Helper()
	found := 0
	for i := range reports {
		r := &reports[i]
		if r.Code != p.Code {
			if !slices.Contains(p.Also, r.Code) {
				t.Errorf("also reported: %s", r.Code)
			}
			continue
		}
		found++
		if r.Explain != p.Sentence || r.Buffer == nil || r.Buffer.Name != "frame" || r.This == nil || r.Other == nil {
			t.Errorf("%+v", r)
		}
		if !slices.ContainsFunc(r.frames(), func(f frame) bool {
			return strings.HasSuffix(f.Func, "ownership."+p.Func) && filepath.Base(f.File) == "cases.go" && f.Line > 0
		}) {
			t.Errorf("function %s is in no backtrace", p.Func)
		}
	}
	if found != 1 || t.Failed() {
		t.Errorf("%d reports of %s\n%s", found, p.Code, text)
	}
}
