// SPDX-License-Identifier: Apache-2.0

// Gen writes the C headers; "go generate ./ioctl" runs it in the directory of
// package ioctl.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"vdev/ioctl/cheader"
)

func main() {
	for _, h := range cheader.Headers() {
		text, err := cheader.Generate(".", h)
		if err == nil {
			err = os.WriteFile(filepath.Join("..", h.Output), text, 0o644)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}
