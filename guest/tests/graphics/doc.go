// SPDX-License-Identifier: Apache-2.0

// Package graphics has guest programs that share buffers between the CPU, the 2D
// engine, the display and other processes, with Linux's own drivers and nothing but
// dma-bufs: programs that do everything right and, where one call can be left out or
// misplaced, their broken twins. Another table has programs that do everything right
// and fall over a bug of Linux.
//
// Program prog runs one of them. The tests of the package run the correct ones, and what
// needs no sanitizer; the host compares its verdict with the tables
// (internal/integration).
package graphics
