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

	"vdev/guest/tests/graphics"
	"vdev/guest/tests/internal/prog"
)

func main() {
	graphics.Child()
	var names []string
	for _, p := range graphics.Pairs() {
		names = append(names, p.Name)
	}
	prog.Main(names, func(name string, broken bool) (bool, error) {
		right, err := graphics.Run(name, broken)
		if err == nil {
			fmt.Println(name, prog.Word(right))
		}
		return right, err
	})
}
