// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"vdev/guest/drm"
)

// childEnv makes a copy of the program run one of children.
const childEnv = "VDEV_SCENARIO_CHILD"

// children are what scenarios run in processes of their own. Each has a channel to its
// scenario.
func children() map[string]func(parent *drm.Channel) {
	return map[string]func(*drm.Channel){
		"readers":   readers,
		"preparing": preparing,
	}
}

// Child runs a child and ends the process, if this is one.
func Child() {
	name := os.Getenv(childEnv)
	if name == "" {
		return
	}
	run, ok := children()[name]
	if !ok {
		must(fmt.Errorf("there is no child %q", name))
	}
	run(drm.ChannelOf(3))
	os.Exit(0)
}

// start runs a child in a process of its own, until the scenario is over.
func (b *Bench) start(child string) *drm.Channel {
	cmd, c := spawn(child)
	b.later(func() error { return errors.Join(c.Close(), cmd.Wait()) })
	return c
}

// spawn runs a child in a process of its own.
func spawn(child string) (*exec.Cmd, *drm.Channel) {
	c, theirs, err := drm.NewChannel()
	must(err)
	cmd := exec.Command(get(os.Executable()))
	cmd.Env = append(os.Environ(), childEnv+"="+child)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	must(cmd.Start())
	must(theirs.Close())
	return cmd, c
}
