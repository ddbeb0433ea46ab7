// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMisusedBuffers runs the tests of guest/tests/dmabuf that break rules, and compares
// the reports with what they do.
func TestMisusedBuffers(t *testing.T) {
	needImage(t)
	prog, file := buildTests(t, "vdev/guest/tests/dmabuf"), filepath.Join(t.TempDir(), "reports")
	r := vdev(t, "", "exec", "--harts=2", "--report-only", "--report", file, prog, "-misuse", "-test.v", "-test.run=Misused", "-test.skip=AtRandom")
	want := map[string][]string{
		"TestMisusedPrep":       {"prep-fini", "prep-fini", "prep-fini"},              // nested, twice, batched
		"TestMisusedKmap":       {"prep-fini", "prep-fini", "prep-fini", "prep-fini"}, // outside, used, the third, another end
		"TestMisusedSyncIoctl":  {"prep-fini"},
		"leaver":                {"prep-fini"},
		"TestMisusedUnlock":     {"sync-lock"},
		"TestMisusedForTooLong": {"sync-lock", "sync-lock"}, // too long, and unlocked again
		"holder":                {"prep-fini", "sync-lock"}, // what it holds when it is killed
	}
	if n := strings.Count(r.stdout, "--- PASS: TestMisused"); r.status != 0 || n != 6 {
		t.Errorf("status %d, %d tests\n%s%s", r.status, n, r.stdout, r.stderr)
	}
	reports, _ := readReports(t, file)
	got := map[string][]string{}
	for _, rep := range reports {
		who := ""
		for _, f := range rep.frames() {
			if name, ok := strings.CutPrefix(f.Func, "vdev/guest/tests/dmabuf."); ok && name != "TestMain" && who == "" {
				who = name
			}
		}
		got[who] = append(got[who], rep.Code)
	}
	for _, codes := range got {
		slices.Sort(codes)
	}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("reports %v, want %v\n%s", got, want, r.stderr)
	}
}

// TestRandomRequests runs the test of guest/tests/dmabuf that makes requests at random,
// whose reports are as random.
func TestRandomRequests(t *testing.T) {
	needImage(t)
	prog := buildTests(t, "vdev/guest/tests/dmabuf")
	for _, flags := range [][]string{{"--harts=1"}, {"--harts=4", "--cache=random"}, {"--harts=2", "--sync=enforce"}} {
		args := append(append([]string{"exec", "--report-only"}, flags...), prog, "-misuse", "-test.v", "-test.run=MisusedAtRandom|KernelLog")
		if r := vdev(t, "", args...); r.status != 0 || strings.Count(r.stdout, "--- PASS: ") != 2 {
			t.Errorf("%v: status %d\n%s%s", flags, r.status, r.stdout, r.stderr)
		}
	}
}
