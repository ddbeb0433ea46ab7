// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs a program of package ownership in the guest:
//
//	prog NAME correct|broken
package main

import (
	"fmt"
	"os"

	"vdev/guest/tests/ownership"
)

func main() {
	if len(os.Args) != 3 || os.Args[2] != "correct" && os.Args[2] != "broken" {
		fmt.Fprintln(os.Stderr, "usage: prog NAME correct|broken")
		os.Exit(2)
	}
	if err := ownership.Run(os.Args[1], os.Args[2] == "broken"); err != nil {
		fmt.Fprintln(os.Stderr, "prog:", err)
		os.Exit(1)
	}
}
