// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vdev/guest/tests/graphics"
)

// bufferReport is what the tests of this file look at in a line of a report file.
type bufferReport struct {
	Type    string `json:"type"`
	ID      int    `json:"id"`
	Code    string `json:"code"`
	Latent  bool   `json:"latent"`
	Count   int    `json:"count"`
	Missing string `json:"missing"`
	Buffer  struct {
		Name   string `json:"name"`
		Offset uint64 `json:"offset"`
	} `json:"buffer"`
	This  deviceAccess `json:"this"`
	Other deviceAccess `json:"other"`
}

// deviceAccess is an access that may be a device's.
type deviceAccess struct {
	access
	Device string `json:"device"`
	Job    string `json:"job"`
}

// graphicsRun is how a run of a program of package graphics went.
type graphicsRun struct {
	outcome
	reports []bufferReport
	counts  map[int]int
	right   bool
}

// codes are those of all reports, in alphabetical order, each once.
func (r *graphicsRun) codes() []string {
	var all []string
	for _, rep := range r.reports {
		all = append(all, rep.Code)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// runGraphics runs programs of package graphics.
func runGraphics(t *testing.T, prog string, c cacheConfig, name, form string, flags ...string) graphicsRun {
	t.Helper()
	file := filepath.Join(t.TempDir(), "reports")
	args := []string{"exec", "--cache", c.mode, "--seed", strconv.Itoa(c.seed), "--harts", strconv.Itoa(c.harts), "--report", file}
	args = append(append(args, flags...), prog, name, form)
	r := graphicsRun{outcome: vdev(t, "", args...), counts: map[int]int{}, right: true}
	for line := range strings.Lines(r.stdout) {
		r.right = r.right && strings.HasSuffix(line, " right\n")
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatalf("%v: %v\n%s", c, err, r.stderr)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var rep bufferReport
		if err := json.Unmarshal(sc.Bytes(), &rep); err != nil {
			t.Fatalf("%v: report %q: %v", c, sc.Bytes(), err)
		}
		if rep.Type == "count" {
			r.counts[rep.ID] = rep.Count
		} else {
			r.reports = append(r.reports, rep)
		}
	}
	return r
}

func graphicsProgram(t *testing.T) string { return guestProgram(t, "vdev/guest/tests/graphics/prog") }

// TestCorrectGraphicsProgramsAreSilent runs all correct programs, and looks at the
// pixels, the exit status and the reports.
func TestCorrectGraphicsProgramsAreSilent(t *testing.T) {
	needImage(t)
	prog := graphicsProgram(t)
	for _, c := range append(cacheConfigs(t), cacheConfig{"coherent", 0, 1}) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			r := runGraphics(t, prog, c, "all", "correct")
			if r.status != 0 || !r.right || len(r.reports) != 0 {
				t.Errorf("status %d, %d reports\n%s%s", r.status, len(r.reports), r.stdout, r.stderr)
			}
			if n := strings.Count(r.stdout, "\n"); n != len(graphics.Pairs()) {
				t.Errorf("%d of %d programs ran", n, len(graphics.Pairs()))
			}
		})
	}
}

// TestBrokenGraphicsProgramsAreReported compares the reports on each broken program
// with the table, and those of different cache modes and seeds with each other.
func TestBrokenGraphicsProgramsAreReported(t *testing.T) {
	needImage(t)
	prog := graphicsProgram(t)
	for _, p := range graphics.Pairs() {
		if p.Code == graphics.Silent {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			type verdict struct {
				code   string
				offset uint64
				count  int
			}
			var first []verdict
			for _, c := range cacheConfigs(t) {
				r := runGraphics(t, prog, c, p.Name, "broken")
				if r.status != statusReports || len(r.reports) == 0 {
					t.Errorf("%v: status %d, want %d\n%s%s", c, r.status, statusReports, r.stdout, r.stderr)
					continue
				}
				if slices.Contains(p.Corrupts, c.mode) && r.right {
					t.Errorf("%v: the pixels are right", c)
				}
				var verdicts []verdict
				for _, rep := range r.reports {
					v := verdict{rep.Code, rep.Buffer.Offset, max(1, r.counts[rep.ID])}
					if p.Device == "fimd" {
						v.count = 0 // how many frames there are is a question of time
					}
					verdicts = append(verdicts, v)
					checkGraphicsReport(t, c, p, rep)
				}
				if first == nil {
					first = verdicts
				} else if !reflect.DeepEqual(verdicts, first) {
					t.Errorf("%v: verdict %+v\nin lazy mode: %+v", c, verdicts, first)
				}
			}
		})
	}
}

// checkGraphicsReport compares a report with the table: code, buffer, the device and
// what it was doing, and the guest's line.
func checkGraphicsReport(t *testing.T, c cacheConfig, p graphics.Pair, rep bufferReport) {
	t.Helper()
	if rep.Code != p.Code || rep.Latent {
		t.Errorf("%v: report %s (latent: %v), want %s", c, rep.Code, rep.Latent, p.Code)
	}
	if rep.Buffer.Name != p.Buffer {
		t.Errorf("%v: buffer %q, want %q", c, rep.Buffer.Name, p.Buffer)
	}
	if device, job := rep.This.Device+rep.Other.Device, rep.This.Job+rep.Other.Job; p.Code != "invalidate-dirty" && (device != p.Device || job == "") {
		t.Errorf("%v: device %q doing %q, want %s", c, device, job, p.Device)
	}
	both := report{This: &rep.This.access, Other: &rep.Other.access}
	if !slices.ContainsFunc(both.frames(), func(f frame) bool {
		return (strings.HasSuffix(f.Func, "graphics."+p.Func) || strings.HasSuffix(f.Func, "graphics."+p.Helper)) && f.Line > 0
	}) {
		t.Errorf("%v: function %s is in no backtrace: %+v", c, p.Func, both.frames())
	}
	if !strings.Contains(rep.Missing, "DMA_BUF_IOCTL_SYNC") && !strings.Contains(rep.Missing, "dma_sync") && !strings.Contains(rep.Missing, "SYNC") {
		t.Errorf("%v: the advice is %q", c, rep.Missing)
	}
}

// TestFindings expects exactly the reports that docs/findings.md is about.
func TestFindings(t *testing.T) {
	needImage(t)
	prog := graphicsProgram(t)
	text, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range graphics.Findings() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(text), "`"+f.Name+"`") {
				t.Errorf("docs/findings.md does not name %s", f.Name)
			}
			for _, c := range cacheConfigs(t) {
				r := runGraphics(t, prog, c, f.Name, "correct", "--console")
				if got := r.codes(); !slices.Equal(got, f.Codes) {
					t.Errorf("%v: reports %v, want %v", c, got, f.Codes)
				}
				for _, rep := range r.reports {
					if rep.Buffer.Name != f.Buffer {
						t.Errorf("%v: %s in buffer %q, want %q", c, rep.Code, rep.Buffer.Name, f.Buffer)
					}
				}
				if got := strings.Contains(r.stdout, f.Name+" wrong\n"); len(f.Codes) == 0 && got != f.Wrong {
					t.Errorf("%v: wrong: %v, want %v\n%s", c, got, f.Wrong, r.stdout)
				}
				if f.Console != "" && !strings.Contains(r.stderr, f.Console) {
					t.Errorf("%v: the kernel does not say %q", c, f.Console)
				}
				if panicked := strings.Contains(r.stderr, "Kernel panic"); panicked != f.Panics {
					t.Errorf("%v: panic: %v, want %v\n%s", c, panicked, f.Panics, r.stderr)
				}
			}
		})
	}
}
