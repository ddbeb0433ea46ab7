// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs programs of package coherency in the guest:
//
//	prog NAME correct|broken
//	prog all correct
//
// For each it prints one line with its name and what it found: "right" or "wrong"
// bytes, and where its buffer is. The status is 0, but 1 if a correct program found wrong bytes, and 2 if
// it could not run.
package main

import (
	"fmt"

	"vdev/guest/tests/coherency"
	"vdev/guest/tests/internal/prog"
)

func main() {
	var names []string
	for _, p := range coherency.Pairs() {
		names = append(names, p.Name)
	}
	prog.Main(names, func(name string, broken bool) (bool, error) {
		r, err := coherency.Run(name, broken)
		if err == nil {
			fmt.Printf("%s %s %#x %d\n", name, prog.Word(r.Right), r.Phys, r.Size)
		}
		return r.Right, err
	})
}
