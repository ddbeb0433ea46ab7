// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ioctlProgram is the guest program that makes ioctls.
func ioctlProgram(t *testing.T) string { return guestProgram(t, "vdev/guest/tests/ioctls") }

// traced runs a program with a trace to a file, which it returns.
func traced(t *testing.T, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	o := vdevAlone(t, append([]string{"exec", "--report-only", "--trace", "ioctl=" + file}, args...)...)
	if o.status != 0 {
		t.Fatalf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	trace, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(trace) == 0 {
		t.Fatal("the trace is empty")
	}
	return string(trace)
}

// normalTrace puts calls in the order in which they began, and replaces what may
// change with kernel and compiler: numbers of tasks and cards, times, and addresses.
func normalTrace(t *testing.T, trace string) string {
	t.Helper()
	began := func(line string) float64 {
		_, rest, _ := strings.Cut(line, "] ")
		start, _, _ := strings.Cut(rest, " ")
		at, err := strconv.ParseFloat(start, 64)
		if err != nil {
			t.Fatalf("no time in %q", line)
		}
		return at
	}
	lines := strings.Split(strings.TrimSuffix(trace, "\n"), "\n")
	slices.SortStableFunc(lines, func(a, b string) int { return cmp.Compare(began(a), began(b)) })
	trace = strings.Join(lines, "\n") + "\n"
	var tasks []string
	task := regexp.MustCompile(`(?m)^\[pid (\d+) `)
	trace = task.ReplaceAllStringFunc(trace, func(s string) string {
		i := slices.Index(tasks, s)
		if i < 0 {
			i, tasks = len(tasks), append(tasks, s)
		}
		return fmt.Sprintf("[pid %c ", 'A'+i)
	})
	for _, r := range [][2]string{
		{`(?m)^(\[pid . \S+\]) \d+\.\d{9} `, "$1 "},
		{`(?m) <\d+\.\d{9}>$`, ""},
		{`/dev/dri/card\d+`, "/dev/dri/cardN"},
		{`\b(phys|dma_addr)=0x[0-9a-f]+`, "$1=ADDR"},
		{`\bname=0x[0-9a-f]+`, "name=ADDR"},
	} {
		trace = regexp.MustCompile(r[0]).ReplaceAllString(trace, r[1])
	}
	return trace
}

func TestTraceOfIoctls(t *testing.T) {
	needImage(t)
	prog := ioctlProgram(t)
	for _, name := range []string{"buffers", "imported", "tester", "mistakes", "interrupted", "stopped"} {
		want, err := os.ReadFile(filepath.Join("testdata", "ioctls", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{}, {"--cache", "eager"}, {"--harts", "4", "--cache", "random", "--seed", "3"}} {
			got := normalTrace(t, traced(t, append(args, prog, name)...))
			compareLines(t, fmt.Sprint(name, " ", args), got, string(want))
		}
		// Without a model of the caches nothing is known of the state of lines.
		got := normalTrace(t, traced(t, "--cache", "coherent", prog, name))
		stateless := regexp.MustCompile(`\d+ dirty, \d+ stale, `).ReplaceAllString(string(want), "")
		compareLines(t, name+" coherent", got, stateless)
	}
}

func compareLines(t *testing.T, name, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var gl, wl string
		if i < len(g) {
			gl = g[i]
		}
		if i < len(w) {
			wl = w[i]
		}
		if gl != wl {
			t.Errorf("%s, line %d:\n%s\nwant\n%s", name, i+1, gl, wl)
			return
		}
	}
}

func TestTraceIsTheSameEachTime(t *testing.T) {
	needImage(t)
	prog := ioctlProgram(t)
	args := []string{"--harts", "4", prog, "threads"}
	first := traced(t, args...)
	if second := traced(t, args...); second != first {
		compareLines(t, "second run", second, first)
	}
	// 4 buffers with 20 pairs of calls, by threads that move from hart to hart.
	if n := strings.Count(first, "DMA_BUF_IOCTL_SYNC"); n != 160 {
		t.Errorf("%d calls:\n%s", n, first)
	}
	if n := strings.Count(first, " = 0 "); n != 164 {
		t.Errorf("%d calls succeeded:\n%s", n, first)
	}
}

// The trace disturbs nothing: the run is the same without it.
func TestTraceDoesNotDisturb(t *testing.T) {
	needImage(t)
	prog := ioctlProgram(t)
	run := func(args ...string) string {
		o := vdevAlone(t, append(append([]string{"exec", "--report-only", "--harts", "2", "--digest"}, args...), prog, "tester")...)
		return o.digestLine(t)
	}
	if with, without := run("--trace", "ioctl"), run(); with != without {
		t.Errorf("with trace %s\nwithout    %s", with, without)
	}
}

// At the prompt of a boot everything that the shell did is in the trace.
func TestTraceOfBoot(t *testing.T) {
	needImage(t)
	o := toPrompt(t, "--trace", "ioctl")
	if !strings.Contains(o.stderr, "] ") || !strings.Contains(o.stderr, " ioctl(0</dev/") || !strings.Contains(o.stderr, " = 0 <") {
		t.Errorf("no ioctl of the shell:\n%s", o.stderr)
	}
}
