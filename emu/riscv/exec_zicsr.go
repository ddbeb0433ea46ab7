// SPDX-License-Identifier: Apache-2.0

package riscv

import "vdev/emu/riscv/isa"

// Zicsr (unprivileged specification, 6). A CSR instruction ends its block, since
// almost any CSR can change what happens next.

type csrMode uint8

const (
	csrWrite csrMode = iota
	csrSet
	csrClear
)

func addCSROps(t *slowTable) {
	for _, c := range []struct {
		reg, imm isa.Op
		mode     csrMode
	}{
		{isa.OpCSRRW, isa.OpCSRRWI, csrWrite},
		{isa.OpCSRRS, isa.OpCSRRSI, csrSet},
		{isa.OpCSRRC, isa.OpCSRRCI, csrClear},
	} {
		t[c.reg] = func(h *Hart, u *uop, pc uint64) status { return h.csrOp(u, pc, c.mode, h.x[u.rs1]) }
		t[c.imm] = func(h *Hart, u *uop, pc uint64) status { return h.csrOp(u, pc, c.mode, uint64(u.rs1)) }
	}
}

func (h *Hart) csrOp(u *uop, pc uint64, mode csrMode, src uint64) status {
	write := mode == csrWrite || u.rs1 != 0
	d := h.csrFor(uint16(u.imm), write)
	if d == nil {
		return h.illegal(pc)
	}
	var old uint64
	if mode != csrWrite || u.rd != regSink {
		old = d.read(h)
	}
	if write && d.write != nil {
		base := old
		if d.modify != nil {
			base = d.modify(h)
		}
		switch mode {
		case csrSet:
			src |= base
		case csrClear:
			src = base &^ src
		}
		d.write(h, src)
	}
	h.x[u.rd] = old
	return stExit
}
