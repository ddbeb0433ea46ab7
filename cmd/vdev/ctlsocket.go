// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ctlVariable names the socket that "vdev ctl" uses if no flag does.
const ctlVariable = "VDEV_CTL"

const socketSuffix = ".sock"

// socketDir is where the sockets of the user's machines are: in the directory that
// the system makes for such things, or else in one of our own for temporary files. The
// variable may name none, or that of the user who called sudo.
func socketDir() string {
	var st unix.Stat_t
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if filepath.IsAbs(dir) && unix.Stat(dir, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == os.Geteuid() {
		return filepath.Join(dir, "vdev")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("vdev-%d", os.Geteuid()))
}

// checkSocketDir makes sure that nobody else has put the directory there, or can
// write to it.
func checkSocketDir(dir string) error {
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fmt.Errorf("%s is not a directory", dir)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to somebody else", dir)
	case st.Mode&0o077 != 0:
		return fmt.Errorf("%s is open to others; its mode must be 700", dir)
	}
	return nil
}

// listenByPID makes the socket at which this process is found without a flag.
func listenByPID() (*net.UnixListener, error) {
	dir := socketDir()
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if err := checkSocketDir(dir); err != nil {
		return nil, err
	}
	if _, err := liveSockets(); err != nil { // removes what processes of old left
		return nil, err
	}
	return listenAt(filepath.Join(dir, strconv.Itoa(os.Getpid())+socketSuffix))
}

// listenAt makes a socket that only the user can connect to. It takes the place of
// one that nobody listens at any more.
func listenAt(name string) (*net.UnixListener, error) {
	st, err := os.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, plain(err)
	case st.Mode().Type() != os.ModeSocket:
		return nil, errors.New("is there already, and is not a socket")
	case answers(name) == nil:
		return nil, errors.New("belongs to a machine that runs")
	default:
		if err := os.Remove(name); err != nil {
			return nil, plain(err)
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		// The socket's file gets this mode when it is bound, so it is never open to others.
		if e := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); e != nil {
			return e
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "unix", name)
	if err != nil {
		return nil, socketError(name, err)
	}
	return l.(*net.UnixListener), nil
}

// socketError is what is wrong with a socket, without what the message says anyway.
func socketError(name string, err error) error {
	var errno syscall.Errno
	switch {
	case len(name) > len(unix.RawSockaddrUnix{}.Path)-1:
		return fmt.Errorf("a socket's name has at most %d bytes", len(unix.RawSockaddrUnix{}.Path)-1)
	case errors.As(err, &errno):
		return errno
	}
	return err
}

// answers connects to a socket, to see whether somebody listens.
func answers(name string) error {
	conn, err := net.Dial("unix", name)
	if err == nil {
		conn.Close()
	}
	return err
}

// liveSockets are the sockets of the user's machines. Those of processes that are no
// more are removed.
func liveSockets() ([]string, error) {
	dir := socketDir()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = checkSocketDir(dir)
	}
	if err != nil {
		return nil, err
	}
	var live []string
	for _, e := range entries {
		pid, ok := strings.CutSuffix(e.Name(), socketSuffix)
		n, err := strconv.Atoi(pid)
		if !ok || err != nil || e.Type() != os.ModeSocket {
			continue
		}
		name := filepath.Join(dir, e.Name())
		switch err := answers(name); {
		case err == nil:
			live = append(live, name)
		case errors.Is(err, syscall.ECONNREFUSED) && errors.Is(syscall.Kill(n, 0), syscall.ESRCH):
			_ = os.Remove(name) // somebody else may have been quicker
		}
	}
	return live, nil
}

// openCtl makes the control socket that the flags ask for. If nobody asked, it is one
// that "vdev ctl" finds by itself, without which the run can do: then say tells what
// is wrong.
func (f *machineFlags) openCtl(c *control, unasked bool, say func(line string)) (*ctlServer, error) {
	var l *net.UnixListener
	var err error
	switch {
	case f.ctl != "":
		if l, err = listenAt(f.ctl); err != nil {
			return nil, fmt.Errorf("control socket %s: %w", f.ctl, err)
		}
	case unasked:
		if l, err = listenByPID(); err != nil {
			say("vdev: no control socket: " + err.Error())
			return nil, nil
		}
	default:
		return nil, nil
	}
	return newCtlServer(l, c), nil
}
