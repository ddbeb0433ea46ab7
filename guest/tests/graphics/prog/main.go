// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs programs of package graphics in the guest:
//
//	prog NAME correct|broken
//	prog all correct
//
// For each it prints one line with its name and what it found: "right" or "wrong"
// pixels. The status is 0, but 1 if a correct program found wrong pixels, and 2 if it
// could not run.
package main

import (
	"fmt"
	"os"

	"vdev/guest/tests/graphics"
)

func main() {
	graphics.Child()
	if len(os.Args) != 3 || os.Args[2] != "correct" && os.Args[2] != "broken" {
		fmt.Fprintln(os.Stderr, "usage: prog NAME correct|broken")
		os.Exit(2)
	}
	names := []string{os.Args[1]}
	if names[0] == "all" {
		names = nil
		for _, p := range graphics.Pairs() {
			names = append(names, p.Name)
		}
	}
	status := 0
	for _, name := range names {
		broken := os.Args[2] == "broken"
		right, err := graphics.Run(name, broken)
		if err != nil {
			fmt.Fprintf(os.Stderr, "prog: %s: %v\n", name, err)
			os.Exit(2)
		}
		word := "right"
		if !right {
			word = "wrong"
		}
		fmt.Println(name, word)
		if !right && !broken {
			status = 1
		}
	}
	os.Exit(status)
}
