// SPDX-License-Identifier: Apache-2.0

// Package linux reads Linux's own objects out of guest memory, from outside the
// guest: which file a file descriptor is, which dma-buf a file is.
//
// The kernel's type information (BTF) says where in its structures things are, so
// nothing here depends on a version or a configuration. What is read may be in any
// state, as the guest was stopped between two instructions, and it may be garbage or
// lead in circles: every walk is bounded, and whoever reads is told when something
// did not make sense.
package linux
