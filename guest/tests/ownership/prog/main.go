// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs a program of package ownership in the guest:
//
//	prog NAME correct|broken
package main

import (
	"vdev/guest/tests/internal/prog"
	"vdev/guest/tests/ownership"
)

func main() { prog.Run("NAME", ownership.Run) }
