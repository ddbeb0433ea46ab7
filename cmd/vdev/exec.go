// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vdev/emu"
	"vdev/guest/client"
	"vdev/guest/program"
)

// execArgs makes the agent the first process and keeps the kernel silent but for
// what kills it.
const execArgs = "rdinit=/bin/vdev-agent quiet loglevel=1"

// execFlags are the flags of exec.
type execFlags struct {
	machine machineFlags
	env     []string
	files   []string
	cwd     string
	timeout time.Duration
	tty     bool
	console bool
	digest  bool

	reportOnly bool
}

func newExecCmd() *cobra.Command {
	var f execFlags
	cmd := &cobra.Command{
		Use:   "exec [flags] PROGRAM [ARGS...]",
		Short: "Run one program in a fresh guest and return its exit status",
		Long: `Run one program in a fresh guest and return its exit status.

PROGRAM is a file of the host, built for riscv64 Linux; a name without a slash that
is no file here is looked up in the guest. Flags of vdev come before PROGRAM. Standard
input, output and error are the program's. SIGINT (Ctrl-C), SIGTERM, SIGHUP, SIGQUIT,
SIGUSR1 and SIGUSR2 are passed on; a second SIGINT or SIGTERM ends vdev itself.

Exit status: that of the program; 128+n if signal n killed it; 86 if the sanitizer
found errors (see --report-only); 124 if --timeout ended it; 130 if Ctrl-A x did; 125
if vdev failed, which one line on standard error explains.

The run is the same every time, instruction by instruction, as long as nothing comes
from outside at a time of its own: stdin from a pipe or a terminal, signals.`,
		Example: `  vdev exec ./hello a b c
  vdev exec --env DEBUG=1 --file input.png:/data/in.png ./convert /data/in.png
  vdev exec --tty sh
  GOOS=linux GOARCH=riscv64 go test -exec 'vdev exec' ./...`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("no program given: vdev exec [flags] PROGRAM [ARGS...]")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args) },
	}
	fs := cmd.Flags()
	fs.SetInterspersed(false) // what follows PROGRAM belongs to it
	f.machine.register(fs)
	fs.StringArrayVar(&f.env, "env", nil, "set `KEY=VALUE` in the program's environment, or pass KEY on from here; may be repeated")
	fs.StringArrayVar(&f.files, "file", nil, "copy a file or directory into the guest, `SRC[:DST]`; DST is relative to the working directory; may be repeated")
	fs.StringVar(&f.cwd, "cwd", "", "working `DIR` in the guest (default /tmp)")
	fs.DurationVar(&f.timeout, "timeout", 0, "end the run after this time on the host's clock, with status 124")
	fs.BoolVarP(&f.tty, "tty", "t", false, "give the program a terminal; Ctrl-A x ends vdev")
	fs.BoolVar(&f.console, "console", false, "show the guest's console on standard error")
	fs.BoolVar(&f.digest, "digest", false, digestHelp)
	fs.BoolVar(&f.reportOnly, "report-only", false, "return the program's own status even if the sanitizer found errors")
	return cmd
}

// run is "vdev exec".
func (f *execFlags) run(ctx context.Context, args []string) error {
	req, err := f.request(args)
	if err != nil {
		return err
	}
	extra := execArgs
	if f.console {
		extra = "rdinit=/bin/vdev-agent"
	}
	cfg, disk, err := f.machine.config(ctx, extra)
	if err != nil {
		return err
	}
	defer disk.Close()
	if req.Prog != nil {
		f.machine.program = req.ProgName
	}
	reports, err := f.machine.openReports(&cfg, os.Stderr)
	if err != nil {
		return err
	}
	defer reports.Close()
	x := &execution{flags: f, req: req, keepDisk: disk != nil}
	if x.display, err = f.machine.openRecorder(sayPlainly); err != nil {
		return err
	}
	return x.display.finish(x.run(ctx, cfg))
}

// request makes the client's request of the command line.
func (f *execFlags) request(args []string) (req client.Request, err error) {
	req = client.Request{Args: args[1:], Dir: f.cwd, Stdout: os.Stdout, Stderr: os.Stderr}
	if req.Prog, err = readProgram(args[0]); err != nil {
		return req, err
	}
	if req.ProgName = args[0]; req.Prog == nil {
		req.Args = args
	}
	for _, kv := range f.env {
		key, _, given := strings.Cut(kv, "=")
		if key == "" {
			return req, fmt.Errorf("--env %s: write KEY=VALUE or KEY", kv)
		}
		if !given {
			v, ok := os.LookupEnv(key)
			if !ok {
				continue
			}
			kv = key + "=" + v
		}
		req.Env = append(req.Env, kv)
	}
	req.Files, err = openFiles(f.files)
	return req, err
}

// readProgram reads the host's file; nil means that the name is for the guest to look
// up. What the guest could not run anyway is an error.
func readProgram(name string) ([]byte, error) {
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist) && name != "" && !strings.ContainsRune(name, '/'):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("program %s: %w", name, plain(err))
	case st.IsDir() && !strings.ContainsRune(name, '/'):
		return nil, nil
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("program %s: is not a file", name)
	}
	// Most mistakes show in the first bytes, so that a wrong huge file is not read.
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("program %s: %w", name, plain(err))
	}
	defer file.Close()
	head := make([]byte, min(st.Size(), program.HeadSize))
	n, _ := file.ReadAt(head, 0)
	if err := client.Check("program "+name, head[:n]); err != nil {
		return nil, err
	}
	prog := make([]byte, st.Size())
	if n, err := file.ReadAt(prog, 0); err != nil {
		if n < len(prog) {
			return nil, fmt.Errorf("program %s: %w", name, plain(err))
		}
	}
	return prog, nil
}

// plain strips what the message already says from a file error.
func plain(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// execution is a run under way.
type execution struct {
	flags    *execFlags
	req      client.Request
	keepDisk bool // the guest must write its disk back before the machine ends

	display *recorder
	control control
	machine *emu.Machine
	link    *link
	tail    tail
}

func sayPlainly(line string) { fmt.Fprintln(os.Stderr, line) }

func (x *execution) run(ctx context.Context, cfg emu.Config) error {
	var term *terminal
	if x.flags.tty {
		term = openTerminal(os.Stdin)
		defer term.Restore()
		x.req.Terminal = &client.Size{Rows: 24, Cols: 80}
		if s, ok := term.Size(); ok {
			x.req.Terminal = &s
		}
	}
	in := classify(os.Stdin)
	cfg.Realtime, cfg.WaitInput = in == inputLive, in == inputLive
	if x.flags.console {
		cfg.ConsoleOut = func(p []byte) { os.Stderr.Write(p) }
		cfg.Log = func(line string) { term.Say("vdev: " + line) }
	}
	trace, err := x.flags.machine.openTrace(&cfg, term.Say)
	if err != nil {
		return err
	}
	defer trace.Close()
	m, err := emu.New(cfg)
	if err != nil {
		return err
	}
	x.machine = m
	x.display.watch(m.Display())
	m.OnConsoleByte(x.tail.watch)
	p := m.AgentPort()
	l := newLink(p, m.Post)
	x.link = l
	p.OnReceive, p.OnOpen, p.OnRoom = l.receive, l.open, l.room
	if !x.keepDisk {
		l.onOver = m.Halt
	}
	switch in {
	case inputFile:
		x.req.Stdin, l.ordered = os.Stdin, true
	case inputLive:
		x.req.Stdin = os.Stdin
		l.onStdinEnd = func() { m.SetIdle(false, false) }
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if d := x.flags.timeout; d > 0 {
		time.AfterFunc(d, func() { cancel(errTimeout) })
	}
	context.AfterFunc(ctx, func() { x.display.hurry(); l.Close(); m.Stop() })
	x.control.quit = func() { cancel(errQuit) }
	x.control.attach(m)
	server, err := x.flags.machine.openCtl(&x.control, false, sayPlainly)
	if err != nil {
		return err
	}
	defer server.Close()
	x.forwardSignals(cancel)
	if term != nil {
		if err := x.useTerminal(term, cancel); err != nil {
			return fmt.Errorf("this terminal: %w", err)
		}
	}

	ended := make(chan emu.Result, 1)
	go func() {
		defer term.Restore() // also when it panics
		r := m.Run(context.Background())
		x.control.detach()
		l.end()
		ended <- r
	}()
	c := client.New(l)
	res, err := c.Run(ctx, x.req)
	var agent *client.AgentError
	told := err == nil || errors.As(err, &agent)
	if told && !x.keepDisk {
		// The machine has halted at the guest's last word, or is about to.
		<-ended
		l.Close()
	}
	c.Close()
	if !told {
		cause := context.Cause(ctx)
		// A guest that went away ends by itself, in a way that explains it.
		if cause != nil || !errors.Is(err, client.ErrGuestGone) {
			m.Stop()
		}
		return x.explain(err, cause, <-ended)
	}
	if x.keepDisk {
		x.awaitPowerOff(ctx, ended)
	}
	term.Restore()
	if x.flags.digest {
		printDigest(m)
	}
	m.FinishReports()
	switch {
	case agent != nil:
		return errors.New(x.name() + " " + agent.Text)
	case m.Errors() != 0 && !x.flags.reportOnly:
		return &statusError{status: statusReports}
	case res.Status() != 0:
		return &statusError{status: res.Status()}
	}
	return nil
}

// name is the program as the user wrote it.
func (x *execution) name() string { return "program " + x.req.ProgName + ":" }

// awaitPowerOff gives the guest time to write its disk back.
func (x *execution) awaitPowerOff(ctx context.Context, ended <-chan emu.Result) {
	const patience = 30 * time.Second
	select {
	case <-ended:
	case <-ctx.Done():
		x.machine.Stop()
		<-ended
	case <-time.After(patience):
		fmt.Fprintln(os.Stderr, "vdev: the guest does not power off; its disk may lack the last writes")
		x.machine.Stop()
		<-ended
	}
}

var errTimeout = errors.New("timeout")

// errSignal says that a signal of the host ends vdev.
type errSignal struct{ sig syscall.Signal }

func (e errSignal) Error() string { return e.sig.String() }

// explain turns the end of a run without a result into an error.
func (x *execution) explain(err, cause error, r emu.Result) error {
	var sig errSignal
	switch {
	case errors.Is(cause, errTimeout):
		return &statusError{status: statusTimeout, err: fmt.Errorf("program %s did not end within %v", x.req.ProgName, x.flags.timeout)}
	case errors.As(cause, &sig):
		return &statusError{status: 128 + int(sig.sig)}
	case errors.Is(cause, errQuit):
		return &statusError{status: 128 + int(syscall.SIGINT)}
	case !errors.Is(err, client.ErrGuestGone):
		return err
	}
	what := ""
	switch {
	case x.tail.panicked():
		what = "the guest's kernel panicked"
	case r.Reason == emu.Stuck:
		what = "the guest hangs: every hart waits for an interrupt that cannot come"
	case r.Reason == emu.TrapLoop:
		what = "the guest does nothing but trap"
	case r.Reason == emu.Reboot:
		what = "the guest restarted"
	case r.Reason == emu.PowerOff:
		what = "the guest switched itself off"
	default:
		what = "the guest went away"
	}
	if !x.link.started() {
		what += " before the program ran"
	}
	if !x.flags.console {
		x.tail.show(os.Stderr)
	}
	return errors.New(what)
}

// openFiles describes what --file names.
func openFiles(specs []string) ([]client.File, error) {
	var list []client.File
	for _, spec := range specs {
		more, err := filesOf(spec)
		if err != nil {
			return nil, fmt.Errorf("--file %s: %w", spec, err)
		}
		list = append(list, more...)
	}
	return list, nil
}

// filesOf describes a file, or all files in a directory.
func filesOf(spec string) (list []client.File, err error) {
	src, dst := spec, ""
	if _, err := os.Stat(spec); err != nil {
		if i := strings.LastIndexByte(spec, ':'); i > 0 {
			src, dst = spec[:i], spec[i+1:]
		}
	}
	if dst == "" || strings.HasSuffix(dst, "/") {
		abs, err := filepath.Abs(src)
		if err != nil {
			return nil, err
		}
		dst += filepath.Base(abs)
	}
	st, err := os.Stat(src)
	if err != nil {
		return nil, plain(err)
	}
	if !st.IsDir() {
		f, err := fileOf(src, dst)
		return []client.File{f}, err
	}
	err = filepath.WalkDir(src, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		f, err := fileOf(path, filepath.Join(dst, rel))
		list = append(list, f)
		return err
	})
	return list, err
}

// fileOf describes one file. It is opened to see that it can be read, but not kept
// open: a directory may have many.
func fileOf(src, dst string) (client.File, error) {
	f, err := os.Open(src)
	if err != nil {
		return client.File{}, plain(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return client.File{}, plain(err)
	}
	if !st.Mode().IsRegular() {
		return client.File{}, errors.New("is not a file")
	}
	return client.File{Path: filepath.ToSlash(dst), Mode: st.Mode().Perm(), Data: &lazyFile{name: src}, Size: st.Size()}, nil
}

// lazyFile opens a file when it is first read, and closes it at its end.
type lazyFile struct {
	name string
	file *os.File
}

func (l *lazyFile) Read(p []byte) (int, error) {
	if l.file == nil {
		f, err := os.Open(l.name)
		if err != nil {
			return 0, err
		}
		l.file = f
	}
	n, err := l.file.Read(p)
	if err != nil {
		l.file.Close()
	}
	return n, err
}
