// SPDX-License-Identifier: Apache-2.0

package dmabuf

import "strconv"

// Errno is what an operation fails with. The numbers are those of Linux
// (include/uapi/asm-generic/errno*.h) on every host, because guests see them. Every
// error that this package returns is an Errno.
type Errno uint8

// The errors that occur; each function says when.
const (
	EPERM       Errno = 1
	EINTR       Errno = 4
	EBADF       Errno = 9
	EAGAIN      Errno = 11
	ENOMEM      Errno = 12
	EBUSY       Errno = 16
	EEXIST      Errno = 17
	EINVAL      Errno = 22
	ENFILE      Errno = 23
	ENOSPC      Errno = 28
	EDEADLK     Errno = 35
	ETIMEDOUT   Errno = 110
	EALREADY    Errno = 114
	EINPROGRESS Errno = 115
	ECANCELED   Errno = 125
	EOWNERDEAD  Errno = 130
)

// String is the symbol, as in errno.h.
func (e Errno) String() string {
	switch e {
	case EPERM:
		return "EPERM"
	case EINTR:
		return "EINTR"
	case EBADF:
		return "EBADF"
	case EAGAIN:
		return "EAGAIN"
	case ENOMEM:
		return "ENOMEM"
	case EBUSY:
		return "EBUSY"
	case EEXIST:
		return "EEXIST"
	case EINVAL:
		return "EINVAL"
	case ENFILE:
		return "ENFILE"
	case ENOSPC:
		return "ENOSPC"
	case EDEADLK:
		return "EDEADLK"
	case ETIMEDOUT:
		return "ETIMEDOUT"
	case EALREADY:
		return "EALREADY"
	case EINPROGRESS:
		return "EINPROGRESS"
	case ECANCELED:
		return "ECANCELED"
	case EOWNERDEAD:
		return "EOWNERDEAD"
	}
	return "errno " + strconv.Itoa(int(e))
}

// Error is the symbol.
func (e Errno) Error() string { return e.String() }
