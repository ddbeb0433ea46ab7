// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Prog runs a program of package mappings in the guest:
//
//	prog CODE correct|broken
package main

import (
	"vdev/guest/tests/internal/prog"
	"vdev/guest/tests/mappings"
)

func main() { prog.Run("CODE", mappings.Run) }
