// SPDX-License-Identifier: Apache-2.0

package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"vdev/mmio"
)

// makeImage builds a Linux Image of n bytes with the given header fields.
func makeImage(n int, textOffset, imageSize, flags uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := imageHeaderSize; i < n; i++ {
		b[i] = byte(r.IntN(16))
	}
	copy(b, "MZ") // images with an EFI stub start like this
	le := binary.LittleEndian
	le.PutUint64(b[8:], textOffset)
	le.PutUint64(b[16:], imageSize)
	le.PutUint64(b[24:], flags)
	le.PutUint32(b[32:], 2)
	copy(b[48:], "RISCV\x00\x00\x00RSC\x05")
	return b
}

func goodImage() []byte { return makeImage(5000, 2<<20, 8000, 0) }

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func zstded(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(data, nil)
}

// zboot wraps a payload as Linux's EFI zboot images are.
func zboot(payload []byte, kind string) []byte {
	b := make([]byte, 0x200)
	copy(b, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
	copy(b[24:], kind)
	return append(append(b, payload...), "trailing sections"...)
}

// testELF describes an ELF file to be built.
type testELF struct {
	header  elf.Header64 // zero fields get good values
	progs   []elf.Prog64
	data    []byte            // from file offset elfData on
	symbols map[string]uint64 // a map of at most one, or order does not matter
}

const elfData = 0x400

func (e testELF) build() []byte {
	h := e.header
	if h.Ident[0] == 0 {
		copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	}
	set := func(p *uint16, v uint16) {
		if *p == 0 {
			*p = v
		}
	}
	h.Version = uint32(elf.EV_CURRENT)
	set(&h.Type, uint16(elf.ET_EXEC))
	set(&h.Machine, uint16(elf.EM_RISCV))
	set(&h.Phentsize, 56)
	set(&h.Shentsize, 64)
	set(&h.Phnum, uint16(len(e.progs)))
	if h.Phoff == 0 {
		h.Phoff = 64
	}
	var names bytes.Buffer
	names.WriteByte(0)
	syms := make([]byte, elfSymSize)
	for name, v := range e.symbols {
		syms, _ = binary.Append(syms, binary.LittleEndian, elf.Sym64{Name: uint32(names.Len()), Info: 0x10, Shndx: 1, Value: v})
		names.WriteString(name + "\x00")
	}
	symAt := uint64(elfData + len(e.data))
	nameAt := symAt + uint64(len(syms))
	sections := []elf.Section64{
		{},
		{Type: uint32(elf.SHT_SYMTAB), Off: symAt, Size: uint64(len(syms)), Link: 2, Entsize: elfSymSize},
		{Type: uint32(elf.SHT_STRTAB), Off: nameAt, Size: uint64(names.Len())},
	}
	if h.Shoff == 0 {
		h.Shoff = nameAt + uint64(names.Len())
		h.Shnum = uint16(len(sections))
	}
	b, _ := binary.Append(nil, binary.LittleEndian, h)
	for _, p := range e.progs {
		b, _ = binary.Append(b, binary.LittleEndian, p)
	}
	b = append(b, make([]byte, elfData-len(b))...)
	b = append(append(append(b, e.data...), syms...), names.Bytes()...)
	b, _ = binary.Append(b, binary.LittleEndian, sections)
	return b
}

// load is a PT_LOAD header with equal addresses.
func load(addr, off, filesz, memsz uint64) elf.Prog64 {
	return elf.Prog64{Type: uint32(elf.PT_LOAD), Off: off, Vaddr: addr, Paddr: addr, Filesz: filesz, Memsz: memsz}
}

func goodELF() testELF {
	return testELF{
		header:  elf.Header64{Entry: 0x8000_0004},
		progs:   []elf.Prog64{load(0x8000_1000, elfData+8, 8, 0x100), load(0x8000_0000, elfData, 8, 8)},
		data:    []byte("codecodedatadata"),
		symbols: map[string]uint64{"tohost": 0x8000_1008, "fromhost": 0x8000_1010},
	}
}

func TestLoadImage(t *testing.T) {
	img := goodImage()
	for name, file := range map[string][]byte{
		"plain": img, "gzip": gzipped(img), "zstd": zstded(img),
		"gzip with a tail": append(gzipped(img), "tail"...),
		"zboot gzip":       zboot(gzipped(img), "gzip"), "zboot zstd": zboot(append(zstded(img), 0x88, 0x13, 0, 0)[:len(zstded(img))], "zstd22"),
	} {
		k, err := LoadKernel("Image", file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if k.Kind != KindImage || k.Fixed || k.Entry != 0 || k.TextOffset != 2<<20 || len(k.Segments) != 1 || k.Size() != 8000 {
			t.Errorf("%s: loaded as %+v", name, k)
			continue
		}
		if s := k.Segments[0]; s.Addr != 0 || !bytes.Equal(s.Data, img) {
			t.Errorf("%s: contents differ", name)
		}
		if _, ok := k.Symbol("tohost"); ok {
			t.Errorf("%s: has symbols", name)
		}
	}
	if k, err := LoadKernel("k", makeImage(5000, 0, 100, 0)); err != nil || k.Size() != 5000 {
		t.Errorf("an image longer than it says: %v, %v", k, err)
	}
}

func TestLoadELF(t *testing.T) {
	k, err := LoadKernel("test", goodELF().build())
	if err != nil {
		t.Fatal(err)
	}
	if k.Kind != KindELF || !k.Fixed || k.Entry != 0x8000_0004 || len(k.Segments) != 2 || k.Size() != 0x1100 {
		t.Fatalf("loaded as %+v", k)
	}
	for i, want := range []Segment{{0x8000_0000, []byte("codecode"), 8}, {0x8000_1000, []byte("datadata"), 0x100}} {
		got := k.Segments[i]
		if got.Addr != want.Addr || got.MemSize != want.MemSize || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("segment %d is %+v", i, got)
		}
	}
	for name, want := range map[string]uint64{"tohost": 0x8000_1008, "fromhost": 0x8000_1010} {
		if got, ok := k.Symbol(name); !ok || uint64(got) != want {
			t.Errorf("%s is %#x, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "to", "tohost2", "begin_signature"} {
		if _, ok := k.Symbol(name); ok && name != "" {
			t.Errorf("there is no symbol %q", name)
		}
	}
}

// TestELFAgainstDebugELF has the standard library judge the builder of the test
// files, and through it the loader.
func TestELFAgainstDebugELF(t *testing.T) {
	file := goodELF().build()
	k, err := LoadKernel("test", file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if uint64(k.Entry) != f.Entry || len(f.Progs) != len(k.Segments) {
		t.Errorf("entry %#x, %d segments; want %#x, %d", k.Entry, len(k.Segments), f.Entry, len(f.Progs))
	}
	for _, p := range f.Progs {
		want := make([]byte, p.Filesz)
		if _, err := p.ReadAt(want, 0); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(k.Segments, func(s Segment) bool {
			return uint64(s.Addr) == p.Paddr && s.MemSize == p.Memsz && bytes.Equal(s.Data, want)
		}) {
			t.Errorf("no segment at %#x", p.Paddr)
		}
	}
	syms, err := f.Symbols()
	if err != nil || len(syms) == 0 {
		t.Fatalf("%d symbols, %v", len(syms), err)
	}
	for _, s := range syms {
		if got, ok := k.Symbol(s.Name); !ok || uint64(got) != s.Value {
			t.Errorf("%s is at %#x, %v; want %#x", s.Name, got, ok, s.Value)
		}
	}
}

// TestLoadVmlinux has the shape of Linux's vmlinux: virtual addresses high up,
// physical ones from 0.
func TestLoadVmlinux(t *testing.T) {
	const virt = 0xffff_ffff_8000_0000
	e := goodELF()
	e.header.Entry = virt + 4
	e.progs = []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Off: elfData, Vaddr: virt, Paddr: 0, Filesz: 8, Memsz: 8},
		{Type: uint32(elf.PT_LOAD), Off: elfData + 8, Vaddr: virt + 0x20_0000, Paddr: 0x20_0000, Filesz: 8, Memsz: 0x1000},
	}
	e.symbols = map[string]uint64{"jiffies": virt + 0x20_0010, "_end": virt + 0x20_1000, "absolute": 0x20_0010}
	k, err := LoadKernel("vmlinux", e.build())
	if err != nil || k.Fixed || k.Entry != 4 || k.Size() != 0x20_1000 {
		t.Fatalf("loaded as %+v, %v", k, err)
	}
	for name, want := range map[string]mmio.PhysAddr{"jiffies": 0x20_0010, "_end": 0x20_1000, "absolute": 0} {
		if got, ok := k.Symbol(name); got != want || ok != (want != 0) {
			t.Errorf("%s is at %#x, %v", name, got, ok)
		}
	}
	// Position-independent firmware is moved wherever it was linked to.
	e = goodELF()
	e.header.Type = uint16(elf.ET_DYN)
	k, err = LoadFirmware("fw", e.build())
	if err != nil || k.Fixed || k.Entry != 4 || k.Segments[1].Addr != 0x1000 {
		t.Fatalf("loaded as %+v, %v", k, err)
	}
	if v, ok := k.Symbol("tohost"); !ok || v != 0x1008 {
		t.Errorf("tohost is %#x, %v", v, ok)
	}
}

func TestLoadFirmware(t *testing.T) {
	raw := []byte("\x97\x02\x00\x00 some code")
	k, err := LoadFirmware("fw.bin", raw)
	if err != nil || k.Kind != KindRaw || k.Fixed || k.Entry != 0 || !bytes.Equal(k.Segments[0].Data, raw) || k.Size() != 2<<20 {
		t.Errorf("loaded as %+v, %v", k, err)
	}
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"firmware fw: the file is empty", nil},
		{"--kernel", goodImage()},
		{"device tree blob", []byte("\xd0\x0d\xfe\xed1234")},
		{"another processor", testELF{header: elf.Header64{Machine: uint16(elf.EM_X86_64)}}.build()},
	} {
		checkError(t, c.want, second(LoadFirmware("fw", c.data)))
	}
}

func second[T any](_ T, err error) error { return err }

// checkError checks for a single line with want in it.
func checkError(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

func TestKernelErrors(t *testing.T) {
	img := goodImage()
	patch := func(b []byte, off int, s string) []byte {
		b = bytes.Clone(b)
		copy(b[off:], s)
		return b
	}
	random := make([]byte, 10000)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range random {
		random[i] = byte(r.IntN(256))
	}
	corrupt := bytes.Clone(gzipped(img))
	corrupt[len(corrupt)-6] ^= 1 // in the checksum
	for _, bomb := range [][]byte{gzipped(make([]byte, 3<<20+1)), zstded(make([]byte, 3<<20+1))} {
		checkError(t, "more than 3 MiB", second(unwrap(bomb, 3<<20)))
		if out, err := unwrap(bomb, 3<<20+1); err != nil || len(out) != 3<<20+1 {
			t.Errorf("unpacked %d bytes, %v", len(out), err)
		}
	}
	for i, c := range []struct {
		want string
		data []byte
	}{
		{"kernel k: the file is empty", nil},
		{"not a RISC-V", []byte("x")},
		{"not a RISC-V", random},
		{"an EFI or Windows program", img[:60]},
		{"an arm64 kernel", patch(make([]byte, 100), 0x38, "ARM\x64")},
		{"an x86 kernel", patch(make([]byte, 1000), 0x202, "HdrS")},
		{"a 32-bit ARM kernel", patch(make([]byte, 100), 0x24, "\x18\x28\x6f\x01")},
		{"a U-Boot image", []byte("\x27\x05\x19\x56")},
		{"an EFI or Windows program", []byte("MZ1234")},
		{"a cpio archive", []byte("070701")},
		{"Debian package", []byte("!<arch>\ndebian-binary")},
		{"big-endian kernel", makeImage(5000, 2<<20, 8000, 1)},
		{"claims an image of 0 bytes", makeImage(5000, 2<<20, 0, 0)},
		{"claims an image of 18446744073709551615 bytes", makeImage(5000, 2<<20, 1<<64-1, 0)},
		{"load offset of 0x1000", makeImage(5000, 0x1000, 8000, 0)},
		{"load offset of 0xffffffffffe00000", makeImage(5000, 1<<64-2<<20, 8000, 0)},

		{"truncated", gzipped(img)[:200]},
		{"truncated", gzipped(img)[:5]},
		{"truncated", zstded(img)[:200]},
		{"truncated", zstded(img)[:5]},
		{"damaged gzip", corrupt},
		{"damaged zstd", patch(zstded(img), 4, "\xff\xff\xff\xff\xff\xff\xff\xff")},
		{"the file is empty", gzipped(nil)},
		{"not a RISC-V", gzipped(random)},
		{"xz compression is not supported; decompress it first (xz -d)", []byte("\xfd7zXZ\x00....")},
		{"zboot header is damaged", zboot(nil, "gzip")},
		{"zboot header is damaged", patch(zboot(gzipped(img), "gzip"), 8, "\x00\x00\x00\x00")},
		{"truncated", zboot(gzipped(img), "gzip")[:0x300]},
		{"truncated", []byte("MZ\x00\x00zimg")},
		{"truncated", patch(zboot(gzipped(img), "gzip"), 8, "\xff\xff\xff\xff\xff\xff\xff\xff")},
		{`"lzo9" is not supported`, zboot([]byte("????"), "lzo9")},
	} {
		k, err := LoadKernel("k", c.data)
		if err == nil {
			t.Errorf("case %d (%s): loaded as %v", i, c.want, k.Kind)
			continue
		}
		checkError(t, c.want, err)
	}
}

func TestELFErrors(t *testing.T) {
	good := goodELF().build()
	for _, c := range []struct {
		want string
		edit func(e *testELF)
	}{
		{"32-bit", func(e *testELF) { copy(e.header.Ident[:], "\x7fELF\x01\x01\x01") }},
		{"big-endian", func(e *testELF) { copy(e.header.Ident[:], "\x7fELF\x02\x02\x01") }},
		{"EM_AARCH64", func(e *testELF) { e.header.Machine = uint16(elf.EM_AARCH64) }},
		{"not an executable (ET_REL)", func(e *testELF) { e.header.Type = uint16(elf.ET_REL) }},
		{"not an executable (ET_CORE)", func(e *testELF) { e.header.Type = uint16(elf.ET_CORE) }},
		{"dynamically linked", func(e *testELF) { e.progs[0].Type = uint32(elf.PT_INTERP) }},
		{"nothing to load", func(e *testELF) { e.progs = nil }},
		{"nothing to load", func(e *testELF) { e.progs = e.progs[:1]; e.progs[0].Filesz, e.progs[0].Memsz = 0, 0 }},
		{"entry point 0x5 is in none", func(e *testELF) { e.header.Entry = 5 }},
		{"entry point 0x80000008 is in none", func(e *testELF) { e.header.Entry = 0x8000_0008 }},
		{"entries of 55 bytes", func(e *testELF) { e.header.Phentsize = 55 }},
		{"truncated", func(e *testELF) { e.header.Phoff = 1 << 63 }},
		{"truncated", func(e *testELF) { e.header.Phoff = 1<<64 - 1 }},
		{"truncated", func(e *testELF) { e.header.Phnum = 0xffff }},
		{"larger in the file than in memory", func(e *testELF) { e.progs[0].Memsz = 7 }},
		{"truncated", func(e *testELF) { e.progs[0].Off = 1 << 40 }},
		{"truncated", func(e *testELF) { e.progs[0].Off = 1<<64 - 4 }},
		{"truncated", func(e *testELF) { e.progs[0].Filesz, e.progs[0].Memsz = 1<<40, 1<<41 }},
		{"beyond the address space", func(e *testELF) { e.progs[0].Memsz = 1<<64 - 1 }},
		{"overlap", func(e *testELF) { e.progs[0].Paddr = 0x8000_0007 }},
		{"overlap", func(e *testELF) { e.progs[0].Paddr = 0x8000_0000 }},
		{"overlap", func(e *testELF) { e.progs[1].Memsz = 0x1001 }},
		{"bytes apart", func(e *testELF) { e.progs[0].Paddr = 1 << 50 }},
	} {
		e := goodELF()
		c.edit(&e)
		checkError(t, c.want, second(LoadKernel("k", e.build())))
	}
	for n := range len(good) {
		k, err := LoadKernel("k", good[:n])
		// Symbols come last, and nobody minds if they are gone.
		if err == nil && n < elfData+16 {
			t.Errorf("the first %d bytes load", n)
		}
		if err == nil {
			k.Symbol("tohost")
		}
	}
	many := goodELF()
	many.progs = nil
	b := many.build()
	for i := range uint64(maxSegments + 1) {
		b, _ = binary.Append(b, binary.LittleEndian, load(0x8000_0000+i, elfData, 1, 1))
	}
	binary.LittleEndian.PutUint64(b[0x20:], uint64(len(b)-(maxSegments+1)*elfProgSize))
	binary.LittleEndian.PutUint16(b[0x38:], maxSegments+1)
	checkError(t, "more than 1024 segments", second(LoadKernel("k", b)))
}

// newc makes a cpio archive of empty or filled files.
func newc(trailer bool, files ...string) []byte {
	var b []byte
	add := func(name, body string) {
		b = fmt.Appendf(b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1, 0o100644, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name)+1, 0)
		b = append(append(b, name...), 0)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		b = append(b, body...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	for i, f := range files {
		add(fmt.Sprintf("file%d", i), f)
	}
	if trailer {
		add("TRAILER!!!", "")
	}
	return b
}

func TestCheckInitrd(t *testing.T) {
	archive := newc(true, "", "a", "hello", strings.Repeat("x", 1000))
	for name, data := range map[string][]byte{
		"plain": archive, "no trailer": newc(false, "a", "bc"), "padded": append(make([]byte, 8), archive...),
		"two": append(bytes.Clone(archive), archive...), "empty": newc(true),
		"tail": append(bytes.Clone(archive), make([]byte, 512)...),
		"crc":  bytes.ReplaceAll(archive, []byte("070701"), []byte("070702")),
		"gzip": gzipped(archive), "zstd": zstded(archive), "xz": []byte("\xfd7zXZ\x00"), "lz4 -l": []byte("\x02\x21\x4c\x18"),
	} {
		if err := CheckInitrd("i", data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	badHex := bytes.Clone(archive)
	copy(badHex[cpioFileSize:], "xyz")
	badNext := bytes.Clone(archive)
	copy(badNext[116:], "oops")
	huge := bytes.Clone(archive)
	copy(huge[cpioNameSize:], "ffffffff")
	hugeFile := bytes.Clone(archive)
	copy(hugeFile[cpioFileSize:], "fffffffe")
	for _, c := range []struct {
		want string
		data []byte
	}{
		{"initrd i: the file is empty", nil},
		{"not an initramfs", make([]byte, 64)},
		{"not an initramfs", []byte("hello")},
		{"not an initramfs", []byte("070707old")},
		{"lz4 -l", []byte("\x04\x22\x4d\x18")},
		{"truncated", archive[:50]},
		{"truncated", archive[:cpioHeaderSize+3]},
		{"truncated", archive[:len(archive)-60]},
		{"damaged at byte 0", badHex},
		{"damaged at byte 116", badNext},
		{"truncated", huge},
		{"truncated", hugeFile},
	} {
		checkError(t, c.want, CheckInitrd("i", c.data))
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile("kernel", file, 5); err != nil || string(got) != "12345" {
		t.Errorf("read %q, %v", got, err)
	}
	checkError(t, "larger than", second(ReadFile("kernel", file, 4)))
	checkError(t, "directory", second(ReadFile("kernel", dir, 4)))
	missing := filepath.Join(dir, "none")
	err := second(ReadFile("kernel", missing, 4))
	checkError(t, "kernel "+missing+": no such file", err)
	if strings.Count(err.Error(), missing) != 1 {
		t.Errorf("the name is said twice: %v", err)
	}
	// Some files do not say how long they are.
	got, err := readAll(strings.NewReader("12345"), 0, 10)
	if err != nil || string(got) != "12345" {
		t.Errorf("read %q, %v", got, err)
	}
	if got, _ = readAll(strings.NewReader("12345"), 2, 3); string(got) != "1234" {
		t.Errorf("read %q, want one byte more than the limit", got)
	}
	if got, _ = readAll(strings.NewReader("12"), 5, 9); string(got) != "12" {
		t.Errorf("read %q", got)
	}
}

func FuzzLoadKernel(f *testing.F) {
	img := goodImage()
	for _, b := range [][]byte{img, gzipped(img), zstded(img), zboot(gzipped(img), "gzip"), goodELF().build()} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 3 && len(data) < 1<<20 {
			LoadFirmware("fw", data)
		}
		k, err := LoadKernel("k", data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
			return
		}
		k.Symbol("tohost")
		checkKernel(t, k)
		Plan(Request{RAMBase: ramBase, RAMSize: 64 << 20, Kernel: k, DTBSize: 4000, InitrdSize: 1 << 20})
	})
}

// checkKernel checks what every loaded kernel promises.
func checkKernel(t *testing.T, k *Kernel) {
	t.Helper()
	end := uint64(0)
	inside := false
	for i, s := range k.Segments {
		if uint64(s.Addr) < end || s.end() < uint64(s.Addr) || uint64(len(s.Data)) > s.MemSize || s.MemSize == 0 {
			t.Errorf("segment %d is %#x+%#x, behind %#x", i, s.Addr, s.MemSize, end)
		}
		inside = inside || k.Entry-s.Addr < mmio.PhysAddr(s.MemSize)
		end = s.end()
	}
	if !inside {
		t.Errorf("entry %#x is in no segment", k.Entry)
	}
	if !k.Fixed && k.Segments[0].Addr != 0 {
		t.Errorf("movable, but starts at %#x", k.Segments[0].Addr)
	}
}

func FuzzCheckInitrd(f *testing.F) {
	f.Add(newc(true, "a", "bcd"))
	f.Add(newc(false, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := CheckInitrd("i", data); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error has several lines: %v", err)
		}
	})
}
