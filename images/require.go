// SPDX-License-Identifier: Apache-2.0

package images

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// requirement is something the build needs from the system: a program, or a file
// if the name is a path, and the Debian package that brings it.
type requirement struct {
	name string
	deb  string
}

// kernelRequirements are what the kernel build needs.
func kernelRequirements() []requirement {
	return []requirement{
		{"make", "make"},
		{"gcc", "gcc"},
		{"/usr/include/stdio.h", "libc6-dev"},
		{crossPrefix + "gcc", "gcc-riscv64-linux-gnu"},
		{"flex", "flex"},
		{"bison", "bison"},
		{"bc", "bc"},
		{"/usr/include/gelf.h", "libelf-dev"},
		{"/usr/include/openssl/opensslv.h", "libssl-dev"},
		{"pahole", "dwarves"},
		{"patch", "patch"},
		{"tar", "tar"},
		{"xz", "xz-utils"},
	}
}

// debRequirements are what fetching a Debian package needs.
func debRequirements() []requirement {
	return []requirement{
		{"apt-get", "apt"},
		{"apt-cache", "apt"},
		{"apt-config", "apt"},
		{"dpkg-deb", "dpkg"},
	}
}

// Missing returns the Debian packages that building an image needs and that are
// not installed, sorted.
func Missing() []string {
	return missingDebs(slices.Concat(kernelRequirements(), debRequirements()))
}

func missingDebs(reqs []requirement) []string {
	var debs []string
	for _, r := range reqs {
		var err error
		if strings.HasPrefix(r.name, "/") {
			_, err = os.Stat(r.name)
		} else {
			_, err = exec.LookPath(r.name)
		}
		if err != nil && !slices.Contains(debs, r.deb) {
			debs = append(debs, r.deb)
		}
	}
	slices.Sort(debs)
	return debs
}

// require fails with the command that installs what is missing.
func require(reqs []requirement) error {
	debs := missingDebs(reqs)
	if len(debs) == 0 {
		return nil
	}
	sudo := "sudo "
	if os.Geteuid() == 0 {
		sudo = ""
	}
	return fmt.Errorf("tools are missing, install them with: %sapt-get install -y %s", sudo, strings.Join(debs, " "))
}
