// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxImage bounds what decompression makes. Compressed files are Images, whose
// largest are some 40 MB.
const maxImage = 256 << 20

// maxWindow is the largest zstd window, hence memory, that is spent: what the
// highest level of the zstd command ("--ultra -22", which Linux uses) takes.
const maxWindow = 128 << 20

// A codec is a compression format as its first bytes show it.
type codec struct {
	name   string
	magic  string
	tool   string // the command that decompresses
	kernel bool   // Linux can unpack an initramfs of it
	unpack func([]byte) (io.ReadCloser, error)
}

// codecs lists the formats that kernels and initramfs come in. Those without
// unpack are known only by name.
func codecs() []codec {
	return []codec{
		{"gzip", "\x1f\x8b\x08", "gzip -d", true, gunzip},
		{"zstd", "\x28\xb5\x2f\xfd", "zstd -d", true, unzstd},
		{"xz", "\xfd7zXZ\x00", "xz -d", true, nil},
		{"lzma", "\x5d\x00\x00", "xz -d", true, nil},
		{"bzip2", "BZh", "bzip2 -d", true, nil},
		{"legacy lz4", "\x02\x21\x4c\x18", "lz4 -d", true, nil},
		{"lzo", "\x89LZO\x00\r\n\x1a\n", "lzop -d", true, nil},
		{"lz4", "\x04\x22\x4d\x18", "lz4 -d", false, nil},
	}
}

func findCodec(data []byte) *codec {
	for _, c := range codecs() {
		if bytes.HasPrefix(data, []byte(c.magic)) {
			return &c
		}
	}
	return nil
}

func gunzip(data []byte) (io.ReadCloser, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	// One member: boot loaders ignore what follows, and so do we.
	r.Multistream(false)
	return r, nil
}

func unzstd(data []byte) (io.ReadCloser, error) {
	r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxImage))
	if err != nil {
		return nil, err
	}
	return r.IOReadCloser(), nil
}

// unwrap strips the EFI wrapper and the compression, one layer of each, if they
// are there. What it unpacks has at most limit bytes.
func unwrap(data []byte, limit int64) ([]byte, error) {
	data, err := unwrapZboot(data)
	if err != nil {
		return nil, err
	}
	c := findCodec(data)
	if c == nil {
		return data, nil
	}
	if c.unpack == nil {
		return nil, fmt.Errorf("%s compression is not supported; decompress it first (%s)", c.name, c.tool)
	}
	r, err := c.unpack(data)
	if err != nil {
		return nil, decompressError(c, err)
	}
	defer r.Close()
	out, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, decompressError(c, err)
	case int64(len(out)) > limit:
		return nil, fmt.Errorf("decompresses to more than %d MiB; this is no kernel", limit>>20)
	case len(out) == 0:
		return nil, errEmpty
	}
	return out, nil
}

func decompressError(c *codec, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return fmt.Errorf("damaged %s data: %w", c.name, err)
}

// The header of an EFI zboot image (Linux, drivers/firmware/efi/libstub/zboot-header.S).
const (
	zbootMagic      = 4 // "zimg", after the "MZ\0\0" of every EFI program
	zbootOffset     = 8
	zbootSize       = 12
	zbootType       = 24 // a string with NUL
	zbootHeaderSize = 0x40
)

// unwrapZboot returns the compressed payload of an EFI zboot image, and anything
// else as it is.
func unwrapZboot(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte("MZ\x00\x00zimg")) {
		return data, nil
	}
	if len(data) < zbootHeaderSize {
		return nil, errTruncated
	}
	off := uint64(binary.LittleEndian.Uint32(data[zbootOffset:]))
	size := uint64(binary.LittleEndian.Uint32(data[zbootSize:]))
	if off < zbootHeaderSize || size == 0 {
		return nil, errors.New("its EFI zboot header is damaged")
	}
	if off+size > uint64(len(data)) {
		return nil, errTruncated
	}
	payload := data[off : off+size]
	if findCodec(payload) == nil {
		kind, _, _ := bytes.Cut(data[zbootType:zbootHeaderSize-8], []byte{0})
		return nil, fmt.Errorf("EFI zboot compression %q is not supported; use the Image it was made from", kind)
	}
	return payload, nil
}
