// SPDX-License-Identifier: Apache-2.0

// Bench compares vdev with QEMU on this machine, in one run: the same kernel and
// initramfs to the prompt, and the workloads of guest/bench; and the 2D engine with
// pixman. "make bench" runs it.
//
// Machines are shared and noisy, so runs are interleaved, computing is measured in
// processor time, and the numbers to look at are the ratios of medians.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vdev/guest/client"
	"vdev/images"
)

type bench struct {
	vdev  string
	image images.Image
	prog  []byte // guest/bench for riscv64
	path  string // where it lies
	runs  int
	dir   string
}

func main() {
	b := bench{}
	flag.StringVar(&b.vdev, "vdev", "bin/vdev", "the vdev to measure")
	flag.IntVar(&b.runs, "runs", 5, "runs of each measurement")
	only := flag.String("only", "", "regular expression of the measurements to make")
	flag.Parse()
	if err := b.main(*only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (b *bench) main(only string) error {
	want, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if b.image, err = images.Find(ctx, images.Options{}); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "vdev-bench"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.path = filepath.Join(b.dir, "bench")
	build := exec.Command("go", "build", "-o", b.path, "./guest/bench")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build guest/bench: %v\n%s", err, out)
	}
	if b.prog, err = os.ReadFile(b.path); err != nil {
		return err
	}
	fmt.Printf("medians of %d interleaved runs\n", b.runs)
	for _, step := range []struct {
		name string
		run  func() error
	}{{"boot", b.boot}, {"idle", b.idle}, {"compute", b.compute}, {"caches", b.caches}, {"g2d", b.g2dSpeed}, {"display", b.display}, {"sharing", b.sharing}, {"core", b.core}} {
		if want.MatchString(step.name) {
			if err := step.run(); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
	}
	return nil
}

// usage is what a finished process took.
type usage struct {
	wall, cpu time.Duration
	rss       uint64 // bytes
	stderr    string
}

func (b *bench) run(cmd *exec.Cmd) (usage, error) {
	var errs strings.Builder
	cmd.Stderr = &errs
	start := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(start), stderr: errs.String()}
	if st := cmd.ProcessState; st != nil {
		u.cpu = st.UserTime() + st.SystemTime()
		u.rss = uint64(st.SysUsage().(*syscall.Rusage).Maxrss) << 10
	}
	if err != nil {
		return u, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, u.stderr)
	}
	return u, nil
}

func median[T int64 | float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

// boot measures the way to the prompt.
func (b *bench) boot() error {
	var ours, theirs, oursCPU, theirsCPU []time.Duration
	var rss uint64
	for range b.runs {
		u, err := b.run(exec.Command(b.vdev, "boot", "--exit-at-prompt"))
		if err != nil {
			return err
		}
		ours, oursCPU, rss = append(ours, u.wall), append(oursCPU, u.cpu), max(rss, u.rss)
		wall, cpu, err := b.qemuBoot()
		if err != nil {
			return err
		}
		theirs, theirsCPU = append(theirs, wall), append(theirsCPU, cpu)
	}
	v, q := median(ours), median(theirs)
	fmt.Printf("boot to the prompt: vdev %.2f s, QEMU %.2f s: %.2f times QEMU (processor time %.2f); vdev resident %d MB\n",
		v.Seconds(), q.Seconds(), v.Seconds()/q.Seconds(),
		median(oursCPU).Seconds()/median(theirsCPU).Seconds(), rss>>20)
	return nil
}

const qemu = "qemu-system-riscv64"

func (b *bench) qemuArgs(args ...string) []string {
	return append([]string{"-M", "virt", "-m", "512", "-nographic", "-monitor", "none", "-no-reboot",
		"-kernel", b.image.Kernel, "-initrd", b.image.Initramfs}, args...)
}

// qemuBoot runs QEMU until the shell's prompt appears.
func (b *bench) qemuBoot() (wall, cpu time.Duration, err error) {
	cmd := exec.Command(qemu, b.qemuArgs("-append", "panic=-1")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	err = awaitPrompt(out)
	wall = time.Since(start)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), err
}

// awaitPrompt reads until a line begins with "$ ".
func awaitPrompt(r io.Reader) error {
	br := bufio.NewReader(r)
	var last [3]byte
	for {
		c, err := br.ReadByte()
		if err != nil {
			return fmt.Errorf("no prompt: %w", err)
		}
		last = [3]byte{last[1], last[2], c}
		if last == [3]byte{'\n', '$', ' '} {
			return nil
		}
	}
}

// idle measures the processor time of a guest that waits at its prompt.
func (b *bench) idle() error {
	cmd := exec.Command(b.vdev, "boot")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	if err := awaitPrompt(out); err != nil {
		return err
	}
	time.Sleep(time.Second) // what follows the prompt
	const span = 5 * time.Second
	before, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	time.Sleep(span)
	after, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("idle at the prompt: %.1f %% of a core\n", 100*(after-before).Seconds()/span.Seconds())
	return nil
}

// processorTime is the user and system time of a process (proc(5), stat).
func processorTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if !ok || len(f) < 13 {
		return 0, errors.New("cannot read /proc/PID/stat")
	}
	user, err1 := strconv.Atoi(f[11])
	sys, err2 := strconv.Atoi(f[12])
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every architecture
	return time.Duration(user+sys) * tick, errors.Join(err1, err2)
}

// workloads are those of guest/bench that are measured, with enough work to drown the
// start of a process.
var workloads = []struct{ name, kind, work string }{
	{"core", "integer", "3000"},
	{"memcpy", "memory copy", "2000"},
	{"nbody", "floating point", "200"},
	{"sha256", "Go", "30"},
	{"gzip", "Go", "4"},
}

// compute measures the programs: the processor time of a run less that of a run that
// does nothing, which takes out the boot.
func (b *bench) compute() error {
	q, err := b.startQEMU()
	if err != nil {
		return err
	}
	defer q.stop()
	var base []time.Duration
	var baseRetired uint64
	for range b.runs {
		r, err := b.execVdev(b.path, "-list")
		if err != nil {
			return err
		}
		base, baseRetired = append(base, r.cpu), r.retired
	}
	nothing := median(base)
	for _, w := range workloads {
		var ours, theirs []time.Duration
		var mips []float64
		for range b.runs {
			r, err := b.execVdev(b.path, "-work", w.work, w.name)
			if err != nil {
				return err
			}
			t := r.cpu - nothing
			ours = append(ours, t)
			mips = append(mips, float64(r.retired-baseRetired)/t.Seconds()/1e6)
			if t, err = q.exec(b, "-work", w.work, w.name); err != nil {
				return err
			}
			theirs = append(theirs, t)
		}
		v, t := median(ours), median(theirs)
		fmt.Printf("%-7s (%s): vdev %.2f s, QEMU %.2f s of processor time: %.2f times QEMU, %.0f MIPS\n",
			w.name, w.kind, v.Seconds(), t.Seconds(), v.Seconds()/t.Seconds(), median(mips))
	}
	return nil
}

// caches measures what the cache model costs.
func (b *bench) caches() error {
	boot := func(mode string) (time.Duration, error) {
		u, err := b.run(exec.Command(b.vdev, "boot", "--exit-at-prompt", "--cache", mode))
		return u.cpu, err
	}
	if err := b.compare("boot, lazy against coherent", 2*b.runs,
		func() (time.Duration, error) { return boot("lazy") },
		func() (time.Duration, error) { return boot("coherent") }); err != nil {
		return err
	}
	timed := func(args ...string) func() (time.Duration, error) {
		return func() (time.Duration, error) {
			r, err := b.execVdev(args...)
			return r.cpu, err
		}
	}
	for _, w := range workloads {
		prog := []string{b.path, "-work", w.work, w.name}
		if err := b.compare(w.name+", lazy against coherent", b.runs,
			timed(append([]string{"--cache", "lazy"}, prog...)...),
			timed(append([]string{"--cache", "coherent"}, prog...)...)); err != nil {
			return err
		}
	}
	return b.compare("copy, tracked against plain pages", b.runs,
		timed(b.path, "copytracked"), timed(b.path, "copyplain"))
}

// compare prints the ratio of the medians of two measurements.
func (b *bench) compare(what string, runs int, one, other func() (time.Duration, error)) error {
	var t [2][]time.Duration
	for range runs {
		for i, f := range []func() (time.Duration, error){one, other} {
			d, err := f()
			if err != nil {
				return err
			}
			t[i] = append(t[i], d)
		}
	}
	x, y := median(t[0]), median(t[1])
	fmt.Printf("%s: %.2f s and %.2f s of processor time: %.2f times\n", what, x.Seconds(), y.Seconds(), x.Seconds()/y.Seconds())
	return nil
}

type guestRun struct {
	cpu     time.Duration
	retired uint64
}

var retiredLine = regexp.MustCompile(`retired (\d+)`)

func (b *bench) execVdev(args ...string) (guestRun, error) {
	u, err := b.run(exec.Command(b.vdev, append([]string{"exec", "--digest"}, args...)...))
	if err != nil {
		return guestRun{}, err
	}
	m := retiredLine.FindStringSubmatch(u.stderr)
	if m == nil {
		return guestRun{}, fmt.Errorf("vdev exec --digest printed no count of instructions: %q", u.stderr)
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	return guestRun{u.cpu, n}, err
}

// guest is a QEMU whose agent is connected.
type guest struct {
	cmd    *exec.Cmd
	client *client.Client
	base   time.Duration // processor time of a run that does nothing
}

func (b *bench) startQEMU() (*guest, error) {
	sock := filepath.Join(b.dir, "agent")
	l, err := net.Listen("unix", sock)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	g := &guest{cmd: exec.Command(qemu, b.qemuArgs("-append", "quiet rdinit=/bin/vdev-agent",
		"-device", "virtio-serial-device", "-chardev", "socket,id=agent,path="+sock,
		"-device", "virtserialport,chardev=agent,name=vdev.agent")...)}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	conn, err := l.Accept()
	if err != nil {
		g.stop()
		return nil, err
	}
	g.client = client.New(conn)
	var base []time.Duration
	for range b.runs + 1 {
		t, err := g.time(b, "-list")
		if err != nil {
			g.stop()
			return nil, err
		}
		base = append(base, t)
	}
	g.base = median(base[1:]) // the first one waited for the boot
	return g, nil
}

func (g *guest) stop() {
	if g.client != nil {
		g.client.Close()
	}
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

func (g *guest) exec(b *bench, args ...string) (time.Duration, error) {
	t, err := g.time(b, args...)
	return t - g.base, err
}

func (g *guest) time(b *bench, args ...string) (time.Duration, error) {
	before, err := processorTime(g.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	res, err := g.client.Run(context.Background(), client.Request{Prog: b.prog, ProgName: "bench", Args: args, Stderr: os.Stderr})
	if err == nil && res.Status() != 0 {
		err = fmt.Errorf("guest/bench in QEMU: status %d", res.Status())
	}
	if err != nil {
		return 0, err
	}
	after, err := processorTime(g.cmd.Process.Pid)
	return after - before, err
}
