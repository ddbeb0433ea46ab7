// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"vdev/guest/tests/coherency"
)

// statusReports is the exit status of a run with reports.
const statusReports = 86

// seedsEnv is for how many seeds the programs run with random caches; by default
// for so many as takes a bearable time.
const (
	seedsEnv     = "VDEV_SEEDS"
	defaultSeeds = 1
)

// cacheConfig is one way to run a program.
type cacheConfig struct {
	mode  string
	seed  int
	harts int
}

func (c cacheConfig) String() string {
	return fmt.Sprintf("%s seed %d, %d harts", c.mode, c.seed, c.harts)
}

// cacheConfigs are the ways in which the verdict must be the same. The first is the
// one that the others are compared with.
func cacheConfigs(t *testing.T) []cacheConfig { return cacheConfigsOf(t, defaultSeeds) }

// cacheConfigsOf is cacheConfigs with another number of seeds by default.
func cacheConfigsOf(t *testing.T, seeds int) []cacheConfig {
	if s := os.Getenv(seedsEnv); s != "" {
		var err error
		if seeds, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s: %v", seedsEnv, err)
		}
	}
	var all []cacheConfig
	for _, harts := range []int{1, 4} {
		all = append(all, cacheConfig{"lazy", 0, harts}, cacheConfig{"eager", 0, harts})
		for seed := range seeds {
			all = append(all, cacheConfig{"random", seed, harts})
		}
	}
	return all
}

// report is what a test looks at in a line of a report file.
type report struct {
	Type   string `json:"type"`
	ID     int    `json:"id"`
	Code   string `json:"code"`
	Latent bool   `json:"latent"`
	Count  int    `json:"count"`
	Memory struct {
		Addr string `json:"addr"`
		Mask string `json:"mask"`
	} `json:"memory"`
	Address *struct {
		Cause string `json:"cause"`
		Phys  string `json:"phys"`
	} `json:"address"`
	Buffer *struct {
		Name   string `json:"name"`
		Size   uint64 `json:"size"`
		Offset uint64 `json:"offset"`
	} `json:"buffer"`
	Device  string  `json:"device"`
	Explain string  `json:"explain"`
	Missing string  `json:"missing"`
	This    *access `json:"this"`
	Other   *access `json:"other"`
	Noticed *access `json:"noticed"`
}

type access struct {
	What  string  `json:"what"`
	By    string  `json:"device"` // of a bus master
	Job   string  `json:"job"`
	User  []frame `json:"user"`
	Start *access `json:"started_by"`
}

type frame struct {
	Func string `json:"func"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// frames are all frames of user programs in the report.
func (r *report) frames() []frame {
	var all []frame
	for _, a := range []*access{r.This, r.Other, r.Noticed} {
		for ; a != nil; a = a.Start {
			all = append(all, a.User...)
		}
	}
	return all
}

// verdict is what must be the same in every run: what was found, where in the
// buffer, and how often.
type verdict struct {
	Code   string
	Latent bool
	Offset uint64
	Mask   string
	Count  int
}

// coherencyRun is how a run of the guest program went.
type coherencyRun struct {
	outcome
	reports  []report
	verdicts []verdict
	right    bool
}

// coherencyProgram is the guest program, built when it is first needed.
var coherencyProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(binary), "coherency")
	return file, goForGuest("build", "-o", file, "vdev/guest/tests/coherency/prog")
})

// runCoherency runs a program of package coherency.
func runCoherency(t *testing.T, c cacheConfig, name, form string, flags ...string) coherencyRun {
	t.Helper()
	prog, err := coherencyProgram()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "reports")
	args := append([]string{"exec", "--cache", c.mode, "--seed", strconv.Itoa(c.seed), "--harts", strconv.Itoa(c.harts), "--report", file}, flags...)
	r := coherencyRun{outcome: vdev(t, "", append(args, prog, name, form)...), right: true}
	base := uint64(0)
	for line := range strings.Lines(r.stdout) {
		var who, found string
		var size uint64
		if _, err := fmt.Sscanf(line, "%s %s %v %d", &who, &found, &base, &size); err != nil {
			t.Fatalf("%v: output %q: %v", c, line, err)
		}
		r.right = r.right && found == "right"
	}
	var counts map[int]int
	r.reports, counts = readReports(t, file)
	for _, rep := range r.reports {
		if rep.Memory.Addr == "" { // not about memory
			r.verdicts = append(r.verdicts, verdict{Code: rep.Code, Latent: rep.Latent, Count: max(1, counts[rep.ID])})
			continue
		}
		addr, err := strconv.ParseUint(rep.Memory.Addr, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		r.verdicts = append(r.verdicts, verdict{rep.Code, rep.Latent, addr - base, rep.Memory.Mask, max(1, counts[rep.ID])})
	}
	return r
}

// readReports reads a report file, and how often each report occurred that did more
// than once.
func readReports(t *testing.T, file string) (reports []report, counts map[int]int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts = map[int]int{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var rep report
		if err := json.Unmarshal(sc.Bytes(), &rep); err != nil {
			t.Fatalf("report %q: %v", sc.Bytes(), err)
		}
		if rep.Type == "count" {
			counts[rep.ID] = rep.Count
		} else {
			reports = append(reports, rep)
		}
	}
	return reports, counts
}

// TestCorrectProgramsAreSilent runs all correct programs, and looks at the bytes, the
// exit status and the reports.
func TestCorrectProgramsAreSilent(t *testing.T) {
	needImage(t)
	for _, c := range append(cacheConfigs(t), cacheConfig{"coherent", 0, 1}, cacheConfig{"coherent", 0, 4}) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			r := runCoherency(t, c, "all", "correct")
			if r.status != 0 || !r.right || len(r.reports) != 0 {
				t.Errorf("status %d, %d reports\n%s%s", r.status, len(r.reports), r.stdout, r.stderr)
			}
			if n := strings.Count(r.stdout, "\n"); n != len(coherency.Pairs()) {
				t.Errorf("%d of %d programs ran", n, len(coherency.Pairs()))
			}
		})
	}
}

// TestBrokenProgramsAreReported compares the reports on each broken program with the
// table, and those of different cache modes and seeds with each other.
func TestBrokenProgramsAreReported(t *testing.T) {
	needImage(t)
	for _, p := range coherency.Pairs() {
		if p.Code == coherency.Silent {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			var first []verdict
			for _, c := range cacheConfigs(t) {
				r := runCoherency(t, c, p.Name, "broken")
				if r.status != statusReports {
					t.Errorf("%v: status %d, want %d\n%s%s", c, r.status, statusReports, r.stdout, r.stderr)
					continue
				}
				if slices.Contains(p.Corrupts, c.mode) && r.right {
					t.Errorf("%v: the bytes are right", c)
				}
				checkReports(t, c, p, r)
				if first == nil {
					first = r.verdicts
				} else if !reflect.DeepEqual(r.verdicts, first) {
					t.Errorf("%v: verdict %+v\nin lazy mode: %+v", c, r.verdicts, first)
				}
			}
			c := cacheConfig{"coherent", 0, 1}
			if r := runCoherency(t, c, p.Name, "broken"); r.status != 0 || !r.right || len(r.reports) != 0 {
				t.Errorf("%v: status %d\n%s%s", c, r.status, r.stdout, r.stderr)
			}
		})
	}
}

// checkReports looks at the reports on a broken program one by one.
func checkReports(t *testing.T, c cacheConfig, p coherency.Pair, r coherencyRun) {
	t.Helper()
	if len(r.reports) == 0 {
		t.Errorf("%v: status %d without a report", c, r.status)
	}
	for i, rep := range r.reports {
		if rep.Code != p.Code || rep.Latent {
			t.Errorf("%v: report %s (latent: %v), want %s\n%s", c, rep.Code, rep.Latent, p.Code, r.stderr)
		}
		if r.verdicts[i].Offset >= coherency.PageSize {
			t.Errorf("%v: address %s is not in the buffer: %s", c, rep.Memory.Addr, r.stdout)
		}
		// Some programs leave the access at fault to the kernel or the device; who asked
		// for it is still a line of the program.
		if !slices.ContainsFunc(rep.frames(), func(f frame) bool {
			return strings.HasSuffix(f.Func, "coherency."+p.Func) && filepath.Base(f.File) == "cases.go" && f.Line > 0
		}) {
			t.Errorf("%v: function %s is in no backtrace: %+v", c, p.Func, rep.frames())
		}
		if !strings.Contains(rep.Missing, "sync") && !strings.Contains(rep.Missing, "SYNC") && !strings.Contains(rep.Missing, "flush") {
			t.Errorf("%v: the advice is %q", c, rep.Missing)
		}
		if !strings.Contains(r.stderr, "BUG: vdev: "+p.Code+" in ") {
			t.Errorf("%v: the text does not name the code:\n%s", c, r.stderr)
		}
	}
}

// TestHazardsAreExplained looks for a section for each code in the documentation.
func TestHazardsAreExplained(t *testing.T) {
	text, err := os.ReadFile("../../docs/hazards.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range coherency.Pairs() {
		if p.Code == coherency.Silent {
			continue
		}
		if !strings.Contains(string(text), "\n## "+p.Code+"\n") || !strings.Contains(string(text), "\nBUG: vdev: "+p.Code+" in ") {
			t.Errorf("docs/hazards.md has no section, or no report, of %s", p.Code)
		}
	}
}

// TestReportOnly has the program's own status win.
func TestReportOnly(t *testing.T) {
	needImage(t)
	r := runCoherency(t, cacheConfig{"lazy", 0, 1}, "device-read-dirty", "broken", "--report-only")
	if r.status != 0 || len(r.reports) == 0 || r.right {
		t.Errorf("status %d, %d reports, bytes right: %v", r.status, len(r.reports), r.right)
	}
}

// TestWronglyWiredTesterIsReported has a correct program on a machine whose device
// tree says that the tester is coherent, though its port is not.
func TestWronglyWiredTesterIsReported(t *testing.T) {
	needImage(t)
	r := runCoherency(t, cacheConfig{"lazy", 0, 1}, "device-read-dirty", "correct", "--port", "dma-tester=miswired")
	if r.right || len(r.reports) == 0 || r.reports[0].Code != "device-read-dirty" {
		t.Errorf("bytes right: %v, reports %+v", r.right, r.verdicts)
	}
	summaries := 0
	for _, rep := range r.reports {
		if rep.Code == "wrong-coherency" {
			summaries++
			if !strings.HasSuffix(rep.Device, ".dma-controller") {
				t.Errorf("the device is %q", rep.Device)
			}
		}
	}
	if summaries != 1 {
		t.Errorf("the wiring is reported %d times: %s", summaries, r.stderr)
	}
	r = runCoherency(t, cacheConfig{"lazy", 0, 1}, "device-read-dirty", "broken", "--port", "dma-tester=coherent")
	if !r.right || len(r.reports) != 0 || r.status != 0 {
		t.Errorf("a coherent port: status %d, bytes right: %v, reports %+v", r.status, r.right, r.verdicts)
	}
}
