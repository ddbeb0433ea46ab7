// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// defaultEnv is the environment of a program before the host's additions.
func defaultEnv() []string {
	return []string{
		"PATH=/bbin:/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin",
		"HOME=/root",
		"USER=root",
		"TMPDIR=/tmp",
		"TERM=linux",
	}
}

// mount is one file system that programs expect.
type mount struct {
	fstype, target string
	flags          uintptr
	data           string
	optional       bool // a kernel without it is no fault
}

// mounts lists the file systems in the order in which they are mounted.
func mounts() []mount {
	const quiet = syscall.MS_NOSUID | syscall.MS_NODEV
	return []mount{
		{fstype: "proc", target: "/proc", flags: quiet | syscall.MS_NOEXEC},
		{fstype: "sysfs", target: "/sys", flags: quiet | syscall.MS_NOEXEC},
		{fstype: "devtmpfs", target: "/dev", flags: syscall.MS_NOSUID, data: "mode=0755"},
		{fstype: "devpts", target: "/dev/pts", flags: syscall.MS_NOSUID | syscall.MS_NOEXEC, data: "mode=0620,ptmxmode=0666", optional: true},
		{fstype: "tmpfs", target: "/dev/shm", flags: quiet, data: "mode=1777"},
		{fstype: "tmpfs", target: "/tmp", flags: quiet, data: "mode=1777"},
		{fstype: "tmpfs", target: "/run", flags: quiet, data: "mode=0755"},
		{fstype: "debugfs", target: "/sys/kernel/debug", optional: true},
	}
}

// link is a symbolic link that programs expect.
type link struct{ name, to string }

// setUpSystem does init's part. What fails is said on the console, and the
// rest goes on: most programs need little of it.
func setUpSystem() {
	for _, m := range mounts() {
		if err := m.do(); err != nil {
			complain("mount " + m.target + ": " + err.Error())
		}
	}
	for _, l := range []link{
		{"/dev/fd", "/proc/self/fd"},
		{"/dev/stdin", "/proc/self/fd/0"},
		{"/dev/stdout", "/proc/self/fd/1"},
		{"/dev/stderr", "/proc/self/fd/2"},
	} {
		if err := l.do(); err != nil {
			complain("link " + l.name + ": " + err.Error())
		}
	}
	if err := provideSh(); err != nil {
		complain("provide /bin/sh: " + err.Error())
	}
	// HOME of what runs here.
	if err := os.MkdirAll("/root", 0o700); err != nil {
		complain(err.Error())
	}
	if err := syscall.Sethostname([]byte("vdev")); err != nil {
		complain("set the host name: " + err.Error())
	}
	if err := loopbackUp(); err != nil {
		complain("bring interface lo up: " + err.Error())
	}
	for _, err := range loadModules(modulesDir, unix.FinitModule) {
		complain(err.Error())
	}
}

// provideSh makes /bin/sh the agent, which then runs gosh. A link to gosh does
// not do: that program looks up its argv[0], finds no command "sh", and fails
// for everybody who starts sh by its bare name. A shell of its own stays.
func provideSh() error {
	const sh = "/bin/sh"
	if _, err := os.Stat(gosh); err != nil {
		return nil
	}
	if to, err := os.Readlink(sh); err == nil && filepath.Base(to) == "gosh" {
		if err := os.Remove(sh); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return link{sh, self}.do()
}

// do mounts m unless something is mounted there already.
func (m mount) do() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil && !m.optional {
		return err
	}
	err := syscall.Mount(m.fstype, m.target, m.fstype, m.flags, m.data)
	if err == syscall.EBUSY || err != nil && m.optional {
		return nil
	}
	return err
}

// do makes the link unless its name exists or there is nothing to link to.
func (l link) do() error {
	if _, err := os.Lstat(l.name); err == nil {
		return nil
	}
	if _, err := os.Stat(filepath.Dir(l.to)); err != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.name), 0o755); err != nil {
		return err
	}
	return os.Symlink(l.to, l.name)
}

// loopbackUp sets interface lo up with one rtnetlink request, see
// include/uapi/linux/rtnetlink.h. A kernel without networking is no fault.
func loopbackUp() error {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	const (
		size  = syscall.SizeofNlMsghdr + syscall.SizeofIfInfomsg
		loIdx = 1 // the first interface of every network namespace
	)
	req := [size]byte{
		0: size, // nlmsg_len, below 256
		4: syscall.RTM_NEWLINK,
		6: syscall.NLM_F_REQUEST, // no ACK asked for: nothing to read
		// ifinfomsg: index at 4, flags at 8, change mask at 12
		syscall.SizeofNlMsghdr + 4:  loIdx,
		syscall.SizeofNlMsghdr + 8:  syscall.IFF_UP,
		syscall.SizeofNlMsghdr + 12: syscall.IFF_UP,
	}
	return syscall.Sendto(fd, req[:], 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK})
}
