// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	errEmpty     = errors.New("the file is empty")
	errTruncated = errors.New("the file is truncated; build or download it again")
	errNotKernel = errors.New("not a RISC-V Linux Image, compressed Image or ELF file")
)

// The header of a RISC-V Image (Linux, Documentation/arch/riscv/boot-image-header.rst).
// All fields are little-endian.
const (
	imageHeaderSize = 64
	imageTextOffset = 8
	imageSize       = 16
	imageFlags      = 24
	imageMagic      = 48 // "RISCV", 8 bytes, deprecated
	imageMagic2     = 56 // "RSC\x05", 4 bytes

	imageFlagBigEndian = 1

	// imageAlign is what Linux maps itself with: Sv39 megapages.
	imageAlign = 2 << 20
	// maxImageSpan bounds what a header may ask for.
	maxImageSpan = 1 << 32
)

func isImage(data []byte) bool {
	return len(data) >= imageHeaderSize &&
		(string(data[imageMagic2:imageMagic2+4]) == "RSC\x05" || string(data[imageMagic:imageMagic+8]) == "RISCV\x00\x00\x00")
}

func loadImage(data []byte) (*Kernel, error) {
	if !isImage(data) {
		if what := foreign(data); what != "" {
			return nil, fmt.Errorf("this is %s; a RISC-V kernel is needed", what)
		}
		return nil, errNotKernel
	}
	le := binary.LittleEndian
	offset, size, flags := le.Uint64(data[imageTextOffset:]), le.Uint64(data[imageSize:]), le.Uint64(data[imageFlags:])
	switch {
	case flags&imageFlagBigEndian != 0:
		return nil, errors.New("this is a big-endian kernel; the harts are little-endian")
	case size == 0 || size > maxImageSpan:
		return nil, fmt.Errorf("its header claims an image of %d bytes; the file is damaged", size)
	case offset%imageAlign != 0 || offset > maxImageSpan:
		return nil, fmt.Errorf("its header claims a load offset of %#x; the file is damaged", offset)
	}
	// The size counts .bss, which the file lacks; but tools append to images.
	seg := Segment{Data: data, MemSize: max(size, uint64(len(data)))}
	return &Kernel{Kind: KindImage, Segments: []Segment{seg}, TextOffset: offset}, nil
}

// foreign names formats that are sure not to run here, or returns "".
func foreign(data []byte) string {
	at := func(off int, magic string) bool {
		return len(data) >= off && bytes.HasPrefix(data[off:], []byte(magic))
	}
	switch {
	case at(0x38, "ARM\x64"):
		return "an arm64 kernel"
	case at(0x202, "HdrS"):
		return "an x86 kernel"
	case at(0x24, "\x18\x28\x6f\x01"):
		return "a 32-bit ARM kernel"
	case at(0, "\x27\x05\x19\x56"):
		return "a U-Boot image"
	case at(0, "\xd0\x0d\xfe\xed"):
		return "a device tree blob or FIT image"
	case at(0, "MZ"):
		return "an EFI or Windows program"
	case at(0, "070701"), at(0, "070702"):
		return "a cpio archive"
	case at(0, "!<arch>\n"):
		return "an archive or Debian package"
	case at(0, "#!"):
		return "a script"
	case at(0x8001, "CD001"):
		return "a CD image"
	}
	return ""
}
