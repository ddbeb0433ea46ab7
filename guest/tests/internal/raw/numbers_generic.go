// SPDX-License-Identifier: Apache-2.0

//go:build linux && !amd64

package raw

// System calls that package syscall does not number,
// include/uapi/asm-generic/unistd.h.
const (
	sysMemfdCreate = 279
	sysGetCPU      = 168
)
