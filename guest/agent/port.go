// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"errors"
	"os"
	"strings"
	"time"

	"vdev/guest/wire"
)

const (
	portsDir     = "/sys/class/virtio-ports"
	unnamedPort  = "vport0p1"      // stands in where the host names no port
	unnamedAfter = 2 * time.Second // names arrive a moment after the port
	portTimeout  = 20 * time.Second
)

// openPort opens the agent's port. The kernel learns of ports and their names
// by messages from the device, some time after init starts.
func openPort() (*os.File, error) {
	start, pause := time.Now(), time.Millisecond
	for {
		waited := time.Since(start)
		if name := findPort(waited >= unnamedAfter); name != "" {
			f, err := os.OpenFile("/dev/"+name, os.O_RDWR, 0)
			if err == nil || !errors.Is(err, os.ErrNotExist) {
				return f, err
			}
		}
		if waited > portTimeout {
			return nil, errors.New("no virtio-console port named " + wire.PortName)
		}
		time.Sleep(pause)
		pause = min(2*pause, 20*time.Millisecond)
	}
}

// findPort returns the device name of the agent's port, or "".
func findPort(acceptUnnamed bool) string {
	dir, err := os.Open(portsDir)
	if err != nil {
		return ""
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return ""
	}
	unnamed := ""
	for _, e := range entries {
		b, err := os.ReadFile(portsDir + "/" + e + "/name")
		name := strings.TrimSpace(string(b))
		if err == nil && name == wire.PortName {
			return e
		}
		if name == "" && e == unnamedPort {
			unnamed = e
		}
	}
	if acceptUnnamed {
		return unnamed
	}
	return ""
}
