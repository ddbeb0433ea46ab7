// SPDX-License-Identifier: Apache-2.0

// Package ioctl is the guest-visible ABI of vdev's own kernel drivers, declared
// once: request numbers, structures, and the values in them. Guest programs use it
// as it is; the C headers that the drivers compile against are generated from it
// (package cheader).
//
// Structures are little-endian with explicit padding, so that they mean the same on
// both sides. Constants have the names that C gives them.
package ioctl

//go:generate go run ./cheader/gen
