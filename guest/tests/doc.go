// SPDX-License-Identifier: Apache-2.0

// Package tests holds programs-in-miniature that run inside the guest and
// check that Linux on the emulated machine behaves as Linux does:
//
//	GOOS=linux GOARCH=riscv64 go test -exec 'vdev exec' ./guest/tests/...
//
// They expect nothing of vdev. On any other Linux host they pass as well
// (what is about RISC-V itself is left out), which shows that their
// expectations are Linux's and not the emulator's.
package tests
