// SPDX-License-Identifier: Apache-2.0

// Package symbols tells what a hart was doing: which task, which functions, which
// lines of source, in the kernel and in the program that called it. It knows Linux
// on riscv64 from the outside and needs no help from the guest.
//
// There are two halves. Capture (stack.go) is cheap and needs no symbols: it walks
// the kernel's frame pointers and finds the user's registers where the kernel's
// entry code saved them. Everything else (Kernel, Program, Resolver) turns what was
// captured into names, and is loaded when it is first asked for.
package symbols
