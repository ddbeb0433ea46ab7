// SPDX-License-Identifier: Apache-2.0

// Gen writes the page about all ioctls; "go generate ./ioctl" runs it in the directory
// of package ioctl.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"vdev/ioctl/docgen"
)

func main() {
	text, err := docgen.Generate(".", docgen.Page())
	if err == nil {
		err = os.WriteFile(filepath.Join("..", docgen.Output), text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
