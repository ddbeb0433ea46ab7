// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"slices"
	"strings"
	"testing"

	"vdev/guest/tests/scenarios"
)

// correctSeeds is with how many seeds the correct forms run by default: that they are never
// reported is the promise that matters most.
const correctSeeds = 10

// scenarioConfigs are the ways in which scenarios run.
func scenarioConfigs(t *testing.T, seeds int) []cacheConfig {
	return append(cacheConfigsOf(t, seeds), cacheConfig{"coherent", 0, 1}, cacheConfig{"coherent", 0, 4})
}

// notes are what each scenario of a run counted: the words between its name and its verdict.
func (r *graphicsRun) notes() map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(r.stdout) {
		if words := strings.Fields(line); len(words) >= 2 {
			all[words[0]] = words[1 : len(words)-1]
		}
	}
	return all
}

// checkNotes looks for what a scenario must count.
func checkNotes(t *testing.T, c cacheConfig, r graphicsRun, name string, want []string) {
	t.Helper()
	notes := r.notes()[name]
	for _, n := range want {
		what, some := strings.CutSuffix(n, ">0")
		if !slices.ContainsFunc(notes, func(got string) bool {
			return got == n || some && strings.HasPrefix(got, what+"=") && got != what+"=0"
		}) {
			t.Errorf("%v: %s: no %q in %q", c, name, n, r.stdout)
		}
	}
}

// TestScenarioCommand has the guest's own command list them and run one.
func TestScenarioCommand(t *testing.T) {
	needImage(t)
	list := vdev(t, "", "exec", "scenario", "--help")
	for _, s := range scenarios.All() {
		if !strings.Contains(list.stdout, "\n  "+s.Name) {
			t.Errorf("no %s in %q", s.Name, list.stdout)
		}
	}
	if r := vdev(t, "", "exec", "scenario", "opposite-orders", "correct"); list.status != 0 || r.status != 0 || !strings.HasSuffix(r.stdout, " right\n") {
		t.Errorf("status %d and %d\n%s%s", list.status, r.status, r.stdout, r.stderr)
	}
}

// TestCorrectScenariosAreSilent runs the correct forms: those that need the same machine in
// one guest, so that they show, too, that nothing of them remains.
func TestCorrectScenariosAreSilent(t *testing.T) {
	needImage(t)
	prog := guestProgram(t, "vdev/guest/cmds/scenario")
	groups := map[string][]scenarios.Scenario{}
	for _, s := range scenarios.All() {
		flags := strings.Join(s.Flags, " ")
		groups[flags] = append(groups[flags], s)
	}
	for flags, group := range groups {
		var names []string
		for _, s := range group {
			names = append(names, s.Name)
		}
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			for _, c := range scenarioConfigs(t, correctSeeds) {
				r := runGraphics(t, prog, c, strings.Join(names, ","), "correct", strings.Fields(flags)...)
				if r.status != 0 || !r.right || len(r.reports) != 0 || len(r.notes()) != len(group) {
					t.Errorf("%v: status %d, %d reports\n%s%s", c, r.status, len(r.reports), r.stdout, r.stderr)
				}
				for _, s := range group {
					checkNotes(t, c, r, s.Name, s.Notes)
				}
			}
		})
	}
}

// TestBrokenScenariosAreReported runs the broken forms.
func TestBrokenScenariosAreReported(t *testing.T) {
	needImage(t)
	prog := guestProgram(t, "vdev/guest/cmds/scenario")
	for _, s := range scenarios.All() {
		if s.Code == scenarios.Silent {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for _, c := range scenarioConfigs(t, defaultSeeds) {
				r := runGraphics(t, prog, c, s.Name, "broken", s.Flags...)
				if s.Caches && c.mode == "coherent" {
					if r.status != 0 || !r.right || len(r.reports) != 0 {
						t.Errorf("%v: status %d, %d reports\n%s%s", c, r.status, len(r.reports), r.stdout, r.stderr)
					}
					continue
				}
				checkScenario(t, c, &s, r)
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
	checkNotes(t, c, r, s.Name, s.BrokenNotes)
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
