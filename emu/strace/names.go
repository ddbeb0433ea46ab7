// SPDX-License-Identifier: Apache-2.0

package strace

import "vdev/ioctl"

// otherName is the name of a request that has nothing to do with buffers but that
// every shell makes; empty if it is none of these. They are those of
// include/uapi/asm-generic/ioctls.h, linux/fs.h and linux/sockios.h.
func otherName(r ioctl.Request) string {
	switch r {
	case 0x5401:
		return "TCGETS"
	case 0x5402:
		return "TCSETS"
	case 0x5403:
		return "TCSETSW"
	case 0x5404:
		return "TCSETSF"
	case 0x5409:
		return "TCSBRK"
	case 0x540b:
		return "TCFLSH"
	case 0x540e:
		return "TIOCSCTTY"
	case 0x540f:
		return "TIOCGPGRP"
	case 0x5410:
		return "TIOCSPGRP"
	case 0x5411:
		return "TIOCOUTQ"
	case 0x5413:
		return "TIOCGWINSZ"
	case 0x5414:
		return "TIOCSWINSZ"
	case 0x541b:
		return "FIONREAD"
	case 0x5421:
		return "FIONBIO"
	case 0x5422:
		return "TIOCNOTTY"
	case 0x5429:
		return "TIOCGSID"
	case 0x5450:
		return "FIONCLEX"
	case 0x5451:
		return "FIOCLEX"
	case 0x80045430:
		return "TIOCGPTN"
	case 0x40045431:
		return "TIOCSPTLCK"
	case 0x5441:
		return "TIOCGPTPEER"
	case 0x802c542a:
		return "TCGETS2"
	case 0x402c542b:
		return "TCSETS2"
	case 0x402c542c:
		return "TCSETSW2"
	case 0x402c542d:
		return "TCSETSF2"
	case 0x8913:
		return "SIOCGIFFLAGS"
	case 0x8914:
		return "SIOCSIFFLAGS"
	case 0x8927:
		return "SIOCGIFHWADDR"
	case 0x8933:
		return "SIOCGIFINDEX"
	case 0x1260:
		return "BLKGETSIZE"
	case 0x1261:
		return "BLKFLSBUF"
	case 0x1268:
		return "BLKSSZGET"
	case 0x80081272:
		return "BLKGETSIZE64"
	case 0x80086601:
		return "FS_IOC_GETFLAGS"
	case 0x40049409:
		return "FICLONE"
	}
	return ""
}
