// SPDX-License-Identifier: Apache-2.0

package raw

// System calls that package syscall does not number on amd64,
// arch/x86/entry/syscalls/syscall_64.tbl.
const (
	sysMemfdCreate = 319
	sysGetCPU      = 309
)
