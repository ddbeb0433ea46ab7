// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"vdev/guest/client"
)

// forwardSignals passes signals on to the program. One that asks vdev to end for the
// second time, or before the program runs, does end it.
func (x *execution) forwardSignals(cancel context.CancelCauseFunc) {
	// A reader of our output that goes away is the program's business.
	signal.Ignore(syscall.SIGPIPE)
	in := make(chan os.Signal, 16)
	signal.Notify(in, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	out := make(chan int, 16)
	x.req.Signals = out
	go func() {
		seen := make(map[syscall.Signal]bool)
		for s := range in {
			sig := s.(syscall.Signal)
			ending := sig != syscall.SIGUSR1 && sig != syscall.SIGUSR2
			if ending && (seen[sig] || !x.link.started()) {
				cancel(errSignal{sig})
				continue
			}
			seen[sig] = sig != syscall.SIGQUIT && sig != syscall.SIGHUP
			select {
			case out <- int(sig):
			default: // the guest takes none: a signal more does not matter
			}
		}
	}()
}

// useTerminal makes the user's terminal that of the program.
func (x *execution) useTerminal(t *terminal, cancel context.CancelCauseFunc) error {
	if err := t.Raw(); err != nil {
		return err
	}
	quit := func() { cancel(errQuit) }
	x.req.Stdin = &escapeReader{in: os.Stdin, quit: quit, say: t.Say}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	sizes := make(chan client.Size, 1)
	x.req.Resizes = sizes
	go func() {
		for range resized {
			if s, ok := t.Size(); ok {
				sizes <- s
			}
		}
	}()
	stopWithTerminal(t)
	return nil
}

// stopWithTerminal lets a user who stops vdev from outside have the terminal in its
// normal mode meanwhile.
func stopWithTerminal(t *terminal) {
	if t == nil {
		return
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTSTP)
	go func() {
		// A signal to the process could find another thread, and this one would run on
		// for a while; a signal to the thread stops the process before Tgkill returns.
		runtime.LockOSThread()
		for range stop {
			t.Restore()
			_ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP)
			_ = t.Raw()
		}
	}()
}
