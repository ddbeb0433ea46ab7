// SPDX-License-Identifier: Apache-2.0

// Package coherency has a pair of guest programs for each rule of the sanitizer
// that concerns cache lines: one that breaks the rule, and its twin that differs in
// one place and keeps it. They drive the DMA tester through its driver, so that each
// step of the DMA API is a line of the program.
//
// Program prog runs one of them. The package has no tests of its own that need the
// sanitizer: the host compares its verdict with the table (emu/coherencytest).
package coherency
