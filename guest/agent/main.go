// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Vdev-agent runs programs in the guest for the host's "vdev exec". It talks
// the protocol of package wire over the virtio-console port "vdev.agent".
//
// Started by the kernel (rdinit=/bin/vdev-agent) it is init: it mounts what
// programs expect, runs what the host asks for, and powers the machine off
// when the host says Done or goes away. Started by hand or from another init
// it only serves, and exits where init would power off.
//
// Called sh it runs u-root's shell, see provideSh.
//
// Its start-up is part of every run, so it avoids what is slow to
// initialise: no fmt, no net, no flag.
package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"vdev/guest/wire"
)

func main() {
	isInit := os.Getpid() == 1
	if !isInit && filepath.Base(os.Args[0]) == "sh" {
		runShell()
	}
	cfg := config{progDir: "/tmp/vdev-exec", dir: "/tmp", env: defaultEnv(), killAll: isInit}
	if isInit {
		setUpSystem()
	}
	err := run(cfg)
	if err != nil {
		complain(err.Error())
	}
	if isInit {
		powerOff()
	}
	if err != nil {
		os.Exit(1)
	}
}

// run serves the host until it is done.
func run(cfg config) error {
	port, err := openPort()
	if err != nil {
		return err
	}
	defer port.Close()
	err = serve(port, cfg)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the host closed port " + wire.PortName)
	}
	return err
}

// complain writes one line about a failure to the console.
func complain(text string) {
	os.Stderr.WriteString("vdev-agent: " + text + "\n")
}

// powerOff ends the machine. It does not return.
func powerOff() {
	syscall.Sync()
	err := syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	complain("power off: " + err.Error())
	for {
		syscall.Pause()
	}
}
