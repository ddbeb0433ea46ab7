// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import "testing"

func TestConsoleSize(t *testing.T) {
	for _, tc := range []struct {
		cmdline    string
		cols, rows uint16
	}{
		{"", 80, 24},
		{"console=ttyS0 vdev.winsize=132x43 quiet\n", 132, 43},
		{"vdev.winsize=100x30 vdev.winsize=90x20", 90, 20},
		{"vdev.winsize=0x0", 80, 24},
		{"vdev.winsize=132", 80, 24},
		{"vdev.winsize=x", 80, 24},
		{"vdev.winsize=99999x24", 80, 24},
		{"vdev.winsize=-1x24", 80, 24},
		{"xvdev.winsize=132x43", 80, 24},
	} {
		if c, r := consoleSize(tc.cmdline); c != tc.cols || r != tc.rows {
			t.Errorf("consoleSize(%q) = %dx%d, want %dx%d", tc.cmdline, c, r, tc.cols, tc.rows)
		}
	}
}
