// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// finding is a place that breaks a rule.
type finding struct {
	path string
	line int // 0 if it is about the whole file
	msg  string
}

func (f finding) String() string {
	if f.line == 0 {
		return fmt.Sprintf("%s: %s", f.path, f.msg)
	}
	return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.msg)
}

// rule is one rule of the repository.
type rule struct {
	name  string
	check func(t *tree) []finding
	bad   []sample
	good  []sample
}

// sample is a small repository to try a rule on.
type sample struct {
	name  string
	files map[string]string // contents by path
	want  string            // part of the one finding, "path:line: ..."; empty for good samples
}

func rules() []rule {
	return []rule{
		importRule(), unsafeRule(), licenceRule(), formatRule(),
		variableRule(), determinismRule(), mapRangeRule(),
		hostPathRule(), linkRule(), packageMapRule(),
	}
}

// minGoFiles is less than the repository has had since its beginning: should the
// walk lose files, the rules must not pass for want of anything to check.
const minGoFiles = 150

func TestRepository(t *testing.T) {
	repo, err := loadTree(repositoryRoot(t))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(repo.goFiles()); n < minGoFiles {
		t.Fatalf("found %d Go files, want at least %d", n, minGoFiles)
	}
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			found := r.check(repo)
			slices.SortFunc(found, func(a, b finding) int {
				return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.line, b.line))
			})
			for _, f := range found {
				t.Error(f)
			}
		})
	}
}

func TestRulesFindFaults(t *testing.T) {
	for _, r := range rules() {
		if len(r.bad) == 0 || len(r.good) == 0 {
			t.Errorf("rule %s has no bad or no good sample", r.name)
		}
		for _, s := range r.bad {
			t.Run(r.name+"/bad/"+s.name, func(t *testing.T) {
				found := r.check(sampleTree(t, s))
				if len(found) != 1 || !strings.Contains(found[0].String(), s.want) || s.want == "" {
					t.Errorf("found %q, want one with %q", found, s.want)
				}
			})
		}
		for _, s := range r.good {
			t.Run(r.name+"/good/"+s.name, func(t *testing.T) {
				if found := r.check(sampleTree(t, s)); len(found) != 0 {
					t.Errorf("found %q, want nothing", found)
				}
			})
		}
	}
}

func sampleTree(t *testing.T, s sample) *tree {
	t.Helper()
	tr := newTree()
	for _, path := range sortedKeys(s.files) {
		if err := tr.add(path, []byte(s.files[path])); err != nil {
			t.Fatal(err)
		}
	}
	return tr
}

// one makes the files of a sample that has a single one.
func one(path, text string) map[string]string { return map[string]string{path: text} }
