// SPDX-License-Identifier: Apache-2.0

// Package loader takes apart the files that a machine boots from (kernel,
// firmware, initramfs) and decides where in RAM they go. It moves no bytes into
// the machine: it says what belongs where.
//
// Files are untrusted. Every error is one line that names the file and says what
// is wrong with it, fit to be shown as it is.
package loader

import (
	"fmt"

	"vdev/mmio"
)

// Kind is the format of a loaded file, after decompression.
type Kind uint8

// The formats.
const (
	KindImage Kind = iota // the Linux boot image ("Image")
	KindELF               // an ELF executable
	KindRaw               // a flat binary that starts at its first byte
)

// String is the format's name for people.
func (k Kind) String() string {
	switch k {
	case KindImage:
		return "Image"
	case KindELF:
		return "ELF"
	case KindRaw:
		return "raw"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Segment is one contiguous piece of a loaded file.
type Segment struct {
	Addr    mmio.PhysAddr // of the first byte, or its offset: see Kernel.Fixed
	Data    []byte        // shares memory with the file if it was not compressed
	MemSize uint64        // in bytes, at least len(Data); the rest is zero
}

// end is the address behind the segment; checked not to overflow when the segment
// is made.
func (s Segment) end() uint64 { return uint64(s.Addr) + s.MemSize }

// Kernel is a loaded kernel, firmware, or bare-metal program.
type Kernel struct {
	Name string // of the file
	Kind Kind
	// Segments are in ascending order and do not overlap. There is at least one.
	Segments []Segment
	// Entry is the address of the first instruction.
	Entry mmio.PhysAddr
	// Fixed says that addresses, Entry's too, are physical addresses. Otherwise they
	// count from wherever Plan puts the first segment.
	Fixed bool
	// TextOffset is how far from the start of RAM an Image wants to be, in bytes.
	TextOffset uint64

	symbols symbolTable
}

// Size is the number of bytes from the start of the first segment to the end of
// the last.
func (k *Kernel) Size() uint64 {
	return k.Segments[len(k.Segments)-1].end() - uint64(k.Segments[0].Addr)
}

// Symbol is where a symbol of an ELF file lies: a physical address, or an offset
// if the kernel is not Fixed. It reports false if there is none of that name in or
// at the end of a segment.
func (k *Kernel) Symbol(name string) (mmio.PhysAddr, bool) { return k.symbols.find(name) }

// MaxKernel is the largest kernel or firmware, in bytes and decompressed, that is
// taken; an ELF file with debugging information may be that large.
const MaxKernel = 1 << 30

// LoadKernel takes the contents of a kernel file apart: a Linux Image, plain,
// compressed with gzip or zstd, or wrapped as an EFI application; or an ELF
// executable.
func LoadKernel(name string, data []byte) (*Kernel, error) {
	return loadFile("kernel", name, data, loadImage)
}

// loadFile takes a file apart: what it is unwrapped to is an ELF executable, or for flat
// to make sense of. what says in errors what the file was meant to be.
func loadFile(what, name string, data []byte, flat func([]byte) (*Kernel, error)) (*Kernel, error) {
	k, err := loadELFOr(data, flat)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, name, err)
	}
	k.Name = name
	return k, nil
}

func loadELFOr(data []byte, flat func([]byte) (*Kernel, error)) (*Kernel, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	data, err := unwrap(data, maxImage)
	if err != nil {
		return nil, err
	}
	if isELF(data) {
		return loadELF(data)
	}
	return flat(data)
}

// LoadFirmware takes the contents of an M-mode firmware file apart: an ELF
// executable, or anything else as a flat binary.
func LoadFirmware(name string, data []byte) (*Kernel, error) {
	return loadFile("firmware", name, data, loadFlat)
}

// loadFlat takes a flat binary.
func loadFlat(data []byte) (*Kernel, error) {
	// A flat binary has no magic number, but the likely mistakes have.
	if isImage(data) {
		return nil, fmt.Errorf("this is a Linux kernel; give it as --kernel")
	}
	if what := foreign(data); what != "" {
		return nil, fmt.Errorf("this is %s, not RISC-V firmware", what)
	}
	// Nothing says how much memory it uses behind its end, but the megapage that it
	// starts in is its own by convention.
	seg := Segment{Data: data, MemSize: alignUp(uint64(len(data)), kernelOffset)}
	return &Kernel{Kind: KindRaw, Segments: []Segment{seg}}, nil
}
