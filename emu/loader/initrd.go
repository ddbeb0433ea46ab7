// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// MaxInitrd is the largest initramfs, in bytes, that is taken.
const MaxInitrd = 1 << 30

// CheckInitrd tells whether Linux can unpack the contents of an initramfs file: a
// cpio archive of the "newc" kind, plain (which is walked to its end) or in a
// compression that the kernel knows (which is not looked into).
func CheckInitrd(name string, data []byte) error {
	if err := checkInitrd(data); err != nil {
		return fmt.Errorf("initrd %s: %w", name, err)
	}
	return nil
}

func checkInitrd(data []byte) error {
	if len(data) == 0 {
		return errEmpty
	}
	if c := findCodec(data); c != nil {
		if !c.kernel {
			return fmt.Errorf("the %s format is not one that Linux unpacks; compress it with lz4 -l", c.name)
		}
		return nil
	}
	// The kernel skips zero words before and between archives.
	for len(data) >= 4 && bytes.Equal(data[:4], []byte{0, 0, 0, 0}) {
		data = data[4:]
	}
	if !isCpio(data) {
		return errors.New("not an initramfs; give a cpio archive (newc), plain or compressed")
	}
	return walkCpio(data)
}

// A newc header is a 6-byte magic number and 13 numbers of 8 hexadecimal digits
// (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
const (
	cpioHeaderSize = 6 + 13*8
	cpioFileSize   = 6 + 6*8
	cpioNameSize   = 6 + 11*8
	cpioTrailer    = "TRAILER!!!\x00"
)

func isCpio(data []byte) bool {
	return bytes.HasPrefix(data, []byte("070701")) || bytes.HasPrefix(data, []byte("070702"))
}

// walkCpio follows the entries to the trailer or the end. What comes after the
// trailer may be another archive, and is the kernel's business.
func walkCpio(data []byte) error {
	for rest := data; ; {
		if len(rest) < cpioHeaderSize {
			return errTruncated
		}
		if !isCpio(rest) {
			return fmt.Errorf("the cpio archive is damaged at byte %d", len(data)-len(rest))
		}
		hex := func(at int) (uint64, error) { return strconv.ParseUint(string(rest[at:at+8]), 16, 32) }
		fileSize, err1 := hex(cpioFileSize)
		nameSize, err2 := hex(cpioNameSize)
		if err1 != nil || err2 != nil || nameSize == 0 {
			return fmt.Errorf("the cpio archive is damaged at byte %d", len(data)-len(rest))
		}
		body := (cpioHeaderSize + nameSize + 3) &^ 3
		end := (body + fileSize + 3) &^ 3
		if body+fileSize > uint64(len(rest)) {
			return errTruncated
		}
		if string(rest[cpioHeaderSize:cpioHeaderSize+nameSize]) == cpioTrailer {
			return nil
		}
		if end >= uint64(len(rest)) { // no trailer: the kernel does not insist on one
			return nil
		}
		rest = rest[end:]
	}
}
