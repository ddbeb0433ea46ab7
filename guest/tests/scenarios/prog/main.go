// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs scenarios in the guest:
//
//	prog NAME correct|broken
//	prog all correct
//
// For each it prints one line: its name, what it counted, and "right" or "wrong". The
// status is 0, but 1 if a correct form was wrong, and 2 if something failed.
package main

import (
	"fmt"
	"os"
	"strings"

	"vdev/guest/tests/scenarios"
)

func main() {
	scenarios.Child()
	if len(os.Args) != 3 || os.Args[2] != "correct" && os.Args[2] != "broken" {
		fmt.Fprintln(os.Stderr, "usage: prog NAME correct|broken")
		os.Exit(2)
	}
	names := []string{os.Args[1]}
	if names[0] == "all" {
		names = nil
		for _, s := range scenarios.All() {
			names = append(names, s.Name)
		}
	}
	status := 0
	for _, name := range names {
		broken := os.Args[2] == "broken"
		right, notes, err := scenarios.Run(name, broken)
		if err != nil {
			fmt.Fprintf(os.Stderr, "prog: %s: %v\n", name, err)
			os.Exit(2)
		}
		word := "right"
		if !right {
			word = "wrong"
			if !broken {
				status = 1
			}
		}
		fmt.Println(strings.Join(append(append([]string{name}, notes...), word), " "))
	}
	os.Exit(status)
}
