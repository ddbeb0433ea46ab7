// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"

	"vdev/guest/tests/scenarios"
)

// notes are what a scenario counted: the words between its name and its verdict.
func (r *graphicsRun) notes() []string {
	words := strings.Fields(r.stdout)
	return words[min(1, len(words)):max(1, len(words)-1)]
}

// checkNotes looks for what a scenario must count.
func checkNotes(t *testing.T, c cacheConfig, r graphicsRun, want []string) {
	t.Helper()
	for _, n := range want {
		name, some := strings.CutSuffix(n, ">0")
		if !slices.ContainsFunc(r.notes(), func(got string) bool {
			return got == n || some && strings.HasPrefix(got, name+"=") && got != name+"=0"
		}) {
			t.Errorf("%v: no %q in %q", c, n, r.stdout)
		}
	}
}

// TestScenarios runs the scenarios for sharing buffers, which are silent where they are
// correct, and reported where they are broken.
func TestScenarios(t *testing.T) {
	needImage(t)
	prog := guestProgram(t, "vdev/guest/tests/scenarios/prog")
	for _, s := range scenarios.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, c := range cacheConfigs(t) {
				r := runGraphics(t, prog, c, s.Name, "correct", s.Flags...)
				if r.status != 0 || !r.right || len(r.reports) != 0 {
					t.Errorf("%v: status %d, %d reports\n%s%s", c, r.status, len(r.reports), r.stdout, r.stderr)
				}
				checkNotes(t, c, r, s.Notes)
				if s.Code != scenarios.Silent {
					r := runGraphics(t, prog, c, s.Name, "broken", s.Flags...)
					checkScenario(t, c, &s, r)
				}
			}
		})
	}
}

// checkScenario looks at how a broken form ended.
func checkScenario(t *testing.T, c cacheConfig, s *scenarios.Scenario, r graphicsRun) {
	t.Helper()
	if r.status != statusReports || len(r.reports) == 0 {
		t.Errorf("%v: status %d, want %d\n%s%s", c, r.status, statusReports, r.stdout, r.stderr)
	}
	checkNotes(t, c, r, s.BrokenNotes)
	if slices.Contains(s.Corrupts, c.mode) && r.right {
		t.Errorf("%v: all is right", c)
	}
	if !slices.Contains(r.codes(), s.Code) {
		t.Errorf("%v: reports %v, none of %s", c, r.codes(), s.Code)
	}
	for _, rep := range r.reports {
		if slices.Contains(s.Also, rep.Code) {
			continue
		}
		if rep.Code != s.Code || rep.Latent || rep.Buffer.Name != s.Buffer || !strings.Contains(rep.Missing, s.Missing) {
			t.Errorf("%v: report %s (latent: %v) on buffer %q, advice %q, want %s on %q with %q", c, rep.Code, rep.Latent, rep.Buffer.Name, rep.Missing,
				s.Code, s.Buffer, s.Missing)
		}
		both := report{This: &rep.This.access, Other: &rep.Other.access}
		if !slices.ContainsFunc(both.frames(), func(f frame) bool {
			return strings.Contains(f.Func, "scenarios."+s.Func) && f.Line > 0 // or a closure in it
		}) {
			t.Errorf("%v: function %s is in no backtrace\n%s", c, s.Func, r.stderr)
		}
	}
}
