// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"vdev/emu/riscv/isa"
)

// The test guest is a bare program of a few instructions: it prints a greeting and
// then does what each byte of console input says.
const (
	greeting   = "ready\r\n$ "
	panicWords = "\nKernel panic - not syncing: test\n"
	failCode   = 5
	testNumber = 7

	cmdPowerOff = 'q'
	cmdFail     = 'f'
	cmdReboot   = 'r'
	cmdPanic    = 'p' // prints panicWords and reboots
	cmdTest     = 't' // ends through HTIF with testNumber
	cmdSleep    = 'w' // waits for an interrupt that cannot come
	cmdRed      = 'R' // switches the display on, and shows red
	cmdWhite    = 'W' // shows white
	cmdSmall    = 'S' // makes the picture smaller
	cmdOff      = 'O' // switches the display off
	// Every other byte is echoed.
)

// Where the machine has what the test guest uses.
const (
	guestBase = 0x8000_0000
	uartBase  = 0x1000_0000
	uartLSR   = 5
	syscon    = 0x10_0000
	fimdBase  = 0x11c0_0000
)

// The sizes of the test guest's picture.
const (
	pictureWidth, pictureHeight = 16, 8
	smallWidth, smallHeight     = 8, 4
)

// Registers of the test guest.
const (
	rZero = 0
	rUART = 5 // t0
	rByte = 6 // t1
	rTmp  = 7 // t2
	rPtr  = 28
	rEnd  = 29
)

// asm is a tiny assembler.
type asm struct {
	t      testing.TB
	code   []isa.Inst
	labels map[string]int
	jumps  map[int]string // instruction that goes to a label
}

func (a *asm) op(op isa.Op, rd, rs1, rs2 uint8, imm int64) {
	a.code = append(a.code, isa.Inst{Op: op, Rd: rd, Rs1: rs1, Rs2: rs2, Imm: imm, Len: 4})
}

func (a *asm) label(name string) { a.labels[name] = len(a.code) }

func (a *asm) branch(op isa.Op, rs1, rs2 uint8, to string) {
	a.jumps[len(a.code)] = to
	a.op(op, 0, rs1, rs2, 0)
}

func (a *asm) jump(to string) { a.branch(isa.OpJAL, 0, 0, to) }

// li loads a positive constant of 31 bits, or an address above it zero-extended.
func (a *asm) li(rd uint8, v int64) {
	hi := (v + 0x800) &^ 0xfff
	a.op(isa.OpLUI, rd, 0, 0, int64(int32(hi)))
	a.op(isa.OpADDI, rd, rd, 0, v-hi)
	a.op(isa.OpSLLI, rd, rd, 0, 32)
	a.op(isa.OpSRLI, rd, rd, 0, 32)
}

// print prints len(text) bytes at offset off of the image.
func (a *asm) print(off int64, text string) {
	a.li(rPtr, guestBase+off)
	a.op(isa.OpADDI, rEnd, rPtr, 0, int64(len(text)))
	at := len(a.code)
	a.op(isa.OpLBU, rByte, rPtr, 0, 0)
	a.op(isa.OpSB, 0, rUART, rByte, 0)
	a.op(isa.OpADDI, rPtr, rPtr, 0, 1)
	a.op(isa.OpBNE, 0, rPtr, rEnd, int64(at-len(a.code))*4)
}

// store stores a word at an address.
func (a *asm) store(addr, v int64) {
	a.li(rPtr, addr)
	a.li(rTmp, v)
	a.op(isa.OpSW, 0, rPtr, rTmp, 0)
}

// Registers of the display controller (include/video/samsung_fimd.h of Linux).
const (
	fimdControl = 0x00  // VIDCON0
	fimdPorches = 0x14  // VIDTCON1
	fimdSize    = 0x18  // VIDTCON2
	fimdWindow  = 0x20  // WINCON0
	fimdChannel = 0x34  // SHADOWCON
	fimdCorner  = 0x44  // VIDOSD0B
	fimdMap     = 0x180 // WIN0MAP
)

func (a *asm) storeDisplay(reg, v int64) { a.store(fimdBase+reg, v) }

// displayOn shows a window of one colour on a panel whose long porches and slow clock
// keep its refresh rate possible.
func (a *asm) displayOn() {
	a.storeDisplay(fimdPorches, 0x3f3f3f)
	a.storeDisplay(fimdSize, (pictureHeight-1)<<11|pictureWidth-1)
	a.storeDisplay(fimdCorner, (pictureWidth-1)<<11|pictureHeight-1)
	a.storeDisplay(fimdWindow, 1)
	a.storeDisplay(fimdChannel, 1)
	a.storeDisplay(fimdMap, 0x1ff0000)
	a.storeDisplay(fimdControl, 31<<6|1<<4|3)
}

func (a *asm) bytes() []byte {
	var b []byte
	for i, in := range a.code {
		if to, ok := a.jumps[i]; ok {
			in.Imm = int64(a.labels[to]-i) * 4
		}
		w, err := isa.Encode(in)
		if err != nil {
			a.t.Fatalf("instruction %d: %v", i, err)
		}
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// Offsets in the test guest's image.
const (
	guestText   = 0x800
	guestPanic  = 0x900
	guestTohost = 0xa00
	guestSize   = 0xb00
)

// bareGuest writes the test guest to a file.
func bareGuest(t testing.TB) string {
	t.Helper()
	a := &asm{t: t, labels: map[string]int{}, jumps: map[int]string{}}
	a.li(rUART, uartBase)
	a.print(guestText, greeting)
	a.label("loop")
	a.op(isa.OpLBU, rByte, rUART, 0, uartLSR)
	a.op(isa.OpANDI, rByte, rByte, 0, 1)
	a.branch(isa.OpBEQ, rByte, rZero, "loop")
	a.op(isa.OpLBU, rByte, rUART, 0, 0)
	commands := []struct {
		key byte
		do  func()
	}{
		{cmdPowerOff, func() { a.store(syscon, 0x5555) }},
		{cmdFail, func() { a.store(syscon, failCode<<16|0x3333) }},
		{cmdReboot, func() { a.store(syscon, 0x7777) }},
		{cmdPanic, func() { a.print(guestPanic, panicWords); a.store(syscon, 0x7777) }},
		{cmdTest, func() { a.store(guestBase+guestTohost, testNumber<<1|1) }},
		{cmdSleep, func() { a.op(isa.OpWFI, 0, 0, 0, 0) }},
		{cmdRed, a.displayOn},
		{cmdWhite, func() { a.storeDisplay(fimdMap, 0x1ffffff) }},
		{cmdSmall, func() { a.storeDisplay(fimdSize, (smallHeight-1)<<11|smallWidth-1) }},
		{cmdOff, func() { a.storeDisplay(fimdControl, 0) }},
	}
	for _, c := range commands {
		a.op(isa.OpADDI, rTmp, rZero, 0, int64(c.key))
		a.branch(isa.OpBEQ, rByte, rTmp, string(c.key))
	}
	a.op(isa.OpSB, 0, rUART, rByte, 0)
	a.jump("loop")
	for _, c := range commands {
		a.label(string(c.key))
		c.do()
		a.jump("loop")
	}
	image := make([]byte, guestSize)
	if n := copy(image[:guestText], a.bytes()); n != 4*len(a.code) {
		t.Fatalf("the test guest has %d instructions, too many", len(a.code))
	}
	copy(image[guestText:], greeting)
	copy(image[guestPanic:], panicWords)
	name := filepath.Join(t.TempDir(), "guest")
	if err := os.WriteFile(name, elfOf(t, image), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// elfOf makes an ELF executable of an image at guestBase, with the symbol tohost.
func elfOf(t testing.TB, image []byte) []byte {
	t.Helper()
	const (
		ehdr, phdr, shdr, sym = 64, 56, 64, 24
		strings               = "\x00tohost\x00"
	)
	symAt := uint64(ehdr + phdr + len(image))
	strAt := symAt + 2*sym
	shAt := (strAt + uint64(len(strings)) + 7) &^ 7
	var b bytes.Buffer
	put := func(v any) {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	put(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_RISCV), Version: 1, Entry: guestBase,
		Phoff: ehdr, Shoff: shAt, Ehsize: ehdr, Phentsize: phdr, Phnum: 1, Shentsize: shdr, Shnum: 3, Shstrndx: 2,
	})
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 7, Off: ehdr + phdr, Vaddr: guestBase, Paddr: guestBase,
		Filesz: uint64(len(image)), Memsz: uint64(len(image)), Align: 8})
	b.Write(image)
	put(elf.Sym64{})
	put(elf.Sym64{Name: 1, Info: byte(elf.STB_GLOBAL) << 4, Shndx: uint16(elf.SHN_ABS), Value: guestBase + guestTohost, Size: 8})
	b.WriteString(strings)
	b.Write(make([]byte, shAt-uint64(b.Len())))
	put(elf.Section64{})
	put(elf.Section64{Type: uint32(elf.SHT_SYMTAB), Off: symAt, Size: 2 * sym, Link: 2, Info: 1, Entsize: sym, Addralign: 8})
	put(elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: strAt, Size: uint64(len(strings)), Addralign: 1})
	return b.Bytes()
}
