// SPDX-License-Identifier: Apache-2.0

// Gen writes the tables of package ioctl; "go generate ./ioctl" runs it in the
// directory of that package.
package main

import (
	"fmt"
	"os"

	"vdev/ioctl/tablegen"
)

func main() {
	text, err := tablegen.Generate(".")
	if err == nil {
		err = os.WriteFile(tablegen.Output, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}
