// SPDX-License-Identifier: Apache-2.0

package riscv

import (
	"fmt"

	"vdev/emu/riscv/softfloat"
)

// csrState is the control and status registers that are plain storage. Their
// addresses, access rules and side effects are in csrTable.
type csrState struct {
	mstatus, medeleg, mideleg, mie, mip  uint64
	mtvec, mscratch, mepc, mcause, mtval uint64
	mcounteren, mcountinhibit, menvcfg   uint64
	stvec, scounteren, senvcfg           uint64
	sscratch, sepc, scause, stval, satp  uint64
	stimecmp                             uint64
	cycle, instret                       counter
	pmp                                  pmpState
}

// counter is a writable view of a free-running count: its value is count+off, or
// val while it is inhibited.
type counter struct {
	off, val uint64
}

const (
	inhibitCycle   uint64 = 1 << 0
	inhibitInstret uint64 = 1 << 2
)

func (c *counter) read(count uint64, inhibited bool) uint64 {
	if inhibited {
		return c.val
	}
	return count + c.off
}

// write makes the value read by the next instruction v; count is as of the writing
// instruction, which itself is not counted on top.
func (c *counter) write(v, count uint64, inhibited bool) {
	if inhibited {
		c.val = v
		return
	}
	c.off = v - (count + 1)
}

// csrDef declares a CSR: everything that it means.
type csrDef struct {
	num  uint16
	name string
	// read has no side effects, so that a debugger may use it.
	read func(h *Hart) uint64
	// write stores what is legal of v; nil ignores writes.
	write func(h *Hart, v uint64)
	// modify, if set, replaces read as the source of the old value that csrrs and
	// csrrc write back.
	modify func(h *Hart) uint64
	// ok, if set, is an access condition beyond the one encoded in the number.
	ok func(h *Hart) bool
}

// plain is a CSR that stores the bits of mask.
func plain(num uint16, name string, mask uint64, reg func(c *csrState) *uint64) csrDef {
	return csrDef{
		num: num, name: name,
		read:  func(h *Hart) uint64 { return *reg(&h.csr) },
		write: func(h *Hart, v uint64) { *reg(&h.csr) = v & mask },
	}
}

// constant is a CSR that reads as v and ignores writes.
func constant(num uint16, name string, v uint64) csrDef {
	return csrDef{num: num, name: name, read: func(*Hart) uint64 { return v }}
}

const (
	all64 = ^uint64(0)

	// Identification: no vendor; an architecture number of our own below the ones
	// that are assigned to open-source projects would collide, so it stays zero too.
	vendorID, archID, implID = 0, 0, 1
)

// CSR numbers that code refers to.
const (
	csrFFlags   = 0x001
	csrFRM      = 0x002
	csrFCSR     = 0x003
	csrSATP     = 0x180
	csrStimecmp = 0x14d
	csrTime     = 0xc01
)

// csrList is the declaration of all CSRs (privileged specification, tables 3 to 8).
func csrList() []csrDef {
	list := []csrDef{
		{num: csrFFlags, name: "fflags", ok: fpOn,
			read:  func(h *Hart) uint64 { return uint64(h.fflags) },
			write: func(h *Hart, v uint64) { h.fflags = softfloat.Flags(v & 31); h.dirtyFP() }},
		{num: csrFRM, name: "frm", ok: fpOn,
			read:  func(h *Hart) uint64 { return uint64(h.frm) },
			write: func(h *Hart, v uint64) { h.frm = uint8(v & 7); h.dirtyFP() }},
		{num: csrFCSR, name: "fcsr", ok: fpOn,
			read: func(h *Hart) uint64 { return uint64(h.frm)<<5 | uint64(h.fflags) },
			write: func(h *Hart, v uint64) {
				h.fflags, h.frm = softfloat.Flags(v&31), uint8(v>>5&7)
				h.dirtyFP()
			}},

		{num: 0x100, name: "sstatus",
			read:  func(h *Hart) uint64 { return h.mstatusValue() & sstatusReadable },
			write: func(h *Hart, v uint64) { h.writeMstatus(v, sstatusWritable) }},
		{num: 0x104, name: "sie",
			read: func(h *Hart) uint64 { return h.csr.mie & h.csr.mideleg },
			write: func(h *Hart, v uint64) {
				h.csr.mie = h.csr.mie&^h.csr.mideleg | v&h.csr.mideleg
			}},
		{num: 0x105, name: "stvec",
			read:  func(h *Hart) uint64 { return h.csr.stvec },
			write: func(h *Hart, v uint64) { h.csr.stvec = v &^ 2 }},
		plain(0x106, "scounteren", 1<<32-1, func(c *csrState) *uint64 { return &c.scounteren }),
		{num: 0x10a, name: "senvcfg",
			read:  func(h *Hart) uint64 { return h.csr.senvcfg },
			write: func(h *Hart, v uint64) { h.csr.senvcfg = legalEnvcfg(h.csr.senvcfg, v, senvcfgWritable) }},
		plain(0x140, "sscratch", all64, func(c *csrState) *uint64 { return &c.sscratch }),
		plain(0x141, "sepc", all64&^1, func(c *csrState) *uint64 { return &c.sepc }),
		plain(0x142, "scause", all64, func(c *csrState) *uint64 { return &c.scause }),
		plain(0x143, "stval", all64, func(c *csrState) *uint64 { return &c.stval }),
		{num: 0x144, name: "sip",
			read: func(h *Hart) uint64 { return h.mipValue() & h.csr.mideleg },
			write: func(h *Hart, v uint64) {
				m := h.csr.mideleg & IntSSoft
				h.csr.mip = h.csr.mip&^m | v&m
			}},
		{num: csrStimecmp, name: "stimecmp",
			ok: func(h *Hart) bool {
				return h.priv == Machine || h.csr.mcounteren&2 != 0 && h.csr.menvcfg&envcfgSTCE != 0
			},
			read:  func(h *Hart) uint64 { return h.csr.stimecmp },
			write: func(h *Hart, v uint64) { h.SetStimecmp(v) }},
		{num: csrSATP, name: "satp",
			ok:   func(h *Hart) bool { return h.priv == Machine || h.csr.mstatus&mstatusTVM == 0 },
			read: func(h *Hart) uint64 { return h.csr.satp },
			write: func(h *Hart, v uint64) {
				switch v >> satpModeShift {
				case satpBare, satpSv39, satpSv48, satpSv57:
					h.csr.satp = v
					h.FlushTLB()
				}
			}},

		constant(0xf11, "mvendorid", vendorID),
		constant(0xf12, "marchid", archID),
		constant(0xf13, "mimpid", implID),
		{num: 0xf14, name: "mhartid", read: func(h *Hart) uint64 { return h.id }},
		constant(0xf15, "mconfigptr", 0),

		{num: 0x300, name: "mstatus",
			read:  (*Hart).mstatusValue,
			write: func(h *Hart, v uint64) { h.writeMstatus(v, mstatusWritable) }},
		constant(0x301, "misa", misaValue),
		plain(0x302, "medeleg", medelegWritable, func(c *csrState) *uint64 { return &c.medeleg }),
		plain(0x303, "mideleg", sInts, func(c *csrState) *uint64 { return &c.mideleg }),
		plain(0x304, "mie", allInts, func(c *csrState) *uint64 { return &c.mie }),
		{num: 0x305, name: "mtvec",
			read:  func(h *Hart) uint64 { return h.csr.mtvec },
			write: func(h *Hart, v uint64) { h.csr.mtvec = v &^ 2 }},
		plain(0x306, "mcounteren", 1<<32-1, func(c *csrState) *uint64 { return &c.mcounteren }),
		{num: 0x30a, name: "menvcfg",
			read: func(h *Hart) uint64 { return h.csr.menvcfg },
			write: func(h *Hart, v uint64) {
				h.csr.menvcfg = legalEnvcfg(h.csr.menvcfg, v, menvcfgWritable)
				h.FlushTLB() // ADUE and PBMTE change what page tables mean
				h.UpdateTimer()
				h.env.TimerChanged(h)
			}},
		{num: 0x320, name: "mcountinhibit",
			read:  func(h *Hart) uint64 { return h.csr.mcountinhibit },
			write: (*Hart).writeCountInhibit},
		plain(0x340, "mscratch", all64, func(c *csrState) *uint64 { return &c.mscratch }),
		plain(0x341, "mepc", all64&^1, func(c *csrState) *uint64 { return &c.mepc }),
		plain(0x342, "mcause", all64, func(c *csrState) *uint64 { return &c.mcause }),
		plain(0x343, "mtval", all64, func(c *csrState) *uint64 { return &c.mtval }),
		{num: 0x344, name: "mip",
			read:   (*Hart).mipValue,
			modify: func(h *Hart) uint64 { return h.csr.mip }, // SEIP: without the wire
			write: func(h *Hart, v uint64) {
				m := IntSSoft | IntSExt
				if h.csr.menvcfg&envcfgSTCE == 0 {
					m |= IntSTimer
				}
				h.csr.mip = v & m
			}},

		// No triggers: tselect is hard-wired, which is how software finds out.
		constant(0x7a0, "tselect", 0),
		constant(0x7a1, "tdata1", 0),
		constant(0x7a2, "tdata2", 0),
		constant(0x7a3, "tdata3", 0),

		{num: 0xb00, name: "mcycle", read: (*Hart).cycleValue,
			write: func(h *Hart, v uint64) {
				h.csr.cycle.write(v, h.Steps(), h.csr.mcountinhibit&inhibitCycle != 0)
			}},
		{num: 0xb02, name: "minstret", read: (*Hart).instretValue,
			write: func(h *Hart, v uint64) {
				h.csr.instret.write(v, h.Retired(), h.csr.mcountinhibit&inhibitInstret != 0)
			}},
		{num: 0xc00, name: "cycle", read: (*Hart).cycleValue, ok: counterOn(0)},
		{num: csrTime, name: "time", read: func(h *Hart) uint64 { return h.env.Time() }, ok: counterOn(1)},
		{num: 0xc02, name: "instret", read: (*Hart).instretValue, ok: counterOn(2)},
	}
	for i := range uint16(29) { // Zihpm: counters that count nothing
		k := i + 3
		list = append(list,
			constant(0xb00+k, fmt.Sprintf("mhpmcounter%d", k), 0),
			constant(0x320+k, fmt.Sprintf("mhpmevent%d", k), 0),
			csrDef{num: 0xc00 + k, name: fmt.Sprintf("hpmcounter%d", k),
				read: func(*Hart) uint64 { return 0 }, ok: counterOn(k)})
	}
	for reg := 0; reg < 16; reg += 2 {
		d := constant(uint16(0x3a0+reg), fmt.Sprintf("pmpcfg%d", reg), 0)
		if reg*4 < pmpEntries {
			d.read = func(h *Hart) uint64 { return h.csr.pmp.readCfg(reg) }
			d.write = func(h *Hart, v uint64) { h.csr.pmp.writeCfg(reg, v); h.FlushTLB() }
		}
		list = append(list, d)
	}
	for i := range 64 {
		d := constant(uint16(0x3b0+i), fmt.Sprintf("pmpaddr%d", i), 0)
		if i < pmpEntries {
			d.read = func(h *Hart) uint64 { return h.csr.pmp.addr[i] }
			d.write = func(h *Hart, v uint64) { h.csr.pmp.writeAddr(i, v); h.FlushTLB() }
		}
		list = append(list, d)
	}
	return list
}

// csrTable is csrList indexed by number; built once, never written again.
var csrTable = func() *[4096]*csrDef {
	var t [4096]*csrDef
	for _, d := range csrList() {
		if t[d.num] != nil {
			panic("BUG: two CSRs with one number: " + d.name)
		}
		t[d.num] = &d
	}
	return &t
}()

// CSRInfo names a CSR for debuggers.
type CSRInfo struct {
	Num  uint16
	Name string
}

// CSRs lists the implemented CSRs in order of their numbers.
func CSRs() []CSRInfo {
	var l []CSRInfo
	for n, d := range csrTable {
		if d != nil {
			l = append(l, CSRInfo{uint16(n), d.name})
		}
	}
	return l
}

// CSR reads a CSR without side effects or permission check; false if there is none
// with that number.
func (h *Hart) CSR(num uint16) (uint64, bool) {
	if d := csrTable[num&0xfff]; d != nil {
		return d.read(h), true
	}
	return 0, false
}

// SetCSR writes a CSR as M-mode software would; false if there is none.
func (h *Hart) SetCSR(num uint16, v uint64) bool {
	d := csrTable[num&0xfff]
	if d == nil {
		return false
	}
	if d.write != nil {
		d.write(h, v)
	}
	return true
}

// csrFor finds a CSR that the current mode may access; nil means illegal
// instruction (privileged specification, 2.1).
func (h *Hart) csrFor(num uint16, write bool) *csrDef {
	d := csrTable[num]
	if d == nil || uint16(h.priv) < num>>8&3 || write && num>>10 == 3 || d.ok != nil && !d.ok(h) {
		return nil
	}
	return d
}

func fpOn(h *Hart) bool { return h.csr.mstatus&mstatusFS != 0 }

func (h *Hart) dirtyFP() { h.csr.mstatus |= mstatusFS }

// counterOn is the condition for the user-level counters: enabled by every more
// privileged mode.
func counterOn(bit uint16) func(h *Hart) bool {
	return func(h *Hart) bool {
		m := uint64(1) << bit
		return h.priv == Machine || h.csr.mcounteren&m != 0 && (h.priv == Supervisor || h.csr.scounteren&m != 0)
	}
}

func (h *Hart) mstatusValue() uint64 {
	v := h.csr.mstatus
	if v&mstatusFS == mstatusFS {
		v |= mstatusSD
	}
	return v
}

func (h *Hart) writeMstatus(v, mask uint64) {
	old := h.csr.mstatus
	st := old&^mask | v&mask
	if st&mstatusMPP == 2<<mstatusMPPShift { // no such mode
		st = st&^mstatusMPP | old&mstatusMPP
	}
	h.csr.mstatus = st
	changed := st ^ old
	if changed&mstatusMXR != 0 {
		h.FlushTLB()
	}
	if changed&(mstatusSUM|mstatusMPRV|mstatusMPP) != 0 {
		h.updateMMU()
	}
}

// legalEnvcfg applies the WARL rule of CBIE: 2 is reserved.
func legalEnvcfg(old, v, mask uint64) uint64 {
	v &= mask
	if v&envcfgCBIE == 2<<envcfgCBIEShift {
		v = v&^envcfgCBIE | old&envcfgCBIE
	}
	return v
}

func (h *Hart) cycleValue() uint64 {
	return h.csr.cycle.read(h.Steps(), h.csr.mcountinhibit&inhibitCycle != 0)
}

func (h *Hart) instretValue() uint64 {
	return h.csr.instret.read(h.Retired(), h.csr.mcountinhibit&inhibitInstret != 0)
}

func (h *Hart) writeCountInhibit(v uint64) {
	cycle, instret := h.cycleValue(), h.instretValue()
	old := h.csr.mcountinhibit
	h.csr.mcountinhibit = v & (inhibitCycle | inhibitInstret)
	if (old^v)&inhibitCycle != 0 {
		h.csr.cycle.write(cycle, h.Steps(), v&inhibitCycle != 0)
	}
	if (old^v)&inhibitInstret != 0 {
		h.csr.instret.write(instret, h.Retired(), v&inhibitInstret != 0)
	}
}
