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
	"strings"

	"vdev/guest/tests/internal/prog"
	"vdev/guest/tests/scenarios"
)

func main() {
	scenarios.Child()
	var names []string
	for _, s := range scenarios.All() {
		line := s.Name
		if len(s.Flags) > 0 {
			line += " (vdev exec " + strings.Join(s.Flags, " ") + ")"
		}
		names = append(names, line)
	}
	prog.Main(names, func(name string, broken bool) (bool, error) {
		right, notes, err := scenarios.Run(name, broken)
		if err == nil {
			fmt.Println(strings.Join(append(append([]string{name}, notes...), prog.Word(right)), " "))
		}
		return right, err
	})
}
