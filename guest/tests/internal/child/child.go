// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package child is processes that programs of tests start of themselves, each with a
// channel to the one that started it.
package child

import (
	"errors"
	"os"
	"os/exec"

	"vdev/guest/drm"
)

// nameEnv makes a copy of the program a child.
const nameEnv = "VDEV_TEST_CHILD"

// channelFD is the descriptor of a child's end of the channel.
const channelFD = 3

// Name is which child this process is; empty if it is none.
func Name() string { return os.Getenv(nameEnv) }

// Parent is the channel to the parent, in a child.
func Parent() *drm.Channel { return drm.ChannelOf(channelFD) }

// Start runs a copy of the program as the child of that name. What it prints goes to
// standard error.
func Start(name string) (*exec.Cmd, *drm.Channel, error) {
	c, theirs, err := drm.NewChannel()
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable() // whose name reports know, unlike that of /proc/self/exe
	if err != nil {
		return nil, nil, errors.Join(err, c.Close(), theirs.Close())
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), nameEnv+"="+name)
	cmd.ExtraFiles = []*os.File{theirs} // channelFD
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return cmd, c, nil
}
