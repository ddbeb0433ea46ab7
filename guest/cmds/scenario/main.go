// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Scenario acts out what the proposals for sharing buffers were about:
//
//	scenario NAME[,NAME...] correct|broken
//	scenario all correct
//
// For each it prints one line: its name, what it counted, and "right" or "wrong". The
// status is 0, but 1 if a correct form was wrong, and 2 if something failed.
package main

import "vdev/guest/tests/scenarios"

func main() { scenarios.Main() }
