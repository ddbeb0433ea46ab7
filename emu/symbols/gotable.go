// SPDX-License-Identifier: Apache-2.0

package symbols

import (
	"debug/elf"
	"debug/gosym"
	"encoding/binary"
	"errors"
	"strings"
)

// goTable is the Go runtime's own table of functions, which is there even in
// stripped programs. gosym reads names and lines from it; the frame sizes that
// unwinding needs are read here (runtime/symtab.go: pcHeader, _func, step).
type goTable struct {
	syms *gosym.Table
	text uint64 // runtime.text
	data []byte
	// Parts of data.
	funcs, pcs []byte
	count      int
}

// goMagic120 marks the layout that Go has had since 1.20.
const goMagic120 = 0xfffffff1

// Places in pcHeader and _func, in bytes.
const (
	goHeadCount  = 8
	goHeadPCs    = 8 + 6*8
	goHeadFuncs  = 8 + 7*8
	goHeadSize   = 8 + 8*8
	goFuncPCSP   = 16
	goFuncMin    = 44
	goEntrySize  = 8
	goMinInstr   = 6
	goPtrSizeOff = 7
)

var errNotGo = errors.New("not a Go program that is understood")

func newGoTable(f *elf.File) (*goTable, error) {
	section, text := f.Section(".gopclntab"), f.Section(".text")
	if section == nil || text == nil {
		return nil, errNotGo
	}
	data, err := section.Data()
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if len(data) < goHeadSize || le.Uint32(data) != goMagic120 || data[goPtrSizeOff] != 8 {
		return nil, errNotGo
	}
	g := &goTable{text: text.Addr, data: data, count: int(le.Uint64(data[goHeadCount:]))}
	pcs, funcs := le.Uint64(data[goHeadPCs:]), le.Uint64(data[goHeadFuncs:])
	if pcs > uint64(len(data)) || funcs > uint64(len(data)) || g.count < 0 || g.count > len(data)/goEntrySize {
		return nil, errNotGo
	}
	g.pcs, g.funcs = data[pcs:], data[funcs:]
	if uint64(len(g.funcs)) < uint64(g.count)*goEntrySize {
		return nil, errNotGo
	}
	// With cgo, .text begins with C; the runtime's text is where its symbol says.
	if syms, err := f.Symbols(); err == nil {
		for _, s := range syms {
			if s.Name == "runtime.text" {
				g.text = s.Value
			}
		}
	}
	if g.syms, err = gosym.NewTable(nil, gosym.NewLineTable(data, g.text)); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *goTable) function(pc uint64) (function, bool) {
	fn := g.syms.PCToFunc(pc)
	if fn == nil {
		return function{}, false
	}
	return function{fn.Entry, fn.End - fn.Entry, fn.Name}, true
}

func (g *goTable) frames(pc uint64) []Frame {
	file, line, fn := g.syms.PCToLine(pc)
	if fn == nil {
		return nil
	}
	return []Frame{{Func: fn.Name, File: file, Line: line}}
}

// frameSize is how many bytes of stack the function at pc has taken when execution
// is there; false if pc is not Go code or moves the stack in ways that are not told.
func (g *goTable) frameSize(pc uint64) (uint64, bool) {
	le := binary.LittleEndian
	if pc < g.text {
		return 0, false
	}
	off := pc - g.text
	lo, hi := 0, g.count
	for lo < hi {
		if mid := (lo + hi) / 2; uint64(le.Uint32(g.funcs[mid*goEntrySize:])) <= off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return 0, false
	}
	entry := g.funcs[(lo-1)*goEntrySize:]
	start, at := uint64(le.Uint32(entry)), uint64(le.Uint32(entry[4:]))
	if at+goFuncMin > uint64(len(g.funcs)) {
		return 0, false
	}
	table := uint64(le.Uint32(g.funcs[at+goFuncPCSP:]))
	if table == 0 || table >= uint64(len(g.pcs)) {
		return 0, false
	}
	// Pairs of variable-length numbers: change of the value (signed), and for how many
	// more instruction units it holds.
	p, pcNow, value, first := g.pcs[table:], start, int64(-1), true
	for {
		change, n := binary.Uvarint(p)
		if n <= 0 || change == 0 && !first {
			return 0, false
		}
		p = p[n:]
		units, n := binary.Uvarint(p)
		if n <= 0 {
			return 0, false
		}
		p = p[n:]
		value += int64(change>>1) ^ -int64(change&1)
		pcNow += units * uint64(g.data[goMinInstr])
		if off < pcNow {
			return uint64(value), value >= 0
		}
		first = false
	}
}

// unwind is the return addresses of Go code, innermost first, for at most most
// frames. A frame begins at the stack pointer with the return address (riscv64 keeps
// it in ra until a function makes a frame).
func (g *goTable) unwind(r Regs, bias uint64, read func(va uint64) (uint64, bool), most int) []uint64 {
	var out []uint64
	pc, sp, ra := r.PC, r.SP, r.RA
	for leaf := true; len(out) < most; leaf = false {
		look := pc - bias
		if !leaf {
			look--
		}
		size, ok := g.frameSize(look)
		if !ok {
			break
		}
		switch {
		case size != 0:
			if pc, ok = read(sp); !ok {
				return out
			}
			sp += size
		case leaf:
			pc = ra
		default:
			return out
		}
		if g.isBottom(pc - bias - 1) {
			break
		}
		out = append(out, pc)
	}
	return out
}

// isBottom tells whether pc is in a function that nobody called.
func (g *goTable) isBottom(pc uint64) bool {
	fn, ok := g.function(pc)
	if !ok {
		return true
	}
	switch fn.name {
	case "runtime.goexit", "runtime.mstart", "runtime.rt0_go", "runtime.mcall", "runtime.sigreturn__sigaction":
		return true
	}
	return false
}

// plainGoName is a function's name as Go's own tracebacks show it: without the
// calling convention, and without the types that a generic function stands for.
func plainGoName(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".abi0"), ".abiinternal")
	from, to := strings.IndexByte(name, '['), strings.LastIndexByte(name, ']')
	if from < 0 || to < from {
		return name
	}
	return name[:from] + "[...]" + name[to+1:]
}
