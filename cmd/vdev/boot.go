// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"vdev/emu"
)

const digestHelp = "at the end, print the digest of harts and memory, the retired instructions and the virtual time"

// bootFlags are the flags of boot.
type bootFlags struct {
	machine  machineFlags
	atPrompt bool
	digest   bool
	noReboot bool
	timeout  time.Duration
}

func newBootCmd() *cobra.Command {
	var f bootFlags
	cmd := &cobra.Command{
		Use:   "boot",
		Short: "Boot the guest and connect its console to this terminal",
		Long: `Boot the guest and connect its console to this terminal.

Without --kernel and --initrd the guest image in vdev's cache is used, and built if
it is not there. On a terminal, all keys go to the guest but these:

  Ctrl-A x       quit
  Ctrl-A c       monitor: look at the machine, pause it; again to go back
  Ctrl-A h       help
  Ctrl-A Ctrl-A  Ctrl-A

Input that is not a terminal is typed into the console; its end does not end the run.

Exit status: 0 when the guest switches itself off; 1 when its kernel panics; 124 if
--timeout ended it; 125 if vdev failed; 128+n when signal n ended vdev. A bare test
program (--firmware none) that reports a failure through HTIF gives the number of the
failing test, at most 124.`,
		Example: `  vdev boot
  vdev boot --harts 4 --memory 1G --disk disk.img
  vdev boot --kernel vmlinuz --append 'loglevel=7'
  vdev boot --firmware /usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
  vdev boot --firmware none --kernel rv64ui-p-add
  vdev boot --exit-at-prompt --digest`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context()) },
	}
	fs := cmd.Flags()
	f.machine.register(fs)
	fs.BoolVar(&f.atPrompt, "exit-at-prompt", false, "end the run, with status 0, when a shell prompt is printed")
	fs.BoolVar(&f.digest, "digest", false, digestHelp)
	fs.BoolVar(&f.noReboot, "no-reboot", false, "end the run when the guest restarts")
	fs.DurationVar(&f.timeout, "timeout", 0, "end the run after this time on the host's clock, with status 124")
	return cmd
}

// run is "vdev boot".
func (f *bootFlags) run(ctx context.Context) error {
	cfg, disk, err := f.machine.config(ctx, "")
	if err != nil {
		return err
	}
	defer disk.Close()
	s := &session{flags: f, cfg: cfg, term: openTerminal(os.Stdin), quit: make(chan error, 1)}
	reports, err := f.machine.openReports(&s.cfg, &lineWriter{say: s.term.Say})
	if err != nil {
		return err
	}
	defer reports.Close()
	trace, err := f.machine.openTrace(&s.cfg, s.term.Say)
	if err != nil {
		return err
	}
	defer trace.Close()
	if s.display, err = f.machine.openRecorder(s.term.Say); err != nil {
		return err
	}
	return s.display.finish(s.run(ctx))
}

// session is a user's connection to the console, across restarts of the guest.
type session struct {
	flags *bootFlags
	cfg   emu.Config
	term  *terminal
	quit  chan error // asks for the end; the first counts

	display *recorder
	console console
	monitor *monitor
}

// run runs the guest until it, the user or a signal ends it.
func (s *session) run(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // writes say so
	in := classify(os.Stdin)
	// Nobody waits for a run that ends at the prompt.
	s.cfg.Realtime = !s.flags.atPrompt
	s.cfg.WaitInput = in != inputNone && !s.flags.atPrompt
	s.cfg.ConsoleOut = s.output
	s.cfg.Log = func(line string) { s.term.Say("vdev: " + line) }
	s.console.realtime, s.console.quit = s.cfg.Realtime, func() { s.ask(nil) }
	m, err := s.newMachine()
	if err != nil {
		return err
	}
	server, err := s.flags.machine.openCtl(&s.console.control, true, s.term.Say)
	if err != nil {
		return err
	}
	defer server.Close()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	var timeout <-chan time.Time
	if s.flags.timeout > 0 {
		timeout = time.After(s.flags.timeout)
	}
	if err := s.term.Raw(); err != nil {
		return fmt.Errorf("this terminal: %w", err)
	}
	defer s.term.Restore()
	stopWithTerminal(s.term)
	s.monitor = newMonitor(s)
	ended := make(chan ending, 1)
	go func() {
		defer s.term.Restore() // also when the machine panics
		ended <- s.life(m)
	}()
	if in != inputNone {
		go s.input(os.Stdin)
	}
	select {
	case e := <-ended:
		return s.finish(e)
	case err = <-s.quit:
	case sig := <-signals:
		err = &statusError{status: 128 + int(sig.(syscall.Signal))}
	case <-timeout:
		err = &statusError{status: statusTimeout, err: fmt.Errorf("the guest still ran after %v", s.flags.timeout)}
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	s.display.hurry()
	s.console.end()
	select {
	case e := <-ended:
		s.term.Restore()
		s.digest(e.machine)
	case <-time.After(stopPatience):
		// The machine is held up by a console that takes no output.
	}
	return err
}

// stopPatience is how long a machine may take to stop. Its rounds take far less.
const stopPatience = 2 * time.Second

// ending is how the last machine of a session ended.
type ending struct {
	machine *emu.Machine
	result  emu.Result
	tail    *tail
	err     error
}

// newMachine makes a machine and connects it.
func (s *session) newMachine() (*emu.Machine, error) {
	m, err := emu.New(s.cfg)
	if err != nil {
		return nil, err
	}
	s.display.watch(m.Display())
	t := &tail{}
	s.console.attach(m, t)
	var prompt emu.Prompt
	seen := s.console.prompt
	m.OnConsoleByte(func(c byte) {
		t.watch(c)
		if !prompt.Next(c) || t.prompt {
			return
		}
		t.prompt = true
		close(seen)
		if s.flags.atPrompt {
			m.Halt()
		}
	})
	return m, nil
}

// life runs the guest, and again each time that it restarts.
func (s *session) life(m *emu.Machine) ending {
	for {
		t := s.console.tail
		r := m.Run(context.Background())
		m.FinishReports()
		s.console.detach()
		e := ending{machine: m, result: r, tail: t, err: s.console.err}
		if r.Reason != emu.Reboot || s.flags.noReboot || t.panicked() || !t.any || e.err != nil {
			return e
		}
		var err error
		if m, err = s.newMachine(); err != nil {
			e.err = err
			return e
		}
	}
}

// output writes console output, on the machine's goroutine.
func (s *session) output(p []byte) {
	if s.console.err != nil {
		return
	}
	s.console.lastOutput.Store(time.Now().UnixNano())
	if _, err := os.Stdout.Write(p); err != nil {
		s.console.err = fmt.Errorf("standard output: %w", plain(err))
		if errors.Is(err, syscall.EPIPE) {
			s.console.err = &statusError{status: 128 + int(syscall.SIGPIPE)}
		}
		s.console.machine.Halt()
	}
}

// finish says how the guest ended.
func (s *session) finish(e ending) error {
	s.term.Restore()
	s.digest(e.machine)
	r := e.result
	switch {
	case e.err != nil:
		return e.err
	case e.tail.panicked():
		s.lastWords(e.tail)
		return &statusError{status: statusPanic, err: errors.New("the guest's kernel panicked")}
	case r.Reason == emu.Stuck:
		s.lastWords(e.tail)
		return errors.New("the guest hangs: every hart waits for an interrupt that cannot come")
	case r.Reason == emu.TrapLoop:
		s.lastWords(e.tail)
		return errors.New("the guest does nothing but trap: is this a kernel or firmware for this machine?")
	case r.Reason == emu.Reboot && !e.tail.any:
		return errors.New("the guest restarted before it printed anything: give it more --memory, or --append earlycon to see why")
	case r.Reason == emu.TestExit && r.Status != 0:
		return &statusError{status: min(r.Status, statusTimeout), err: fmt.Errorf("test %d failed", r.Status)}
	case r.Reason == emu.PowerOff && r.Status != 0:
		return &statusError{status: min(r.Status, statusTimeout), err: fmt.Errorf("the guest switched itself off with failure code %d", r.Status)}
	case s.flags.atPrompt && !e.tail.prompt:
		s.lastWords(e.tail)
		return errors.New("the guest ended before it printed a prompt")
	}
	return nil
}

// lastWords shows the end of the console output to whoever has not just seen it.
func (s *session) lastWords(t *tail) {
	if openTerminal(os.Stdout) == nil || openTerminal(os.Stderr) == nil {
		t.show(os.Stderr)
	}
}

func (s *session) digest(m *emu.Machine) {
	if s.flags.digest && m != nil {
		printDigest(m)
	}
}

// printDigest prints what identifies the end of a run, on one line of words that
// scripts can take apart.
func printDigest(m *emu.Machine) {
	fmt.Fprintf(os.Stderr, "vdev: digest %s retired %d time_ns %d\n", m.Digest(), m.Retired(), m.Now().Nanoseconds())
}
