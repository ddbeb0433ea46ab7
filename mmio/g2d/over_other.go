// SPDX-License-Identifier: Apache-2.0

//go:build !amd64

package g2d

// overMost is for hosts that can do several pixels at a time.
func overMost(_, _ []uint32) int { return 0 }
