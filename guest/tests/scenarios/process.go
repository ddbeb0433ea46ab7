// SPDX-License-Identifier: Apache-2.0

//go:build linux

package scenarios

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"vdev/guest/drm"
	"vdev/guest/tests/internal/child"
)

// children are what scenarios run in processes of their own. Each has a channel to its
// scenario.
func children() map[string]func(parent *drm.Channel) {
	return map[string]func(*drm.Channel){
		"readers":   readers,
		"preparing": preparing,
	}
}

// runChild runs a child and ends the process, if this is one.
func runChild() {
	name := child.Name()
	if name == "" {
		return
	}
	run, ok := children()[name]
	if !ok {
		must(fmt.Errorf("there is no child %q", name))
	}
	run(child.Parent())
	os.Exit(0)
}

// start runs a child in a process of its own, until the scenario is over.
func (b *Bench) start(name string) *drm.Channel {
	cmd, c := spawn(name)
	b.later(func() error { return errors.Join(c.Close(), cmd.Wait()) })
	return c
}

// spawn runs a child in a process of its own.
func spawn(name string) (*exec.Cmd, *drm.Channel) {
	cmd, c, err := child.Start(name)
	must(err)
	return cmd, c
}
