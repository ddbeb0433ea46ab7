// SPDX-License-Identifier: Apache-2.0

// Package scenarios acts out what the proposals for sharing buffers were about, with
// vdev's dma-buf core in the guest: one small program for each, in a file of its name,
// in a correct form and a broken one.
//
// The command scenario (guest/cmds/scenario) runs them. The host runs them all, with caches of all kinds, and
// compares with the table what they found and what was reported (internal/integration).
package scenarios
