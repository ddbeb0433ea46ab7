// SPDX-License-Identifier: Apache-2.0

//go:build linux

package drm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Channel is one end of a connection between two processes over which buffers and
// fences can be passed.
type Channel struct{ file *os.File }

// NewChannel makes a connection. The second end is for another process: as one of
// exec.Cmd's ExtraFiles, from which it makes a Channel with ChannelOf.
func NewChannel() (*Channel, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return &Channel{os.NewFile(uintptr(fds[0]), "channel")}, os.NewFile(uintptr(fds[1]), "channel"), nil
}

// ChannelOf makes a Channel of a socket's file descriptor.
func ChannelOf(fd int) *Channel { return &Channel{os.NewFile(uintptr(fd), "channel")} }

// Close closes this end.
func (c *Channel) Close() error { return c.file.Close() }

// Send sends a message, as JSON, and copies of file descriptors (SCM_RIGHTS).
func (c *Channel) Send(message any, fds ...int) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(int(c.file.Fd()), text, rights, nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// Receive waits for a message and returns the file descriptors that came with it. The
// error is io.EOF when the other end is closed.
func (c *Channel) Receive(message any) ([]int, error) {
	const most = 16
	text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*most))
	var n, nr int
	for {
		var err error
		n, nr, _, _, err = unix.Recvmsg(int(c.file.Fd()), text, rights, unix.MSG_CMSG_CLOEXEC)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("receive: %w", err)
		}
	}
	if n == 0 {
		return nil, io.EOF
	}
	parts, err := unix.ParseSocketControlMessage(rights[:nr])
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	var fds []int
	for i := range parts {
		some, err := unix.ParseUnixRights(&parts[i])
		if err != nil {
			return nil, fmt.Errorf("receive: %w", err)
		}
		fds = append(fds, some...)
	}
	return fds, json.Unmarshal(text[:n], message)
}

// File is the socket, to pass it to another process.
func (c *Channel) File() *os.File { return c.file }
