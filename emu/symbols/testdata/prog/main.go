// SPDX-License-Identifier: Apache-2.0

// Prog is a program to find one's way in.
package main

import "os"

//go:noinline
func outer(n int) int {
	return middle(n) + 1
}

//go:noinline
func middle(n int) int {
	var pad [40]int
	for i := range pad {
		pad[i] = n + i
	}
	return inner(pad[n&7]) + pad[3]
}

func inlined(n int) int { return n * 3 } // inlined here

//go:noinline
func inner(n int) int {
	return inlined(n) ^ len(os.Args) // calls inlined
}

func main() { os.Exit(outer(len(os.Args))) }
