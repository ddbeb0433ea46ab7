// SPDX-License-Identifier: Apache-2.0

package iommu

import (
	"math"

	"vdev/mmio"
)

// capabilities is what the model does, no more (section 5.3).
func (c *Config) capabilities() uint64 {
	v := uint64(capVersion | capSv39 | capSv48 | capSv57 | capSvpbmt | capSv39x4 | capSv48x4 | capSv57x4 |
		capAMOHWAD | capIGSWires | capHPM | capDBG | capPAS56 | capPD8 | capPD17 | capPD20)
	if c.NoSvpbmt {
		v &^= capSvpbmt
	}
	if c.MSI {
		v |= capMSIFlat
	}
	if c.ATS {
		v |= capATS
	}
	return v
}

func ppnField() mmio.Field { return mmio.Bits(53, 10, "PPN", "page number") }

// base declares the base register of a queue. Queues of up to 65536 entries bound the
// work that one access can cause; software learns it by writing all ones. It cannot be
// moved while the queue is on.
func (u *IOMMU) base(q *queue, entry, index string) mmio.Reg {
	return mmio.Reg{Name: q.name, Offset: q.off, Width: 8, Sizes: 4 | 8, Doc: "Where the queue of " + entry + " is, and its size.",
		ROMask: 1 << 4, Reserved: mmio.Mask(9, 5) | mmio.Mask(63, 54),
		Fields: []mmio.Field{mmio.Bits(4, 0, "LOG2SZ-1", "log2 of the number of entries, minus 1"), ppnField()},
		PreWrite: func(_ int, old, v uint64) uint64 {
			if v != old && u.Get(q.csr)&csrOn != 0 {
				u.Report(mmio.EventBadValue, q.name, q.off, v)
				return old
			}
			return v
		},
		// The index that software writes keeps only the bits that are left.
		PostWrite: func(_ int, _, v uint64) {
			id, _ := u.Lookup(index)
			u.Set(id, u.Get(id)&(2<<(v&31)-1))
		}}
}

// index declares a queue's index that software writes; it has no more bits than the
// queue's size.
func index(name string, off uint64, doc string, mask func() uint64, after func()) mmio.Reg {
	r := mmio.Reg{Name: name, Offset: off, Doc: doc,
		PreWrite: func(_ int, _, v uint64) uint64 { return v & mask() }}
	if after != nil {
		r.Starts = true
		r.PostWrite = func(int, uint64, uint64) { after() }
	}
	return r
}

// control declares a queue's control and status register.
func control(name string, off uint64, w1c uint64, fields []mmio.Field, after func(old, v uint64)) mmio.Reg {
	known := csrEnable | csrInterrupt | csrOn | w1c
	return mmio.Reg{Name: name, Offset: off, Doc: "Controls the queue and says how it fares.", Starts: true,
		W1C: w1c, ROMask: csrOn | 1<<17, Reserved: math.MaxUint32 &^ (known | 1<<17),
		Fields:    append([]mmio.Field{mmio.Bit(16, "on", "the queue is active"), mmio.Bit(17, "busy", "never seen set")}, fields...),
		PostWrite: func(_ int, old, v uint64) { after(old, v) }}
}

func fillFields(prefix string) []mmio.Field {
	return []mmio.Field{mmio.Bit(0, prefix+"en", "enable"), mmio.Bit(1, "ie", "interrupt enable"),
		mmio.Bit(8, "mf", "memory fault"), mmio.Bit(9, "of", "overflow")}
}

// absent makes a register of a feature that is not there read as zero and ignore
// writes (section 5).
func absent(r mmio.Reg) mmio.Reg {
	return mmio.Reg{Name: r.Name, Offset: r.Offset, Width: r.Width, Sizes: r.Sizes, Access: mmio.RO, Doc: "Absent: " + r.Doc}
}

func (u *IOMMU) block(c *Config) mmio.Block {
	page := func(r mmio.Reg) mmio.Reg {
		if c.ATS {
			return r
		}
		return absent(r)
	}
	regs := []mmio.Reg{
		regCapabilities: {Name: "capabilities", Offset: 0, Width: 8, Sizes: 4 | 8, Access: mmio.RO, Reset: c.capabilities(),
			Doc: "What this IOMMU can do.",
			Fields: []mmio.Field{mmio.Bits(7, 0, "version", ""), mmio.Bit(8, "Sv32", ""), mmio.Bit(9, "Sv39", ""), mmio.Bit(10, "Sv48", ""),
				mmio.Bit(11, "Sv57", ""), mmio.Bit(15, "Svpbmt", ""), mmio.Bit(16, "Sv32x4", ""), mmio.Bit(17, "Sv39x4", ""),
				mmio.Bit(18, "Sv48x4", ""), mmio.Bit(19, "Sv57x4", ""), mmio.Bit(22, "MSI_FLAT", ""), mmio.Bit(24, "AMO_HWAD", ""),
				mmio.Bit(25, "ATS", ""), mmio.Bit(27, "END", ""), mmio.Bits(29, 28, "IGS", "1: interrupts on wires only"),
				mmio.Bit(30, "HPM", ""), mmio.Bit(31, "DBG", ""), mmio.Bits(37, 32, "PAS", "bits of a physical address"),
				mmio.Bit(38, "PD8", ""), mmio.Bit(39, "PD17", ""), mmio.Bit(40, "PD20", "")}},
		regFctl: {Name: "fctl", Offset: 8, Reset: fctlWSI, ROMask: 7, Reserved: mmio.Mask(31, 3),
			Doc:    "Features to choose: there is no choice.",
			Fields: []mmio.Field{mmio.Bit(0, "BE", "big-endian"), mmio.Bit(1, "WSI", "interrupts on wires"), mmio.Bit(2, "GXL", "Sv32 schemes")}},
		regDdtp: {Name: "ddtp", Offset: 16, Width: 8, Sizes: 4 | 8, ROMask: 1 << 4, Reserved: mmio.Mask(9, 5) | mmio.Mask(63, 54),
			Doc: "The device directory, and whether there is one.",
			Fields: []mmio.Field{{Name: "iommu_mode", Lo: 0, Hi: 3, Enum: []mmio.Enum{{Value: ddtpOff, Name: "off"}, {Value: ddtpBare, Name: "bare"},
				{Value: ddtp1LVL, Name: "1LVL"}, {Value: 3, Name: "2LVL"}, {Value: ddtp3LVL, Name: "3LVL"}}},
				mmio.Bit(4, "busy", "never seen set"), ppnField()},
			PreWrite: u.writeDdtp},

		regCqb: u.base(&u.cq, "commands", "cqt"),
		regCqh: {Name: "cqh", Offset: 32, Access: mmio.RO, Doc: "The next command to be fetched."},
		regCqt: index("cqt", 36, "Behind the last command.", func() uint64 { return u.cq.mask() }, func() { u.runCommands() }),
		regFqb: u.base(&u.fq, "fault records", "fqh"),
		regFqh: index("fqh", 48, "The next record that software reads.", func() uint64 { return u.fq.mask() }, nil),
		regFqt: {Name: "fqt", Offset: 52, Access: mmio.RO, Doc: "Where the next record goes."},
		regPqb: page(u.base(&u.pq, "page requests", "pqh")),
		regPqh: page(index("pqh", 64, "The next page request that software reads.", func() uint64 { return u.pq.mask() }, nil)),
		regPqt: {Name: "pqt", Offset: 68, Access: mmio.RO, Doc: "Where the next page request goes."},

		regCqcsr: control("cqcsr", 72, commandErrors|csrFence, []mmio.Field{mmio.Bit(0, "cqen", "enable"), mmio.Bit(1, "cie", "interrupt enable"),
			mmio.Bit(8, "cqmf", "memory fault"), mmio.Bit(9, "cmd_to", "a device did not answer"), mmio.Bit(10, "cmd_ill", "illegal command"),
			mmio.Bit(11, "fence_w_ip", "an IOFENCE.C completed")}, func(old, v uint64) { u.cq.controlled(old, v); u.runCommands() }),
		regFqcsr: control("fqcsr", 76, fillErrors, fillFields("fq"), func(old, v uint64) { u.fq.controlled(old, v) }),
		regPqcsr: page(control("pqcsr", 80, fillErrors, fillFields("pq"), func(old, v uint64) { u.pq.controlled(old, v) })),
		regIpsr: {Name: "ipsr", Offset: 84, W1C: 15, Reserved: mmio.Mask(31, 4), Doc: "Interrupts that are pending.",
			Fields:    []mmio.Field{mmio.Bit(ipCommand, "cip", ""), mmio.Bit(ipFault, "fip", ""), mmio.Bit(ipCounter, "pmip", ""), mmio.Bit(ipPage, "pip", "")},
			PostWrite: func(int, uint64, uint64) { u.update() }},

		regIocountovf: {Name: "iocountovf", Offset: 88, Access: mmio.RO, Doc: "OF of each counter; bit 0 is the cycle counter.",
			PreRead: func(int, uint64) uint64 { return u.overflows() }},
		regIocountinh: {Name: "iocountinh", Offset: 92, Doc: "Counters that stand still; bit 0 is the cycle counter.",
			PreWrite:  func(_ int, _, v uint64) uint64 { u.setCycles(u.cycles()); return v },
			PostWrite: func(int, uint64, uint64) { u.counted() }},
		regIohpmcycles: {Name: "iohpmcycles", Offset: 96, Width: 8, Sizes: 4 | 8, Doc: "Nanoseconds of virtual time.",
			Fields:    []mmio.Field{mmio.Bits(62, 0, "counter", ""), mmio.Bit(63, "OF", "overflow")},
			PreRead:   func(int, uint64) uint64 { return u.cycles() },
			PostWrite: func(_ int, _, v uint64) { u.setCycles(v) }},
		regIohpmctr: {Name: "iohpmctr", Offset: 104, Width: 8, Sizes: 4 | 8, Count: numEvents, Doc: "Event counters 1 to 31."},
		regIohpmevt: {Name: "iohpmevt", Offset: 352, Width: 8, Sizes: 4 | 8, Count: numEvents, Doc: "What counters 1 to 31 count.",
			Fields: []mmio.Field{mmio.Bits(14, 0, "eventID", ""), mmio.Bit(15, "DMASK", "low bits of DID_GSCID match anything"),
				mmio.Bits(35, 16, "PID_PSCID", ""), mmio.Bits(59, 36, "DID_GSCID", ""), mmio.Bit(60, "PV_PSCV", "compare PID_PSCID"),
				mmio.Bit(61, "DV_GSCV", "compare DID_GSCID"), mmio.Bit(62, "IDT", "soft-context identifiers, not device and process"),
				mmio.Bit(63, "OF", "overflow")},
			PreWrite:  func(_ int, old, v uint64) uint64 { return legalEvent(old, v) },
			PostWrite: func(int, uint64, uint64) { u.counted() }},

		regTrReqIova: {Name: "tr_req_iova", Offset: 600, Width: 8, Sizes: 4 | 8, Reserved: mmio.Mask(11, 0), Doc: "Address to translate for software."},
		regTrReqCtl: {Name: "tr_req_ctl", Offset: 608, Width: 8, Sizes: 4 | 8, Reserved: mmio.Mask(11, 4) | mmio.Mask(39, 33), Starts: true,
			Doc: "Translates tr_req_iova.",
			Fields: []mmio.Field{mmio.Bit(0, "Go", "set: translate; never seen set"), mmio.Bit(1, "Priv", ""), mmio.Bit(2, "Exe", ""),
				mmio.Bit(3, "NW", "not for writing"), mmio.Bits(31, 12, "PID", ""), mmio.Bit(32, "PV", ""), mmio.Bits(63, 40, "DID", "")},
			PostWrite: func(_ int, _, v uint64) { u.debugTranslate(v) }},
		regTrResponse: {Name: "tr_response", Offset: 616, Width: 8, Sizes: 4 | 8, Access: mmio.RO, Doc: "What tr_req_iova translated to.",
			Fields: []mmio.Field{mmio.Bit(0, "fault", ""), mmio.Bits(8, 7, "PBMT", ""), mmio.Bit(9, "S", "size is in PPN's trailing ones"), ppnField()}},
		regIommuQosid: absent(mmio.Reg{Name: "iommu_qosid", Offset: 624, Doc: "QoS identifiers."}),
		regIcvec: {Name: "icvec", Offset: 760, Width: 8, Sizes: 4 | 8, Reserved: mmio.Mask(63, 16), Doc: "The wire of each interrupt.",
			Fields: []mmio.Field{mmio.Bits(3, 0, "civ", ""), mmio.Bits(7, 4, "fiv", ""), mmio.Bits(11, 8, "pmiv", ""), mmio.Bits(15, 12, "piv", "")},
			PreWrite: func(_ int, old, v uint64) uint64 {
				for ip := uint(0); ip < numIP; ip++ {
					if int(vector(v, ip)) >= len(u.wires) {
						v = v&^(15<<(4*ip)) | old&(15<<(4*ip))
					}
				}
				return v
			},
			PostWrite: func(int, uint64, uint64) { u.update() }},
		regMsiAddr:   {Name: "msi_addr", Offset: 768, Width: 8, Sizes: 4 | 8, Count: numVectors, Stride: 16, Access: mmio.RO, Doc: "Absent: interrupts are wires."},
		regMsiData:   {Name: "msi_data", Offset: 776, Count: numVectors, Stride: 16, Access: mmio.RO, Doc: "Absent: interrupts are wires."},
		regMsiVecCtl: {Name: "msi_vec_ctl", Offset: 780, Count: numVectors, Stride: 16, Access: mmio.RO, Doc: "Absent: interrupts are wires."},
	}
	return mmio.Block{
		Title: "RISC-V IOMMU",
		Doc:   "Translates what bus masters access, by the RISC-V IOMMU Architecture Specification, version 1.0.",
		Size:  windowSize,
		Regs:  regs,
	}
}

// writeDdtp keeps the mode if the new one does not exist (WARL). Between directories of
// different depth software must pass through off or bare (section 5.5); it stays with the
// old one otherwise.
func (u *IOMMU) writeDdtp(_ int, old, v uint64) uint64 {
	if v&15 > ddtp3LVL {
		u.Report(mmio.EventBadValue, "ddtp", 16, v)
		v = v&^15 | old&15
	}
	if was, is := old&15, v&15; was >= ddtp1LVL && is >= ddtp1LVL && was != is {
		u.Report(mmio.EventBadValue, "ddtp", 16, v)
		return old
	}
	if v != old {
		u.forgetPages(nil)
	}
	return v
}
